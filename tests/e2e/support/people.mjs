// What people do at the demo: sign in at its provider, use another account, sign out.

import assert from 'node:assert/strict';
import { axe } from './judges.mjs';

/** Resolves once the browser is on a page of `origin` that is not one of the gateway's own sign-in stations. */
export function backAt(page, origin) {
  return page.waitForURL((url) => url.origin === origin && !/^\/oauth2\/(callback|start|sign_in)/.test(url.pathname));
}

/** The control that signs `user` in at the provider, with or without a second factor. */
function userButton(page, user, secondFactor) {
  const ofUser = page.getByRole('button', { name: new RegExp(`\\b${user}\\b`, 'i') });
  const strong = page.getByRole('button', { name: /second factor/i });
  return secondFactor ? ofUser.and(strong) : ofUser.and(page.getByRole('button', { name: /^(?!.*second factor)/i }));
}

/** The address that the provider sends the browser back to, seen while `act` runs; it still holds its code and state. */
export async function callbackOf(page, act) {
  const isCallback = (request) => new URL(request.url()).pathname === '/oauth2/callback';
  const [request] = await Promise.all([page.waitForRequest(isCallback), act()]);
  return request.url();
}

/**
 * Goes where opening `url` leads, with the cookies of this browser, but stops before the callback: resolves with its
 * address, which nobody has asked for yet. For somebody whom the provider knows already.
 */
export async function upToCallback(context, url) {
  const headers = {
    accept: 'text/html',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'none',
  };
  let next = url;
  for (let hop = 0; hop < 4; hop += 1) {
    const response = await context.request.get(next, { headers, maxRedirects: 0 });
    next = new URL(response.headers().location, next).href;
    if (new URL(next).pathname === '/oauth2/callback') return next;
  }
  throw new Error(`no callback from ${url}, but ${next}`);
}

/** The page that says that a sign-in did not finish, its words, and that axe finds nothing wrong with it. */
export async function didNotFinish(page) {
  await page.getByRole('heading', { level: 1, name: 'Sign-in did not finish' }).waitFor();
  await axe(page);
  return page.getByRole('main').innerText();
}

/** On the provider's second-factor page: types the code that the page prints. */
async function enterCode(page) {
  const field = page.getByRole('textbox', { name: /code/i });
  await field.waitFor();
  const code = (await page.getByRole('main').innerText()).match(/\b\d{6}\b/);
  assert.ok(code, 'the second-factor page prints the six digits it asks for');
  await field.fill(code[0]);
  await page.getByRole('button', { name: /confirm|continue|sign in|verify/i }).click();
}

/** On the provider's sign-in page: presses the button of `user`, and "Allow" where it is asked. Ends when it is left. */
export async function leaveProvider(page, demo, user, { secondFactor = false } = {}) {
  await userButton(page, user, secondFactor).click();
  if (secondFactor) await enterCode(page);
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  const left = page.waitForURL((url) => url.origin !== demo.provider);
  await Promise.race([allow.waitFor(), left]);
  if (new URL(page.url()).origin === demo.provider) await allow.click();
  await left;
}

/** The same, and on to the page that it was all for. */
export async function pressUser(page, demo, user, options = {}) {
  await leaveProvider(page, demo, user, options);
  await backAt(page, demo.gateway);
}

/** Opens `path` without a session and signs in as `user`; ends on the page asked for, whatever it says. */
export async function signIn(page, demo, user, path = '/', options = {}) {
  await page.goto(demo.gateway + path);
  await atProvider(page, demo);
  await pressUser(page, demo, user, options);
}

/** Resolves once the provider's sign-in page is shown. */
export async function atProvider(page, demo) {
  await page.waitForURL((url) => url.origin === demo.provider);
  await page.getByRole('heading', { level: 1, name: 'Sign in to the demo' }).waitFor();
}

/** From a refusal: "Use another account", then `user` at the provider. */
export async function useAnotherAccount(page, demo, user, options = {}) {
  await action(page, 'Use another account').click();
  await atProvider(page, demo);
  await pressUser(page, demo, user, options);
}

/** A thing to press, be it a link or a button: the words are the promise, the element is not. */
export function action(page, name) {
  return page.getByRole('link', { name, exact: true }).or(page.getByRole('button', { name, exact: true })).first();
}

/** The session cookie as the browser keeps it. */
export async function sessionCookie(context) {
  const cookies = await context.cookies();
  return cookies.find((cookie) => /^(__Host-|__Secure-)?vestibule$/.test(cookie.name));
}
