// The first minute: what someone sees who typed one command and opened the address it printed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { visit } from './support/browser.mjs';
import { startDemo } from './support/demo.mjs';
import { atProvider, pressUser, sessionCookie, signIn } from './support/people.mjs';
import { stage } from './support/stage.mjs';

const ADDED = 'Headers the gateway added';
const REMOVED = 'Headers your browser sent and the gateway removed';

const { demo, browser } = await stage();

/** The part of the sample's page under a heading of these words. */
function part(page, words) {
  return page.getByRole('region', { name: words, exact: true });
}

/** Header names in the first column of its table, in lower case; none if it has no table. */
async function names(page, words) {
  await part(page, words).waitFor();
  const cells = await part(page, words).getByRole('rowheader').allInnerTexts();
  return cells.map((cell) => cell.trim().toLowerCase());
}

describe('the first minute', () => {
  test('the_banner_says_what_to_open_and_who_is_who', () => {
    const banner = demo.output.stdout + demo.output.stderr;
    for (const words of [demo.gateway, demo.provider, demo.upstream, 'alice (staff, ops)', 'bob (staff)', 'eve (no groups)']) {
      assert.ok(banner.includes(words), `the banner names ${words}:\n${banner}`);
    }
  });

  test('one_press_on_alice_ends_at_the_upstream_that_greets_her', () =>
    visit(browser, async (page) => {
      await page.goto(demo.gateway);
      await atProvider(page, demo);
      assert.match(await page.title(), /Sign in to the demo/);
      assert.equal(new URL(page.url()).hostname, 'localhost', 'the provider is another site than the gateway');

      await pressUser(page, demo, 'alice');
      assert.equal(page.url(), `${demo.gateway}/`);
      await page.getByText('You are alice').first().waitFor();

      const added = await names(page, ADDED);
      for (const name of ['x-forwarded-user', 'x-forwarded-email', 'x-forwarded-groups', 'x-forwarded-for', 'x-request-id']) {
        assert.ok(added.includes(name), `${name} is among the headers added: ${added}`);
      }
      const row = part(page, ADDED).getByRole('row').filter({ hasText: /x-forwarded-user/i });
      assert.match(await row.innerText(), /\balice\b/);
      await part(page, REMOVED).waitFor();
    }));

  test('the_page_asked_for_is_the_page_arrived_at', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'alice', '/some/page?x=1&y=%C3%A9');
      assert.equal(page.url(), `${demo.gateway}/some/page?x=1&y=%C3%A9`);
      await page.getByText('You are alice').first().waitFor();
    }));

  test('a_header_that_a_browser_makes_up_is_removed_and_said_to_be', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob');
      await page.setExtraHTTPHeaders({ 'X-Forwarded-User': 'mallory', 'X_Forwarded_Groups': 'ops' });
      await page.goto(demo.gateway);
      await page.getByText('You are bob').first().waitFor();
      assert.ok((await names(page, REMOVED)).includes('x-forwarded-user'), 'the page names the header removed');
      assert.ok(!(await page.content()).includes('mallory'), 'its value did not reach the upstream');
    }));

  test('the_session_cookie_is_host_only_lax_and_hidden_from_scripts', () =>
    visit(browser, async (page, context) => {
      const callback = page.waitForResponse((response) => new URL(response.url()).pathname === '/oauth2/callback');
      await signIn(page, demo, 'alice');
      const set = (await (await callback).headersArray())
        .filter((header) => header.name.toLowerCase() === 'set-cookie')
        .flatMap((header) => header.value.split('\n'))
        .find((value) => value.startsWith('vestibule='));
      assert.ok(set, 'the callback sets the session cookie');
      assert.match(set, /;\s*HttpOnly/i);
      assert.match(set, /;\s*SameSite=Lax/i);
      assert.match(set, /;\s*Path=\/(;|$)/i);
      assert.match(set, /;\s*Max-Age=\d+/i);
      assert.doesNotMatch(set, /;\s*Domain=/i);
      assert.ok(set.length < 3584, `one cookie of ${set.length} characters`);

      const kept = await sessionCookie(context);
      assert.deepEqual(
        { httpOnly: kept.httpOnly, sameSite: kept.sameSite, path: kept.path },
        { httpOnly: true, sameSite: 'Lax', path: '/' },
      );
      assert.equal(await page.evaluate(() => document.cookie), '');
      const pending = (await context.cookies()).filter((cookie) => cookie.name.includes('-login-'));
      assert.deepEqual(pending, [], 'the cookie of the attempt is cleared');
    }));

  test('a_public_page_needs_no_session_and_names_nobody', () =>
    visit(browser, async (page) => {
      const response = await page.goto(`${demo.gateway}/public`);
      assert.equal(response.status(), 200);
      assert.equal(page.url(), `${demo.gateway}/public`);
      assert.doesNotMatch(await page.getByRole('main').innerText(), /You are (alice|bob|eve)/);
    }));

  test('what_is_no_browser_gets_401_and_the_way_to_sign_in', async () => {
    const response = await fetch(demo.gateway, { redirect: 'manual', headers: { accept: '*/*' } });
    assert.equal(response.status, 401);
    assert.match(response.headers.get('content-type'), /^application\/json\b/);
    assert.match(response.headers.get('www-authenticate'), /^Vestibule sign_in="http:\/\/127\.0\.0\.1:\d+\/oauth2\/[^"]*"$/);
    assert.match(response.headers.get('cache-control'), /no-store/);
    assert.equal(response.headers.get('set-cookie'), null, 'no sign-in starts');
    const body = await response.json();
    assert.equal(body.error, 'sign_in_required');
    assert.ok(body.sign_in.startsWith(`${demo.gateway}/oauth2/`), body.sign_in);
    assert.equal(body.reference, response.headers.get('x-request-id'));
  });

  test('a_script_of_a_page_is_never_redirected_to_the_provider', () =>
    visit(browser, async (page) => {
      await page.goto(`${demo.gateway}/public`);
      const seen = await page.evaluate(async () => {
        const response = await fetch('/private.json', { redirect: 'manual' });
        return { status: response.status, type: response.type };
      });
      assert.deepEqual(seen, { status: 401, type: 'basic' });
    }));

  test('control_c_ends_it_well', async () => {
    const own = await startDemo();
    assert.deepEqual(await own.stop('SIGINT'), { code: 0, signal: null });
  });
});
