// Sign-ins that go astray with a real provider: clocks that differ, a provider that goes away, cookies that do not stay.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request as ask } from 'node:http';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { launchWith, stations, visit } from '../support/browser.mjs';
import { axe } from '../support/judges.mjs';
import { action, didNotFinish, sessionCookie, upToCallback } from '../support/people.mjs';
import { freePorts, workFolder } from '../support/process.mjs';
import { allow, asksForLogin, backFrom, logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';

const upstream = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end(`<!doctype html><title>app</title><p>${request.headers['x-forwarded-user']} at ${request.url}`);
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

/**
 * What stands between people and the gateway: it passes everything on, but for the cookies that `eats` names. People
 * type its address.
 */
const eats = new Set();
const [outside] = await freePorts(1);
let inside;
const agent = new Agent({ keepAlive: true });
const middle = createServer((request, response) => {
  const { method, url: path, headers } = request;
  const passed = ask({ agent, host: '127.0.0.1', port: inside, method, path, headers }, (answer) => {
    const kept = { ...answer.headers };
    kept['set-cookie'] = (kept['set-cookie'] ?? []).filter((line) => !eats.has(line.split('=')[0]));
    response.writeHead(answer.statusCode, kept);
    answer.pipe(response);
  });
  request.pipe(passed);
});
await new Promise((done) => middle.listen(outside, '127.0.0.1', done));
after(() => {
  agent.destroy();
  middle.closeAllConnections();
  middle.close();
});

const { url, port, provider, gateway, browser } = await realStage({
  publicUrl: () => `http://127.0.0.1:${outside}`,
  routes: `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["signed-in"]
`,
});
inside = port;

async function isAt(page, user, path) {
  await page.getByText(`${user} at ${path}`).waitFor();
  assert.equal(page.url(), url + path);
}

/** The provider in another time, for as long as `story` takes. */
async function ahead(seconds, story) {
  await provider.stop();
  await provider.start({ ahead: seconds });
  try {
    await story();
  } finally {
    await provider.stop();
    await provider.start();
  }
}

const lastReason = () => gateway.events().findLast((event) => event.event === 'sign_in.failed')?.reason;

describe('clocks that differ', () => {
  for (const { by, reason } of [
    { by: 600, reason: 'token/not-yet-valid' },
    { by: -7200, reason: 'token/expired' },
  ]) {
    test(`by ${by} seconds: a page says so, again and again, until they agree`, () =>
      visit(browser, async (page) => {
        await ahead(by, async () => {
          await page.goto(`${url}/wanted?n=1`);
          await allow(page, provider, 'alice');
          assert.match(await didNotFinish(page), /clocks .* do not agree/);
          assert.equal(lastReason(), reason);
          // The provider knows her now and answers at once: three presses, three pages, no loop.
          for (let press = 0; press < 3; press += 1) {
            await stations(page, 4, async () => {
              await action(page, 'Start again').click();
              await page.waitForURL(/\/oauth2\/callback/);
            });
            assert.match(await didNotFinish(page), /clocks .* do not agree/);
          }
        });
        await action(page, 'Start again').click();
        await logIn(page, provider, 'alice');
        await isAt(page, 'alice', '/wanted?n=1');
      }));
  }

  for (const by of [45, -45]) {
    test(`by ${by} seconds: nobody notices`, () =>
      visit(browser, async (page) => {
        await ahead(by, async () => {
          await page.goto(`${url}/wanted`);
          await logIn(page, provider, 'alice');
          await isAt(page, 'alice', '/wanted');
        });
      }));
  }
});

/** The gateway remembers for a second after a call that failed that nobody answers. This page came after such a call. */
function memoryOfFailureIsOver(page) {
  return page.waitForFunction(
    () => performance.now() > performance.getEntriesByType('navigation')[0].responseEnd + 1000,
  );
}

describe('a provider that goes away', () => {
  test('before_its_code_is_redeemed: a page says so, and the sign-in goes on when it is back', () =>
    visit(browser, async (page, context) => {
      await page.goto(url);
      await logIn(page, provider, 'alice');
      await context.clearCookies({ domain: '127.0.0.1' });
      const callback = await upToCallback(context, `${url}/wanted?n=2`);
      await provider.stop();
      try {
        await stations(page, 1, async () => {
          const response = await page.goto(callback);
          assert.equal(response.status(), 503);
        });
        await page.getByRole('heading', { level: 1, name: 'Sign-in is not available right now' }).waitFor();
        await axe(page);
      } finally {
        await provider.start();
      }
      await action(page, 'Try again').click();
      await logIn(page, provider, 'alice');
      await isAt(page, 'alice', '/wanted?n=2');
    }));

  test('before_anybody_signed_in: a page says so, and trying again goes on when it is back', async () => {
    const other = await realStage({
      routes: `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["signed-in"]
`,
    });
    await other.provider.stop();
    await visit(other.browser, async (page) => {
      await stations(page, 1, async () => {
        const response = await page.goto(`${other.url}/wanted?n=3`);
        assert.equal(response.status(), 503);
      });
      await axe(page);
      await other.provider.start();
      await memoryOfFailureIsOver(page);
      await action(page, 'Try again').click();
      await logIn(page, other.provider, 'bob');
      assert.equal(page.url(), `${other.url}/wanted?n=3`);
    });
  });
});

describe('a session cookie that never stays', () => {
  test('ends_on_a_page_after_three_rounds_and_works_once_it_stays', () =>
    visit(browser, async (page, context) => {
      eats.add('vestibule');
      try {
        await page.goto(`${url}/wanted`);
        await allow(page, provider, 'alice');
        // From here on nobody presses anything: three sign-ins of four stations each, then the page.
        const broken = page.getByText(/Signing in worked three times in a row/);
        await stations(page, 14, () => broken.waitFor());
        await axe(page);
        assert.equal(await sessionCookie(context), undefined);
      } finally {
        eats.clear();
      }
      await stations(page, 5, async () => {
        await page.goto(`${url}/wanted`);
        await backFrom(page, provider);
      });
      await isAt(page, 'alice', '/wanted');
    }));
});

describe('a browser that keeps no cookies of ours', () => {
  test('ends_on_a_page_after_one_round', async () => {
    const folder = workFolder('blocked');
    // Settings, Privacy, "Sites never allowed to use cookies": 127.0.0.1.
    mkdirSync(join(folder, 'Default'), { recursive: true });
    const exceptions = { cookies: { '127.0.0.1,*': { setting: 2 } } };
    writeFileSync(
      join(folder, 'Default', 'Preferences'),
      JSON.stringify({ profile: { content_settings: { exceptions } } }),
    );
    await visit({ newContext: () => launchWith(folder) }, async (page, context) => {
      await page.goto(`${url}/wanted`);
      await asksForLogin(page, provider);
      assert.deepEqual(await context.cookies(url), [], 'this browser keeps none');
      await stations(page, 6, () => allow(page, provider, 'alice'));
      assert.match(await didNotFinish(page), /keeps no cookies/);
      for (let press = 0; press < 3; press += 1) {
        await stations(page, 4, async () => {
          await action(page, 'Start again').click();
          await page.waitForURL(/\/oauth2\/callback/);
        });
        await didNotFinish(page);
      }
    });
  });
});
