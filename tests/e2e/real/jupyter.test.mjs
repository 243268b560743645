// In front of JupyterLab, unmodified: an application that lives on a WebSocket.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { visit } from '../support/browser.mjs';
import { sessionCookie } from '../support/people.mjs';
import { answers, freePorts, fromPython, start, workFolder } from '../support/process.mjs';
import { logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';
import { raw, statusOf } from '../support/requests.mjs';

async function jupyter() {
  const [port] = await freePorts(1);
  const folder = workFolder('jupyter');
  const app = await start(
    'jupyter',
    fromPython('jupyter-lab'),
    [
      '--no-browser',
      '--allow-root',
      '--ServerApp.ip=127.0.0.1',
      `--ServerApp.port=${port}`,
      '--ServerApp.port_retries=0',
      `--ServerApp.root_dir=${folder}`,
      // Who may enter is decided in front of it.
      '--IdentityProvider.token=',
      '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate',
    ],
    {
      cwd: folder,
      // Its settings, its run-time files and those of its kernels stay in the folder.
      env: { HOME: folder, JUPYTER_PLATFORM_DIRS: '0', IPYTHONDIR: folder, TMPDIR: folder },
      ready: answers(`http://127.0.0.1:${port}/api`, [200]),
    },
  );
  after(() => app.stop('SIGTERM'));
  return port;
}

const appPort = await jupyter();
const { url, port, provider, browser } = await realStage({
  routes: `
[routes.lab]
upstream = "http://127.0.0.1:${appPort}"
allow = ["group:staff"]
`,
});

/** A WebSocket handshake to a kernel's channels, as a browser would send it from a page of `origin`. */
const handshake = (target, kernel, lines) =>
  raw(target, [
    `GET /api/kernels/${kernel}/channels HTTP/1.1`,
    `Host: 127.0.0.1:${target}`,
    // A refusal is the last answer, so that its end can be seen.
    'Connection: Upgrade, close',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...lines,
  ]);

/** Starts a kernel from a page of the application, and resolves with its id. */
const startKernel = (page) =>
  page.evaluate(async () => {
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? '';
    const response = await fetch('/api/kernels', { method: 'POST', headers: { 'x-xsrftoken': xsrf } });
    return (await response.json()).id;
  });

/** How a WebSocket to `target`, opened by this page, ends. */
const tryWebSocket = (page, target) =>
  page.evaluate(
    (address) =>
      new Promise((done) => {
        const socket = new WebSocket(address);
        socket.onopen = () => done('open');
        socket.onerror = () => done('refused');
      }),
    target,
  );

describe('jupyterlab', () => {
  test('a_console_computes_over_the_websocket', () =>
    visit(browser, async (page, context) => {
      context.setDefaultTimeout(60_000);
      const sockets = [];
      page.on('websocket', (socket) => sockets.push(socket));
      await page.goto(`${url}/lab`);
      await logIn(page, provider, 'alice');
      await page.locator('.jp-LauncherCard[data-category="Console"]').first().click();
      // The kernel's greeting comes over the socket; with it the console lays its prompt anew.
      await page.getByText("Type '?' for help").waitFor();
      const prompt = page.locator('.jp-CodeConsole-promptCell .cm-content');
      await prompt.click();
      await page.keyboard.type('6 * 7_000');
      await page.keyboard.press('Shift+Enter');
      await page.locator('.jp-OutputArea-output').getByText('42000').waitFor();
      const channels = sockets.find((socket) => /\/channels/.test(socket.url()));
      assert.equal(new URL(channels.url()).host, new URL(url).host, 'the socket goes through the gateway');
    }));

  test('a_page_of_another_origin_opens_no_socket_with_the_session_of_this_one', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/lab`);
      await logIn(page, provider, 'alice');
      const channels = `${url.replace('http', 'ws')}/api/kernels/${await startKernel(page)}/channels`;
      assert.equal(await tryWebSocket(page, channels), 'open');
      // Another port of this host is another origin, yet the same site: the browser sends the session along.
      const foreign = createServer((_, response) => response.end('<!doctype html>'));
      await new Promise((done) => foreign.listen(0, '127.0.0.1', done));
      try {
        await page.goto(`http://127.0.0.1:${foreign.address().port}/`);
        assert.equal(await tryWebSocket(page, channels), 'refused');
      } finally {
        foreign.closeAllConnections();
        foreign.close();
      }
    }));

  test('the_gateway_refuses_a_foreign_origin_itself', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/lab`);
      await logIn(page, provider, 'alice');
      const kernel = await startKernel(page);
      const { name, value } = await sessionCookie(context);
      const session = `Cookie: ${name}=${value}`;
      for (const origin of ['http://evil.example', `http://127.0.0.1:${port + 1}`, 'null', `https://127.0.0.1:${port}`]) {
        const answer = await handshake(port, kernel, [session, `Origin: ${origin}`]);
        assert.equal(statusOf(answer), 403, origin);
        assert.match(answer, /foreign_origin/, origin);
      }
    }));

  test('without_a_session_no_socket_opens', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/lab`);
      await logIn(page, provider, 'alice');
      const kernel = await startKernel(page);
      const answer = await handshake(port, kernel, [`Origin: ${url}`]);
      assert.equal(statusOf(answer), 401);
      await context.clearCookies({ name: 'vestibule' });
      assert.equal(await tryWebSocket(page, `${url.replace('http', 'ws')}/api/kernels/${kernel}/channels`), 'refused');
    }));
});
