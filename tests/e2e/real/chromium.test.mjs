// Chromium at our own TLS listener, as it comes: it trusts an authority of this run and overlooks nothing, agrees on HTTP/2,
// signs in, works, signs out.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { visit } from '../support/browser.mjs';
import { chain } from '../support/certificate.mjs';
import { axe } from '../support/judges.mjs';
import { action } from '../support/people.mjs';
import { freePorts, workFolder } from '../support/process.mjs';
import { asksForLogin, confirmLogOut, logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';

const HOST = 'app.vestibule.test';
const UPLOAD = 300_000;

/** An application: a page that loads parts, uploads something, and shows what the application was sent with it. */
const parts = {
  '/style.css': ['text/css', 'p { color: rgb(1, 2, 3) }'],
  '/script.js': ['text/javascript', `
    fetch('/data', { method: 'POST', body: 'x'.repeat(${UPLOAD}) })
      .then((answer) => answer.text())
      .then((told) => { document.querySelector('output').textContent = told; });`],
};
const page = `<!doctype html><html lang="en"><title>App</title><link rel="stylesheet" href="/style.css">
<h1>The application</h1><p>text</p><output></output><script src="/script.js"></script>
${Array.from({ length: 30 }, (_, n) => `<link rel="stylesheet" href="/style.css?${n}">`).join('\n')}`;
const upstream = createServer(async (request, response) => {
  let length = 0;
  for await (const piece of request) length += piece.length;
  if (request.url === '/data') {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify({ length, version: request.httpVersion, headers: request.headers }));
  }
  const [type, body] = parts[request.url.split('?')[0]] ?? ['text/html', page];
  return response.setHeader('content-type', type).end(body);
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const [tls] = await freePorts(1);
const { crt, key, home } = await chain(workFolder('chain'), [HOST]);
const url = `https://${HOST}:${tls}`;

const { port, provider, gateway, browser } = await realStage({
  publicUrl: () => url,
  listen: `https = ["127.0.0.1:${tls}"]\ntls = { cert = "${crt}", key = { file = "${key}" } }\nredirect_http = true`,
  routes: `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["signed-in"]
`,
  home,
});

/** What the application was sent with the upload, once the page shows it. */
async function told(tab) {
  await tab.waitForFunction(() => document.querySelector('output')?.textContent);
  return JSON.parse(await tab.locator('output').innerText());
}

/** Every protocol that something of this page came by, and how much there was. The icon comes when the browser likes. */
const protocols = (tab) =>
  tab.evaluate(() => {
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const entries = all.filter((entry) => !entry.name.endsWith('/favicon.ico'));
    return [entries.length, [...new Set(entries.map((entry) => entry.nextHopProtocol))]];
  });

const access = () => gateway.events().filter((line) => line.kind === 'access');

describe('Chromium over our own TLS', () => {
  test('a_sign_in_a_page_with_its_parts_and_a_sign_out_all_over_http2', () =>
    visit(browser, async (tab, context) => {
      const asked = new Set();
      tab.on('response', (response) => new URL(response.url()).host === `${HOST}:${tls}` && asked.add(response));
      await tab.goto(`${url}/some/page?x=1`);
      await logIn(tab, provider, 'alice');
      assert.equal(tab.url(), `${url}/some/page?x=1`);
      const { length, version, headers } = await told(tab);
      assert.deepEqual([length, version], [UPLOAD, '1.1']);
      assert.equal(headers['x-forwarded-user'], 'alice');
      assert.equal(headers['x-forwarded-proto'], 'https');
      assert.equal(headers.host, `${HOST}:${tls}`);
      assert.equal(headers.cookie, undefined, 'the session stays with the gateway');
      assert.equal(await tab.locator('p').evaluate((p) => getComputedStyle(p).color), 'rgb(1, 2, 3)');
      // The page, a script, 31 style sheets, an upload.
      assert.deepEqual(await protocols(tab), [34, ['h2']]);
      const session = (await context.cookies()).find((cookie) => cookie.name === '__Host-vestibule');
      assert.ok(session?.secure && session.httpOnly, 'the session cookie is for https and this host alone');

      await tab.goto(`${url}/oauth2/`);
      await tab.getByText('Alice Adams').or(tab.getByText('alice')).first().waitFor();
      await axe(tab);
      assert.deepEqual((await protocols(tab))[1], ['h2']);

      await tab.goto(`${url}/oauth2/sign_out`);
      await action(tab, 'Sign out').click();
      await confirmLogOut(tab, provider);
      await tab.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
      assert.equal(new URL(tab.url()).origin, url);
      assert.deepEqual((await protocols(tab))[1], ['h2']);
      assert.ok(!(await context.cookies()).some((cookie) => cookie.name === '__Host-vestibule'));

      // What it says of the connection: no error overlooked, the newest TLS, the whole of the sign-in's own answers too.
      for (const response of asked) {
        const { issuer, protocol, subjectName } = (await response.securityDetails()) ?? {};
        assert.deepEqual([subjectName, issuer, protocol], [HOST, 'issuer of this run', 'TLS 1.3'], response.url());
      }
      await tab.goto(url);
      await asksForLogin(tab, provider);
    }));

  test('an_address_typed_without_https_ends_there_too', () =>
    visit(browser, async (tab) => {
      await tab.goto(`http://${HOST}:${port}/typed`);
      await logIn(tab, provider, 'bob');
      assert.equal(tab.url(), `${url}/typed`);
      assert.equal((await told(tab)).headers['x-forwarded-user'], 'bob');
      assert.deepEqual((await protocols(tab))[1], ['h2']);
    }));

  test('the_access_lines_say_what_was_spoken', async () => {
    const isThere = () => access().filter((line) => line.path === '/data').length >= 2;
    for (const deadline = Date.now() + 10_000; !isThere(); await pause(20)) assert.ok(Date.now() < deadline, gateway.lines());
    const lines = access();
    const isPlain = (line) => line.decision === 'redirect' && line.path === '/typed';
    assert.deepEqual(lines.filter(isPlain).map((line) => line.protocol), ['HTTP/1.1']);
    const others = lines.filter((line) => !isPlain(line));
    for (const path of ['/some/page', '/oauth2/callback', '/script.js', '/data', '/oauth2/', '/oauth2/sign_out', '/oauth2/signed_out']) {
      assert.ok(others.some((line) => line.path === path), `${path} is in no line`);
    }
    assert.deepEqual([...new Set(others.map((line) => line.protocol))], ['HTTP/2']);
  });
});
