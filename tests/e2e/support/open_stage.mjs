// A gateway whose routes are for everyone, with a plain, an HTTP/2 and a TLS listener: for what is about the protocol and not
// about people.

import { after } from 'node:test';
import { certificate } from './certificate.mjs';
import { configure } from './gateway.mjs';
import { freePorts, workFolder } from './process.mjs';

/** `routes` is the TOML of the routes; `listen` are further lines of that section. */
export async function openStage({ routes, listen = '' }) {
  const [http, https, admin] = await freePorts(3);
  const { crt, key } = await certificate(workFolder('tls'), 'localhost', ['localhost', '127.0.0.1']);
  const config = `
public_url = "https://localhost:${https}"
[listen]
http = ["127.0.0.1:${http}"]
https = ["127.0.0.1:${https}"]
tls = { cert = "${crt}", key = { file = "${key}" } }
h2c = true
admin = "127.0.0.1:${admin}"
drain_delay = "0"
${listen}
${routes}
`;
  const gateway = await (await configure('gateway', { config, admin })).serve();
  after(() => gateway.stop());
  return { http, https, admin, crt, gateway };
}
