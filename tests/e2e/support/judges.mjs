// Outside opinions on a page: axe for people who use it differently, html-validate for the markup, and its own width.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axeCore from 'axe-core';
import { FileSystemConfigLoader, HtmlValidate } from 'html-validate';

const markup = new HtmlValidate(
  new FileSystemConfigLoader({
    root: true,
    extends: ['html-validate:recommended', 'html-validate:document'],
    rules: {
      // Both spellings are HTML; templates decide about white space.
      'doctype-style': 'off',
      'no-trailing-whitespace': 'off',
      'void-style': 'off',
    },
  }),
);

/** No violation of WCAG 2.1 A and AA nor of axe's best practices. */
export async function axe(page) {
  // Evaluated by the debugger rather than added as a script: the page's own policy stays in force.
  await page.evaluate(axeCore.source);
  // A colour on its way from light to dark is neither.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
      resultTypes: ['violations'],
    }),
  );
  const told = violations.map(
    (rule) => `${rule.id} (${rule.impact}): ${rule.help}\n${rule.nodes.map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`,
  );
  assert.deepEqual(told, [], `axe on ${page.url()}\n${told.join('\n')}`);
}

/** The markup as sent is valid HTML. */
export async function validHtml(source, name) {
  const report = await markup.validateString(source, `${name}.html`);
  const told = report.results.flatMap((result) =>
    result.messages.map((fault) => `${name}:${fault.line}:${fault.column} ${fault.ruleId}: ${fault.message}`),
  );
  assert.deepEqual(told, []);
}

/** Nothing has to be scrolled sideways. */
export async function fitsItsWidth(page) {
  const { content, view } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    view: document.documentElement.clientWidth,
  }));
  assert.ok(content <= view, `${page.url()} is ${content} px wide in a window of ${view} px`);
}

/** All of the above, in light and dark, wide and 320 px narrow. A picture of each when E2E_PICTURES names a folder. */
export async function judge(page, source, name) {
  await validHtml(source, name);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1024, 320]) {
      await page.setViewportSize({ width, height: 768 });
      await axe(page);
      await fitsItsWidth(page);
      const folder = process.env.E2E_PICTURES;
      if (folder) {
        mkdirSync(folder, { recursive: true });
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
  }
}
