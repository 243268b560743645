// What people do at the demo: sign in at its provider, use another account, sign out.

import assert from 'node:assert/strict';

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

/** On the provider's second-factor page: types the code that the page prints. */
async function enterCode(page) {
  const field = page.getByRole('textbox', { name: /code/i });
  await field.waitFor();
  const code = (await page.getByRole('main').innerText()).match(/\b\d{6}\b/);
  assert.ok(code, 'the second-factor page prints the six digits it asks for');
  await field.fill(code[0]);
  await page.getByRole('button', { name: /confirm|continue|sign in|verify/i }).click();
}

/** From the provider's sign-in page to the first page of the gateway; presses "Allow" where it is asked. */
export async function pressUser(page, demo, user, { secondFactor = false } = {}) {
  await userButton(page, user, secondFactor).click();
  if (secondFactor) await enterCode(page);
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  await Promise.race([allow.waitFor(), backAt(page, demo.gateway)]);
  if (new URL(page.url()).origin === demo.provider) await allow.click();
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
