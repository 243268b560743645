// Streams through the gateway in a real browser: WebSocket echo, the clock of server-sent events, an upload.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { visit } from './support/browser.mjs';
import { signIn } from './support/people.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

/** Opens a WebSocket from the page and tells how that ended: `open`, or `refused`. */
function tryWebSocket(page, url) {
  return page.evaluate(
    (target) =>
      new Promise((done) => {
        const socket = new WebSocket(target);
        socket.onopen = () => done('open');
        socket.onerror = () => done('refused');
      }),
    url,
  );
}

describe('streams', () => {
  test('the_websocket_page_gets_its_words_back', () =>
    visit(browser, async (page) => {
      const opened = page.waitForEvent('websocket');
      await signIn(page, demo, 'alice', '/websocket');
      const socket = await opened;
      assert.equal(new URL(socket.url()).host, new URL(demo.gateway).host, 'it goes through the gateway');

      const words = 'gr\u00fc\u00df dich, 42';
      const echoed = socket.waitForEvent('framereceived', (frame) => String(frame.payload).includes(words));
      await page.getByText('Connected', { exact: true }).waitFor();
      await page.getByRole('textbox').fill(words);
      await page.getByRole('button', { name: /send/i }).click();
      await echoed;
      await page.getByText(words).first().waitFor();
    }));

  test('a_websocket_without_a_session_is_refused', () =>
    visit(browser, async (page, context) => {
      const opened = page.waitForEvent('websocket');
      await signIn(page, demo, 'alice', '/websocket');
      const url = (await opened).url();
      assert.equal(await tryWebSocket(page, url), 'open');
      await page.goto(`${demo.gateway}/public`);
      await context.clearCookies();
      assert.equal(await tryWebSocket(page, url), 'refused');
    }));

  test('the_events_page_shows_one_event_after_another', () =>
    visit(browser, async (page) => {
      const stream = page.waitForResponse((response) =>
        (response.headers()['content-type'] ?? '').startsWith('text/event-stream'),
      );
      await signIn(page, demo, 'alice', '/events');
      const response = await stream;
      assert.equal(response.status(), 200);
      assert.equal(new URL(response.url()).origin, demo.gateway, 'it comes through the gateway');

      // Three changes of what is shown: the stream is flushed event by event, not at its end.
      let shown = await page.getByRole('main').innerText();
      for (let change = 0; change < 3; change += 1) {
        const next = await page.waitForFunction((before) => {
          const now = document.querySelector('main').innerText;
          return now !== before && now;
        }, shown);
        shown = await next.jsonValue();
      }
    }));

  test('an_upload_arrives_whole', () =>
    visit(browser, async (page) => {
      const buffer = randomBytes(3_000_000);
      await signIn(page, demo, 'alice', '/upload');
      await page.getByLabel('File').setInputFiles({ name: 'noise.bin', mimeType: 'application/octet-stream', buffer });
      await page.getByRole('button', { name: 'Upload' }).click();
      await page.getByRole('heading', { level: 1, name: 'Received' }).waitFor();
      const words = await page.getByRole('main').innerText();
      assert.ok(words.includes(createHash('sha256').update(buffer).digest('hex')), words);
      assert.match(words, /\b3000000\b/);
    }));
});
