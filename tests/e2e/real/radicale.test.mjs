// In front of Radicale, unmodified: it believes X-Remote-User, and X_Remote_User just as well.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { visit } from '../support/browser.mjs';
import { sessionCookie } from '../support/people.mjs';
import { answers, freePorts, fromPython, start, workFolder } from '../support/process.mjs';
import { logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';
import { raw, statusOf } from '../support/requests.mjs';

async function radicale() {
  const [port] = await freePorts(1);
  const folder = workFolder('radicale');
  const file = join(folder, 'radicale.ini');
  await writeFile(
    file,
    `[server]
hosts = 127.0.0.1:${port}
[auth]
type = http_x_remote_user
[rights]
type = owner_only
[storage]
filesystem_folder = ${join(folder, 'collections')}
[web]
prefer_browser_login = True
`,
  );
  const app = await start('radicale', fromPython('radicale'), ['--config', file], {
    cwd: folder,
    env: { HOME: folder },
    ready: answers(`http://127.0.0.1:${port}/.web/`),
  });
  after(() => app.stop());
  return port;
}

const appPort = await radicale();
const { url, port, provider, browser } = await realStage({
  routes: `
[routes.calendar]
upstream = "http://127.0.0.1:${appPort}"
allow = ["signed-in"]
headers = "remote"
`,
});

/** Asks who one is: the answer names the principal, `/alice/`. */
const WHO = '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>';

const whoami = (target, lines) =>
  raw(target, [
    'PROPFIND / HTTP/1.1',
    `Host: 127.0.0.1:${target}`,
    'Connection: close',
    'Depth: 0',
    'Content-Type: application/xml',
    `Content-Length: ${WHO.length}`,
    ...lines,
  ].concat('', WHO).join('\r\n').split('\r\n'));

const principal = (answer) => answer.match(/<href>\/([^/<]+)\/<\/href>/)?.[1];

/** Signs in and makes a calendar by what a calendar program would send. */
async function withCalendar(page, login, title) {
  await page.goto(`${url}/.web/`);
  await logIn(page, provider, login);
  const status = await page.evaluate(
    async ([owner, name]) => {
      const response = await fetch(`/${owner}/work/`, {
        method: 'MKCOL',
        headers: { 'content-type': 'application/xml' },
        body: `<mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><resourcetype><collection/>
          <C:calendar/></resourcetype><displayname>${name}</displayname></prop></set></mkcol>`,
      });
      return response.status;
    },
    [login, title],
  );
  assert.equal(status, 201);
}

const SPELLINGS = ['X_Remote_User', 'x_remote_user', 'X-Remote_User', 'X_Remote-User', 'X-REMOTE-USER', 'X-Remote-User'];

describe('radicale', () => {
  test('alone_it_falls_for_the_underscores', async () => {
    // What makes the tests below mean something: this is the application that they protect.
    for (const name of ['X_Remote_User', 'X-Remote-User']) {
      assert.equal(principal(await whoami(appPort, [`${name}: root`])), 'root', name);
    }
  });

  test('a_person_sees_her_collection_on_its_own_page', () =>
    visit(browser, async (page) => {
      await withCalendar(page, 'alice', 'Work of Alice');
      await page.goto(`${url}/.web/`);
      await page.getByText('Work of Alice').first().waitFor();
      assert.equal(new URL(page.url()).origin, url);
    }));

  test('nobody_sees_anothers', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/.web/`);
      await logIn(page, provider, 'bob');
      const status = await page.evaluate(async () => (await fetch('/alice/', { method: 'PROPFIND' })).status);
      assert.equal(status, 403);
    }));

  test('made_up_headers_count_for_nothing_without_a_session', async () => {
    for (const name of SPELLINGS) {
      const answer = await whoami(port, [`${name}: root`]);
      assert.equal(statusOf(answer), 401, name);
      assert.doesNotMatch(answer, /root/);
    }
  });

  test('made_up_headers_count_for_nothing_beside_a_session', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/.web/`);
      await logIn(page, provider, 'bob');
      const { name, value } = await sessionCookie(context);
      const session = `Cookie: ${name}=${value}`;
      assert.equal(principal(await whoami(port, [session])), 'bob');
      for (const spelling of SPELLINGS) {
        const made = `${spelling}: root`;
        for (const lines of [[made, session], [session, made], [session, made, made]]) {
          const answer = await whoami(port, lines);
          assert.equal(statusOf(answer), 207, lines.join(' | '));
          assert.equal(principal(answer), 'bob', lines.join(' | '));
        }
      }
    }));
});
