// Every page that people can get to see, judged from outside: axe, html-validate, light and dark, 320 px wide.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { documentAfter, visit } from './support/browser.mjs';
import { startDemo } from './support/demo.mjs';
import { judge } from './support/judges.mjs';
import { action, atProvider, pressUser, signIn } from './support/people.mjs';
import { startGateway } from './support/providers.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

/** What holds for each page of ours, whatever it says. */
async function isOneOfOurs(page, response, { error = false } = {}) {
  const headers = await response.allHeaders();
  const policy = headers['content-security-policy'] ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe-/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'same-origin');
  assert.match(headers['cache-control'], /no-store/);
  assert.match(headers['content-type'], /^text\/html; ?charset=utf-8$/i);

  const source = await response.text();
  assert.match(source, /<html[^>]* lang="?en/);
  assert.equal(headers['x-robots-tag'], 'noindex');
  assert.doesNotMatch(source, /<script/i);
  assert.equal(await page.getByRole('main').count(), 1);
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  if (error) assert.ok(source.includes(headers['x-request-id']), 'the page shows its reference');
  return source;
}

/** Watches a page for what a strict policy forbids and for requests to other hosts. */
function watch(page, origin) {
  const faults = [];
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`asks ${request.url()}`);
  });
  return faults;
}

const ours = [
  {
    name: 'access-denied',
    status: 403,
    heading: 'You do not have access',
    error: true,
    as: 'bob',
    path: '/admin',
  },
  { name: 'confirm-sign-out', status: 200, heading: /^Sign out of .+\?$/, as: 'alice', path: '/oauth2/sign_out' },
  { name: 'signed-out', status: 200, heading: 'You are signed out', path: '/oauth2/signed_out' },
  { name: 'your-session', status: 200, heading: 'Your session', as: 'alice', path: '/oauth2/' },
  {
    name: 'sign-in-failed',
    status: 400,
    heading: 'Sign-in did not finish',
    error: true,
    path: '/oauth2/callback?state=x&code=y',
  },
  {
    name: 'provider-reported',
    status: 400,
    heading: 'Sign-in did not finish',
    error: true,
    path: '/oauth2/callback?state=x&error=access_denied&error_description=%3Cb%3Eno%3C%2Fb%3E',
  },
  { name: 'not-found', status: 404, error: true, path: '/oauth2/nope' },
  {
    name: 'too-large',
    status: 431,
    error: true,
    path: '/public',
    headers: { 'x-large': 'a'.repeat(40_000) },
  },
];

describe('pages of ours', () => {
  for (const { name, status, heading, error, as, path, headers } of ours) {
    test(name, () =>
      visit(browser, async (page) => {
        if (as) await signIn(page, demo, as);
        if (headers) await page.setExtraHTTPHeaders(headers);
        const faults = watch(page, demo.gateway);
        const response = await documentAfter(page, () => page.goto(demo.gateway + path));
        assert.equal(response.status(), status);
        if (heading) await page.getByRole('heading', { level: 1, name: heading }).waitFor();
        const source = await isOneOfOurs(page, response, { error });
        assert.doesNotMatch(source, /<b>no<\/b>/, 'what a stranger sends is never markup');
        await judge(page, source, name);
        assert.deepEqual(faults, []);
      }),
    );
  }

  test('unknown-host', () =>
    visit(browser, async (page) => {
      const elsewhere = demo.gateway.replace('127.0.0.1', 'localhost');
      const faults = watch(page, elsewhere);
      const response = await documentAfter(page, () => page.goto(`${elsewhere}/`));
      assert.equal(response.status(), 421);
      const source = await isOneOfOurs(page, response, { error: true });
      assert.ok(await page.locator(`a[href^="${demo.gateway}"]`).count(), 'it links to the public address');
      await judge(page, source, 'unknown-host');
      assert.deepEqual(faults, []);
    }));

  test('too-large offers to clear cookies, and that helps', () =>
    visit(browser, async (page, context) => {
      await context.addCookies(
        Array.from({ length: 10 }, (_, n) => ({ name: `big${n}`, value: 'v'.repeat(3900), url: demo.gateway })),
      );
      const refused = await documentAfter(page, () => page.goto(`${demo.gateway}/public`));
      assert.equal(refused.status(), 431);
      const again = await documentAfter(page, () => page.getByRole('button', { name: /Clear this site's/ }).click());
      assert.notEqual(again.status(), 431);
      assert.deepEqual(await context.cookies(demo.gateway).then((left) => left.filter((one) => one.name.startsWith('big'))), []);
    }));

  test('your-session tells who, from where, and until when', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'alice');
      await page.goto(`${demo.gateway}/oauth2/`);
      const words = await page.getByRole('main').innerText();
      for (const word of ['alice', 'staff', 'ops', 'X-Forwarded-User']) {
        assert.ok(words.toLowerCase().includes(word.toLowerCase()), `the page says ${word}:\n${words}`);
      }
      assert.ok(await action(page, 'Sign out').isVisible());
    }));

  test('a_failed_sign_in_can_be_started_again', () =>
    visit(browser, async (page) => {
      await page.goto(`${demo.gateway}/oauth2/callback?state=x&code=y`);
      await action(page, 'Start again').click();
      await atProvider(page, demo);
    }));
});

