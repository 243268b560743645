// The npm package `oidc-provider` as a program of its own, so that it can be stopped, restarted and live in another
// time. Nearly everything but clients, accounts and keys is its default: the sign-in and consent pages are its development
// ones. Settings are JSON in SETTINGS; it prints its address when it listens.

import { createServer } from 'node:http';

const { port, ahead, client, accounts, key } = JSON.parse(process.env.SETTINGS);

if (ahead) {
  // Its clock is `ahead` seconds off. Before anything of the package is loaded, so that nothing knows better.
  const { now } = Date;
  const shifted = () => now() + ahead * 1000;
  globalThis.Date = class extends Date {
    constructor(...when) {
      super(...(when.length === 0 ? [shifted()] : when));
    }

    static now() {
      return shifted();
    }
  };
}

const { Provider } = await import('oidc-provider');

const provider = new Provider(`http://localhost:${port}`, {
  clients: [client],
  jwks: { keys: [key] },
  cookies: { keys: ['for tests only'] },
  // Longer than any test sets its clock back: the browser, whose clock is right, must keep the cookie meanwhile.
  ttl: { Interaction: 24 * 3600 },
  // What each scope brings. With its default of conforming ID tokens these claims are at userinfo alone.
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  findAccount: (_, id) =>
    accounts[id] && {
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: true,
        preferred_username: id,
        ...accounts[id],
      }),
    },
});
provider.on('server_error', (_, error) => console.error(error));

// IPv4 only, although its name is localhost: whoever asks ::1 first must come back.
createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log(`listens on ${provider.issuer}`));
