// Starts `oidc-provider` and does what people do on its pages.

import { generateKeyPairSync } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './process.mjs';

const program = join(dirname(fileURLToPath(import.meta.url)), 'oidc_provider.mjs');

/** Who can sign in, unless a test brings others: the demo's people, to whom no password is refused. */
export const ACCOUNTS = {
  alice: { name: 'Alice Adams', groups: ['staff', 'ops'] },
  bob: { name: 'Bob Brown', groups: ['staff'] },
  eve: { name: 'Eve Evans', groups: [] },
};

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}

/** The provider's registration of the gateway, and how to run it. It can be stopped and started again. */
export async function startProvider({ port, clientId, secret, redirectUris, postLogoutUris, accounts = ACCOUNTS }) {
  const client = {
    client_id: clientId,
    client_secret: secret,
    redirect_uris: redirectUris,
    post_logout_redirect_uris: postLogoutUris,
  };
  let key = signingKey();
  const run = (ahead = 0) =>
    start('provider', process.execPath, [program], {
      env: { SETTINGS: JSON.stringify({ port, ahead, client, accounts, key }) },
      ready: /^listens on /m,
    });
  let running = await run();
  return {
    issuer: `http://localhost:${port}`,
    lines: () => running.lines(),
    stop: () => running.stop(),
    /** Starts it after `stop`: without sessions, with a new key if wanted, with a clock that is `ahead` seconds off. */
    async start({ ahead, newKey = false } = {}) {
      if (newKey) key = signingKey();
      running = await run(ahead);
    },
  };
}

/** Resolves once the browser has left the provider and the gateway's own sign-in stations. */
export function backFrom(page, provider) {
  return page.waitForURL(
    (url) => url.origin !== provider.issuer && !/^\/oauth2\/(callback|start|sign_in)/.test(url.pathname),
  );
}

/** Resolves once the provider asks for a login. */
export async function asksForLogin(page, provider) {
  await page.waitForURL((url) => url.origin === provider.issuer);
  await page.getByRole('textbox', { name: 'Enter any login' }).waitFor();
}

/** On the provider's sign-in page: signs in and allows what is asked for. Resolves when the browser leaves. */
export async function allow(page, provider, login) {
  await asksForLogin(page, provider);
  await page.getByPlaceholder('Enter any login').fill(login);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  const consent = page.getByRole('button', { name: 'Continue' });
  const left = page.waitForURL((url) => url.origin !== provider.issuer);
  await Promise.race([consent.waitFor(), left]);
  if (new URL(page.url()).origin === provider.issuer) await consent.click();
  await left;
}

/** The same, and on to the page of the gateway that it all was for. */
export async function logIn(page, provider, login) {
  await allow(page, provider, login);
  await backFrom(page, provider);
  await page.waitForLoadState('load');
}

/** On the provider's question at sign-out: yes. */
export async function confirmLogOut(page, provider) {
  await page.waitForURL((url) => url.origin === provider.issuer);
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.waitForURL((url) => url.origin !== provider.issuer);
}
