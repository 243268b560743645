// A gateway with two providers. Each provider is a few lines that sign in whoever comes, without a page of their own:
// what is looked at here are the gateway's pages.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { configure } from './gateway.mjs';
import { freePorts } from './process.mjs';

const text = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A server on a free port of 127.0.0.1. `answer(request, response, origin)` answers each request. */
function serve(answer) {
  return new Promise((ready) => {
    const server = createServer((request, response) => answer(request, response, `http://127.0.0.1:${server.address().port}`));
    server.listen(0, '127.0.0.1', () => ready(server));
  });
}

const port = (server) => server.address().port;

/** An OpenID Provider that signs in `user`, whoever it is. */
function startProvider(user) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nonces = new Map();
  const json = (response, value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
  return serve((request, response, origin) => {
    const url = new URL(request.url, origin);
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, {
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          jwks_uri: `${origin}/jwks`,
          id_token_signing_alg_values_supported: ['ES256'],
        });
      case '/jwks':
        return json(response, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] });
      case '/authorize': {
        const code = randomBytes(16).toString('hex');
        nonces.set(code, url.searchParams.get('nonce'));
        const back = new URL(url.searchParams.get('redirect_uri'));
        back.searchParams.set('code', code);
        back.searchParams.set('state', url.searchParams.get('state'));
        return response.writeHead(302, { location: back.href }).end();
      }
      case '/token': {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        return request.on('end', () => {
          const now = Math.floor(Date.now() / 1000);
          const claims = {
            iss: origin,
            sub: `${user}-1`,
            aud: 'e2e',
            iat: now,
            exp: now + 60,
            nonce: nonces.get(new URLSearchParams(body).get('code')),
            preferred_username: user,
          };
          const signed = `${text({ alg: 'ES256', kid: 'k' })}.${text(claims)}`;
          const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
          json(response, { access_token: 'a', token_type: 'Bearer', id_token: `${signed}.${signature.toString('base64url')}` });
        });
      }
      default:
        return response.writeHead(404).end();
    }
  });
}

/** The gateway: `/` takes both providers, `/partner` only the second. */
export async function startGateway() {
  const upstream = await serve((_, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><html lang="en"><title>App</title><p>The application'),
  );
  const [company, partner] = [await startProvider('alice'), await startProvider('alice')];
  const [own, admin] = await freePorts(2);
  const url = `http://127.0.0.1:${own}`;
  const route = (name, path, providers) => `
[routes.${name}]
upstream = "http://127.0.0.1:${port(upstream)}"
path = "${path}"
allow = ["signed-in"]
providers = ${JSON.stringify(providers)}
`;
  const provider = (name, title, server) => `
[providers.${name}]
issuer = "http://127.0.0.1:${port(server)}"
client_id = "e2e"
title = "${title}"
`;
  const config = `
public_url = "${url}"
[listen]
http = ["127.0.0.1:${own}"]
admin = "127.0.0.1:${admin}"
[session]
key = { file = "session.key" }
${provider('company', 'Company account', company)}
${provider('partner', 'Partner account', partner)}
${route('both', '/', ['company', 'partner'])}
${route('partner', '/partner', ['partner'])}
`;
  const setUp = await configure('several', { config, admin });
  const gateway = await setUp.serve();
  return {
    gateway: url,
    redirectUris: setUp.redirectUris,
    async stop() {
      await gateway.stop();
      for (const server of [upstream, company, partner]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
