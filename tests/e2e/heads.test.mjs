// The heads in tests/vectors/chromium are what Chromium sends today, as far as src/web/kind.rs reads them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { launch } from './support/browser.mjs';
import { recordHeads, signs } from './support/heads.mjs';

const browser = await launch();
after(() => browser.close());

/** Name, request line, kind and signs of each head. */
const readable = (name, line, kind, fields) => {
  const read = fields.map(([field, value]) => [field.toLowerCase(), value]);
  const told = read.filter(([field]) => signs.includes(field)).map(([field, value]) => `${field}: ${value}`);
  return [`[${name}]`, line, ...told.sort(), `=> ${kind}`].join('\n');
};

function recorded(which) {
  const text = readFileSync(new URL(`../vectors/chromium/${which}.txt`, import.meta.url), 'utf8');
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('['))
    .map((block) => {
      const [name, line, ...rest] = block.trim().split('\n');
      const kind = rest.pop().replace('=> ', '');
      const fields = rest.map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 2)]);
      return readable(name.slice(1, -1), line, kind, fields);
    });
}

describe('the heads of Chromium', () => {
  for (const which of ['secure', 'plain']) {
    test(`are_still_those_of_${which}_txt`, async () => {
      const now = await recordHeads(browser, which);
      assert.deepEqual(
        now.map(({ name, kind, method, target, fields }) => readable(name, `${method} ${target}`, kind, fields)),
        recorded(which),
        'Chromium changed: run node tests/e2e/record-heads.mjs, then cargo test --test it challenge',
      );
    });
  }
});
