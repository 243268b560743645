// Ten tabs that a browser restores at once, none with a session: each ends on its own page.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { visit } from './support/browser.mjs';
import { atProvider, backAt, pressUser } from './support/people.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

const pathOf = (tab) => `/tab/${tab}?of=ten&n=${tab}`;

/** Opens ten tabs at once; resolves when all show the provider's sign-in page. */
async function openTen(first, context) {
  const tabs = [first];
  while (tabs.length < 10) tabs.push(await context.newPage());
  await Promise.all(
    tabs.map(async (page, tab) => {
      await page.goto(demo.gateway + pathOf(tab));
      await atProvider(page, demo);
    }),
  );
  return tabs;
}

async function isOnItsPage(page, tab) {
  assert.equal(page.url(), demo.gateway + pathOf(tab));
  await page.getByText('You are alice').first().waitFor();
}

describe('ten tabs at once', () => {
  test('signing_in_in_each_ends_on_the_page_of_each', () =>
    visit(browser, async (first, context) => {
      const tabs = await openTen(first, context);
      // Last opened, first signed in: the order must not matter.
      for (const [tab, page] of [...tabs.entries()].reverse()) {
        await page.bringToFront();
        await pressUser(page, demo, 'alice');
        await isOnItsPage(page, tab);
      }
    }));

  test('one_sign_in_is_enough_for_tabs_that_are_opened_again', () =>
    visit(browser, async (first, context) => {
      const tabs = await openTen(first, context);
      await pressUser(first, demo, 'alice');
      await isOnItsPage(first, 0);
      await Promise.all(
        [...tabs.entries()].slice(1).map(async ([tab, page]) => {
          await page.goto(demo.gateway + pathOf(tab));
          await isOnItsPage(page, tab);
        }),
      );
    }));

  test('a_session_at_the_provider_lets_ten_starts_pass_at_once', () =>
    visit(browser, async (first, context) => {
      await first.goto(demo.gateway);
      await atProvider(first, demo);
      await pressUser(first, demo, 'alice');
      await context.clearCookies({ domain: '127.0.0.1' });
      const tabs = [first];
      while (tabs.length < 10) tabs.push(await context.newPage());
      await Promise.all(
        tabs.map(async (page, tab) => {
          await page.goto(demo.gateway + pathOf(tab));
          await backAt(page, demo.gateway);
          await isOnItsPage(page, tab);
        }),
      );
    }));
});
