// Signing out: from the application's page to "You are signed out", here and at the provider, copies included.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { documentAfter, visit } from './support/browser.mjs';
import { action, atProvider, sessionCookie, signIn } from './support/people.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

const SIGNED_OUT = { level: 1, name: 'You are signed out' };

/** From the confirmation page through the provider's question to the end. */
async function confirm(page) {
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.waitForURL((url) => url.origin === demo.provider);
  await page.getByRole('button', { name: /sign out|yes/i }).first().click();
  await page.waitForURL((url) => url.origin === demo.gateway && url.pathname === '/oauth2/signed_out');
  await page.getByRole('heading', SIGNED_OUT).waitFor();
}

/** The status that this copied cookie gets from a program. */
async function statusOf(cookie) {
  const response = await fetch(demo.gateway, {
    redirect: 'manual',
    headers: { cookie: `${cookie.name}=${cookie.value}`, accept: 'application/json' },
  });
  await response.arrayBuffer();
  return response.status;
}

describe('signing out', () => {
  test('it_ends_the_session_here_and_at_the_provider', () =>
    visit(browser, async (page, context) => {
      await signIn(page, demo, 'alice');
      await action(page, 'Sign out').click();
      await page.waitForURL(`${demo.gateway}/oauth2/sign_out*`);
      await page.getByRole('heading', { level: 1, name: /^Sign out of .+\?$/ }).waitFor();
      await confirm(page);
      assert.equal(await sessionCookie(context), undefined, 'the session cookie is cleared');

      await page.goto(demo.gateway);
      await atProvider(page, demo);
    }));

  test('a_copied_cookie_is_dead_afterwards', () =>
    visit(browser, async (page, context) => {
      await signIn(page, demo, 'alice');
      const copy = await sessionCookie(context);
      assert.equal(await statusOf(copy), 200, 'the copy works while the session lives');

      await page.goto(`${demo.gateway}/oauth2/sign_out`);
      await confirm(page);
      assert.equal(await statusOf(copy), 401);
      await visit(browser, async (thief, thiefs) => {
        await thiefs.addCookies([copy]);
        await thief.goto(demo.gateway);
        await atProvider(thief, demo);
      });
    }));

  test('the_session_of_another_browser_goes_on', () =>
    visit(browser, async (page, context) => {
      await signIn(page, demo, 'alice');
      const other = await sessionCookie(context);
      await visit(browser, async (second) => {
        await signIn(second, demo, 'alice');
        await second.goto(`${demo.gateway}/oauth2/sign_out`);
        await confirm(second);
      });
      assert.equal(await statusOf(other), 200);
    }));

  test('staying_changes_nothing', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob');
      await page.goto(`${demo.gateway}/oauth2/sign_out`);
      await action(page, 'Stay').click();
      await page.getByText('You are bob').first().waitFor();
    }));

  test('another_site_cannot_sign_anyone_out', () =>
    visit(browser, async (page, context) => {
      await signIn(page, demo, 'alice');
      const cookie = await sessionCookie(context);
      // localhost and 127.0.0.1 are two sites: a form there posts across.
      await page.goto(demo.provider);
      const response = await documentAfter(page, () =>
        page.evaluate((target) => {
          const form = document.createElement('form');
          form.method = 'post';
          form.action = target;
          document.body.append(form);
          HTMLFormElement.prototype.submit.call(form);
        }, `${demo.gateway}/oauth2/sign_out`),
      );
      assert.equal(response.status(), 403);
      assert.equal(await statusOf(cookie), 200);
    }));

  test('the_last_page_never_signs_in_again_by_itself', () =>
    visit(browser, async (page) => {
      await page.goto(`${demo.gateway}/oauth2/signed_out`);
      await page.getByRole('heading', SIGNED_OUT).waitFor();
      assert.equal(page.url(), `${demo.gateway}/oauth2/signed_out`);
      await action(page, 'Sign in again').click();
      await atProvider(page, demo);
    }));
});
