// A gateway with two providers. Each provider is a few lines that sign in whoever comes, without a page of their own:
// what is looked at here are the gateway's pages.

import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary } from './demo.mjs';

const text = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A server on a free port of 127.0.0.1. `answer(request, response, origin)` answers each request. */
function serve(answer) {
  return new Promise((ready) => {
    const server = createServer((request, response) => answer(request, response, `http://127.0.0.1:${server.address().port}`));
    server.listen(0, '127.0.0.1', () => ready(server));
  });
}

const port = (server) => server.address().port;

/** A free port: a server that is gone again. */
async function freePort() {
  const probe = await serve(() => {});
  const free = port(probe);
  await new Promise((done) => {
    probe.close(done);
  });
  return free;
}

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
  const gateway = `http://127.0.0.1:${await freePort()}`;
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-e2e-'));
  const route = (name, path, providers) =>
    `[routes.${name}]\nupstream = "http://127.0.0.1:${port(upstream)}"\npath = "${path}"\nallow = ["signed-in"]\nproviders = ${JSON.stringify(providers)}\n`;
  const provider = (name, title, server) =>
    `[providers.${name}]\nissuer = "http://127.0.0.1:${port(server)}"\nclient_id = "e2e"\ntitle = "${title}"\n`;
  writeFileSync(
    join(folder, 'vestibule.toml'),
    [
      `public_url = "${gateway}"\n[listen]\nhttp = ["${new URL(gateway).host}"]\nadmin = "off"\n[session]\nkey = { env = "E2E_KEY" }\n`,
      provider('company', 'Company account', company),
      provider('partner', 'Partner account', partner),
      route('both', '/', ['company', 'partner']),
      route('partner', '/partner', ['partner']),
    ].join('\n'),
  );
  const child = spawn(binary(), ['serve', '--config', join(folder, 'vestibule.toml')], {
    env: { PATH: process.env.PATH, E2E_KEY: randomBytes(32).toString('base64url') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  await new Promise((ready, fail) => {
    let said = '';
    child.once('exit', () => fail(new Error(`the gateway ended at once:\n${said}`)));
    child.stderr.setEncoding('utf8').on('data', (more) => {
      said += more;
      if (said.includes('listening on')) ready();
    });
  });
  return {
    gateway,
    async stop() {
      child.kill('SIGKILL');
      process.off('exit', killAtExit);
      for (const server of [upstream, company, partner]) {
        server.closeAllConnections();
        server.close();
      }
      rmSync(folder, { recursive: true });
    },
  };
}
