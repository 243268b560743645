// What a test file with real parts begins with: provider, gateway and browser, set up as an operator would, gone when
// the file ends.

import { after } from 'node:test';
import { launch } from './browser.mjs';
import { configure } from './gateway.mjs';
import { freePorts } from './process.mjs';
import { startProvider } from './provider.mjs';

const CLIENT = 'e2e';
const SECRET = 'a secret of this run, for tests only';

/**
 * Call at the top of a test file. `routes` is the TOML of the routes; `top`, `listen`, `session` and `provider` are
 * further lines of those sections. `publicUrl(port)` is what people type; the port is the one that is listened on.
 * `home` is the browser's home folder, if it is to be another.
 */
export async function realStage({ routes, top = '', listen = '', session = '', provider = '', publicUrl, secret, accounts, home }) {
  const [port, admin, issuerPort] = await freePorts(3);
  const url = publicUrl?.(port) ?? `http://127.0.0.1:${port}`;
  const config = `
public_url = "${url}"
${top}
[listen]
http = ["127.0.0.1:${port}"]
admin = "127.0.0.1:${admin}"
drain_delay = "0"
${listen}
[session]
key = { file = "session.key" }
${session}
[providers.main]
issuer = "http://localhost:${issuerPort}"
client_id = "${CLIENT}"
client_secret = { file = "client.secret" }
${provider}
${routes}
`;
  const setUp = await configure('gateway', { config, secrets: { 'client.secret': secret ?? SECRET }, admin });
  const peer = await startProvider({
    port: issuerPort,
    clientId: CLIENT,
    secret: SECRET,
    redirectUris: setUp.redirectUris,
    postLogoutUris: setUp.postLogoutUris,
    accounts,
  });
  after(() => peer.stop());
  const gateway = await setUp.serve();
  after(() => gateway.stop());
  const browser = await launch([], home);
  after(() => browser.close());
  return { url, port, provider: peer, gateway, browser };
}
