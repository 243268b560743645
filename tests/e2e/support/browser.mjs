// One Chromium per test file, one fresh profile per visitor. Nothing here waits for time to pass.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { logs } from './process.mjs';

const how = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', // the suite may run as root
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // No host but this machine, whatever a page asks for; names for tests all lead here.
    '--host-resolver-rules=MAP *.vestibule.test 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE localhost,EXCLUDE 127.0.0.1',
  ],
};

/** `more` are further switches of the command line; `home` is a home folder, in which it finds authorities to trust. */
export function launch(more = [], home = process.env.HOME) {
  return chromium.launch({ ...how, args: [...how.args, ...more], env: { ...process.env, HOME: home } });
}

/** A browser with the profile in this folder, where settings may have been written before. */
export function launchWith(profile) {
  return chromium.launchPersistentContext(profile, how);
}

/** What a failed test leaves behind: where the browser was, what it showed, and a picture of it. */
async function describe(page, index) {
  if (page.isClosed()) return `page ${index}: closed`;
  mkdirSync(logs, { recursive: true });
  const picture = join(logs, `failed-${process.pid}-${Date.now()}-${index}.png`);
  await page.screenshot({ path: picture, fullPage: true }).catch(() => {});
  const text = await page.evaluate(() => document.body?.innerText ?? '').catch(() => '');
  return `page ${index} at ${page.url()} (${picture})\n${text.slice(0, 800)}`;
}

/**
 * Runs `story(page, context)` in a profile of its own. A failure names the page it happened on.
 * `options` are those of Playwright's `newContext`.
 */
export async function visit(browser, story, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  try {
    return await story(await context.newPage(), context);
  } catch (error) {
    const seen = await Promise.all(context.pages().map(describe));
    throw new Error(`${error.message}\n--- what the browser showed ---\n${seen.join('\n')}`, { cause: error });
  } finally {
    await context.close();
  }
}

/** Does `act`, and resolves with the answer that the top-level document finally came from (redirects followed). */
export async function documentAfter(page, act) {
  const isDocument = (response) =>
    response.request().isNavigationRequest() &&
    response.request().frame() === page.mainFrame() &&
    !(response.status() >= 300 && response.status() < 400);
  const [response] = await Promise.all([page.waitForResponse(isDocument), act()]);
  await response.finished();
  await page.waitForLoadState('load');
  return response;
}

/**
 * Does `act` and resolves with every address that the top-level document was asked for meanwhile, redirects included.
 * More than `most` of them fails: what ends well ends soon.
 */
export async function stations(page, most, act) {
  const asked = [];
  const note = (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) asked.push(request.url());
  };
  page.on('request', note);
  try {
    await act();
    await page.waitForLoadState('load');
  } finally {
    page.off('request', note);
  }
  assert.ok(asked.length <= most, `${asked.length} stations instead of at most ${most}:\n${asked.join('\n')}`);
  return asked;
}