describe('pages where there are several providers', () => {
  let site;
  before(async () => {
    site = await startGateway();
  });
  after(() => site.stop());

  test('check prints an address for each provider', () => {
    const expected = ['company', 'partner'].map((name) => `${site.gateway}/oauth2/callback/${name}`);
    assert.deepEqual(site.redirectUris, expected);
  });

  /** Chooses a way to sign in on the chooser. */
  const choose = (page, title) => documentAfter(page, () => action(page, `Sign in via ${title}`).click());

  test('chooser', () =>
    visit(browser, async (page) => {
      const faults = watch(page, site.gateway);
      const response = await documentAfter(page, () => page.goto(`${site.gateway}/wiki/page?x=1`));
      assert.equal(response.status(), 200);
      assert.equal(new URL(page.url()).pathname, '/oauth2/sign_in');
      const source = await isOneOfOurs(page, response);
      const words = await page.getByRole('main').innerText();
      assert.match(words, /You will return to \/wiki\/page\./);
      await judge(page, source, 'chooser');
      assert.deepEqual(faults, []);
      await choose(page, 'Partner account');
      assert.equal(page.url(), `${site.gateway}/wiki/page?x=1`, 'the choice ends where the person wanted to go');
      await page.goBack();
      assert.notEqual(new URL(page.url()).pathname, '/oauth2/callback/partner', 'the way back holds no spent address');
    }));

  test('already-signed-in', () =>
    visit(browser, async (page) => {
      await page.goto(`${site.gateway}/wiki`);
      await choose(page, 'Company account');
      const response = await documentAfter(page, () => page.goto(`${site.gateway}/oauth2/sign_in?rd=/wiki`));
      await page.getByRole('heading', { level: 1, name: 'You are signed in as alice' }).waitFor();
      await judge(page, await isOneOfOurs(page, response), 'already-signed-in');
      await action(page, 'Continue').click();
      await page.waitForURL(`${site.gateway}/wiki`);
      await page.goto(`${site.gateway}/oauth2/sign_in?rd=/wiki`);
      await action(page, 'Use another account').click();
      await page.getByRole('heading', { level: 1, name: /^Sign in to / }).waitFor();
    }));

  test('wrong-provider', () =>
    visit(browser, async (page) => {
      await page.goto(`${site.gateway}/wiki`);
      await choose(page, 'Company account');
      const response = await documentAfter(page, () => page.goto(`${site.gateway}/partner/x`));
      assert.equal(response.status(), 403);
      await judge(page, await isOneOfOurs(page, response, { error: true }), 'wrong-provider');
      await choose(page, 'Partner account');
      assert.equal(page.url(), `${site.gateway}/partner/x`);
    }));
});

describe('pages of the demo', () => {
  test('provider: sign-in, consent and second factor', async () => {
    // The consent page is shown once a run, so this test brings a run of its own.
    const own = await startDemo();
    try {
      await visit(browser, async (page) => {
        const signInPage = await documentAfter(page, () => page.goto(own.gateway));
        await atProvider(page, own);
        await judge(page, await signInPage.text(), 'provider-sign-in');
        assert.match(await page.locator('body').innerText(), /demo/i, 'it says that it is for demos');

        const strong = page.getByRole('button', { name: /\balice\b.*second factor|second factor.*\balice\b/i });
        const secondFactor = await documentAfter(page, () => strong.click());
        await page.getByRole('textbox', { name: /code/i }).waitFor();
        await judge(page, await secondFactor.text(), 'provider-second-factor');

        const code = (await page.getByRole('main').innerText()).match(/\b\d{6}\b/)[0];
        await page.getByRole('textbox', { name: /code/i }).fill(code);
        const consent = await documentAfter(page, () => page.getByRole('button').first().click());
        await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
        const scopes = await page.getByRole('main').innerText();
        for (const scope of ['openid', 'profile', 'email']) assert.ok(scopes.includes(scope), `it lists ${scope}`);
        await judge(page, await consent.text(), 'provider-consent');
      });
    } finally {
      await own.stop();
    }
  });

  test('provider: the question at sign-out', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'alice');
      await page.goto(`${demo.gateway}/oauth2/sign_out`);
      const question = await documentAfter(page, () =>
        page.getByRole('button', { name: 'Sign out', exact: true }).click(),
      );
      assert.equal(new URL(page.url()).origin, demo.provider);
      await judge(page, await question.text(), 'provider-sign-out');
    }));

  for (const path of ['/', '/websocket', '/events', '/upload', '/public']) {
    test(`upstream: ${path}`, () =>
      visit(browser, async (page) => {
        await page.goto(demo.gateway);
        await atProvider(page, demo);
        await pressUser(page, demo, 'alice');
        const shown = await documentAfter(page, () => page.goto(demo.gateway + path));
        assert.equal(shown.status(), 200);
        await judge(page, await shown.text(), `upstream${path.replaceAll('/', '-')}`);
      }));
  }
});
