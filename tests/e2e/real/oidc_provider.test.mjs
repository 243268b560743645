// The npm package `oidc-provider` as the provider: certified software that knows nothing of this gateway.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { documentAfter, visit } from '../support/browser.mjs';
import { axe } from '../support/judges.mjs';
import { action, sessionCookie } from '../support/people.mjs';
import { allow, asksForLogin, backFrom, confirmLogOut, logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';

/** An upstream that answers with the head it was sent. */
const upstream = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, headers: request.headers }));
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const routes = `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["group:staff"]
`;
const { url, provider, gateway, browser } = await realStage({ routes });

/** What the upstream was sent, as its page shows it. */
const seen = async (page) => JSON.parse(await page.locator('body').innerText());

describe('oidc-provider', () => {
  test('a_sign_in_ends_at_the_page_asked_for_with_the_groups_of_userinfo', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/some/page?x=1&y=%C3%A9`);
      await logIn(page, provider, 'alice');
      assert.equal(page.url(), `${url}/some/page?x=1&y=%C3%A9`);
      const { headers } = await seen(page);
      assert.equal(headers['x-forwarded-user'], 'alice');
      assert.equal(headers['x-forwarded-email'], 'alice@example.com');
      // Its ID tokens have no claims of scopes: the groups can only come from userinfo.
      assert.equal(headers['x-forwarded-groups'], 'staff,ops');
      assert.equal(headers.cookie, undefined, 'the session stays with the gateway');
    }));

  test('its_session_signs_in_again_without_a_question', () =>
    visit(browser, async (page, context) => {
      await page.goto(url);
      await logIn(page, provider, 'bob');
      await context.clearCookies({ domain: '127.0.0.1' });
      await page.goto(`${url}/again`);
      await backFrom(page, provider);
      assert.equal((await seen(page)).headers['x-forwarded-user'], 'bob');
      assert.equal(page.url(), `${url}/again`);
    }));

  test('another_account_is_asked_for_where_the_first_is_refused', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/for/staff`);
      await logIn(page, provider, 'eve');
      await page.getByRole('heading', { level: 1, name: 'You do not have access' }).waitFor();
      await axe(page);
      await action(page, 'Use another account').click();
      await logIn(page, provider, 'bob');
      assert.equal(page.url(), `${url}/for/staff`);
      assert.equal((await seen(page)).headers['x-forwarded-user'], 'bob');
    }));

  test('signing_out_ends_both_sessions_and_comes_back_to_say_so', () =>
    visit(browser, async (page, context) => {
      await page.goto(url);
      await logIn(page, provider, 'alice');
      await page.goto(`${url}/oauth2/sign_out`);
      await axe(page);
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await confirmLogOut(page, provider);
      await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
      assert.equal(new URL(page.url()).pathname, '/oauth2/signed_out');
      assert.doesNotMatch(await page.getByRole('main').innerText(), /may still be signed in/i);
      assert.equal(await sessionCookie(context), undefined);
      await axe(page);

      await page.goto(url);
      await asksForLogin(page, provider);
    }));

  test('declining_ends_on_a_page_from_which_one_can_start_again', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/wanted?n=1`);
      await asksForLogin(page, provider);
      const response = await documentAfter(page, () => page.getByRole('link', { name: /Cancel/ }).click());
      assert.equal(response.status(), 403);
      await page.getByRole('heading', { level: 1, name: 'Sign-in did not finish' }).waitFor();
      await axe(page);
      await action(page, 'Start again').click();
      await logIn(page, provider, 'alice');
      assert.equal(page.url(), `${url}/wanted?n=1`);
    }));

  test('a_restart_with_another_key_costs_nobody_anything', () =>
    visit(browser, async (page) => {
      await page.goto(url);
      await logIn(page, provider, 'alice');
      await provider.stop();
      await page.goto(`${url}/while/it/is/away`);
      assert.equal((await seen(page)).url, '/while/it/is/away');

      await provider.start({ newKey: true });
      await visit(browser, async (second) => {
        await second.goto(`${url}/after`);
        await logIn(second, provider, 'bob');
        assert.equal((await seen(second)).headers['x-forwarded-user'], 'bob');
      });
    }));

  test('nothing_secret_was_logged', () => {
    const lines = gateway.lines();
    assert.ok(gateway.events().some((event) => event.event === 'sign_in.succeeded'), lines.slice(0, 2000));
    assert.doesNotMatch(lines, /a secret of this run|[?&](code|state)=/);
  });
});

describe('oidc-provider and a wrong client secret', () => {
  test('the_person_reads_a_page_and_the_operator_a_reason', async () => {
    const other = await realStage({ routes, secret: 'not the one that is registered' });
    await visit(other.browser, async (page) => {
      await page.goto(`${other.url}/wanted`);
      const callback = page.waitForResponse((response) => new URL(response.url()).pathname === '/oauth2/callback');
      await allow(page, other.provider, 'alice');
      assert.equal((await callback).status(), 502);
      await page.getByRole('heading', { level: 1, name: 'Sign-in did not finish' }).waitFor();
      await axe(page);
      const failed = other.gateway.events().find((event) => event.event === 'sign_in.failed');
      assert.equal(failed?.reason, 'token/refused');
      assert.match(JSON.stringify(failed), /invalid_client/);
    });
  });
});
