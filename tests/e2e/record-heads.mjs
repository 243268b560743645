// Records the heads that Chromium sends into tests/vectors/chromium. Run again when heads.test.mjs says that they changed:
//   node tests/e2e/record-heads.mjs
// and then look at the difference and run the Rust tests: cargo test --test it challenge

import { mkdirSync, writeFileSync } from 'node:fs';
import { launch } from './support/browser.mjs';
import { recordHeads } from './support/heads.mjs';

const folder = new URL('../vectors/chromium/', import.meta.url);
const intro = {
  secure: 'over http to loopback, which browsers treat like https: with Fetch Metadata',
  plain: 'over plain http to a host that is not loopback: without Fetch Metadata',
};

const browser = await launch();
try {
  mkdirSync(folder, { recursive: true });
  for (const which of ['secure', 'plain']) {
    const heads = await recordHeads(browser, which);
    const blocks = heads.map(({ name, kind, method, target, fields }) => {
      const lines = fields.map(([field, value]) => `${field}: ${value}`);
      return [`[${name}]`, `${method} ${target}`, ...lines, `=> ${kind}`].join('\n');
    });
    const head = [
      `# Heads that Chromium sent ${intro[which]}.`,
      '# Recorded by tests/e2e/record-heads.mjs, without Host, ports and versions. After => stands the kind that it must be.',
    ];
    writeFileSync(new URL(`${which}.txt`, folder), `${head.join('\n')}\n\n${blocks.join('\n\n')}\n`);
    console.log(`${which}: ${heads.length} heads`);
  }
} finally {
  await browser.close();
}
