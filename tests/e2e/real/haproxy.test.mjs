// Behind HAProxy, which says by the PROXY protocol for whom it speaks: version 1 and 2, in front of plain HTTP, of HTTP/2 and
// of our TLS, with its own health checks.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { certificate } from '../support/certificate.mjs';
import { configure } from '../support/gateway.mjs';
import { answers, freePorts, start, workFolder } from '../support/process.mjs';

const run = promisify(execFile);

/** Every address of 127.0.0.0/8 is this machine's: one for HAProxy, which alone is trusted, and some for clients. */
const PROXY = '127.0.0.2';
const CLIENTS = ['127.0.0.9', '127.0.0.10'];

/** An upstream that answers with the head it was sent. */
const upstream = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(request.headers));
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const [plain, tls, admin, ...fronts] = await freePorts(9);
const { crt, key } = await certificate(workFolder('tls'), 'localhost', ['localhost', '127.0.0.1']);

/**
 * The ways in: each a section of HAProxy's of the same name, and what its `server` line says. `scheme` is what the client
 * speaks, `told` what the upstream hears of it, which is the scheme of public_url where HAProxy does not say; `protocol`
 * is what reaches us.
 */
const ways = [
  { name: 'v1', mode: 'tcp', server: `${plain} send-proxy`, check: 'L7OK', scheme: 'http', told: 'https', protocol: 'HTTP/1.1' },
  { name: 'v2', mode: 'http', server: `${plain} send-proxy-v2`, check: 'L7OK', scheme: 'http', told: 'https', protocol: 'HTTP/1.1' },
  { name: 'v2-ssl-plain', mode: 'tcp', server: `${plain} send-proxy-v2-ssl`, check: 'L7OK', scheme: 'http', told: 'http', protocol: 'HTTP/1.1' },
  { name: 'v2-ssl', mode: 'tcp', ends: 'tls', server: `${plain} send-proxy-v2-ssl`, check: 'L7OK', scheme: 'https', told: 'https', protocol: 'HTTP/1.1' },
  // Its check opens a connection, says that it speaks for itself, and goes.
  { name: 'v2-h2c', mode: 'http', server: `${plain} send-proxy-v2 proto h2`, check: 'L4OK', scheme: 'http', told: 'https', protocol: 'HTTP/2' },
  { name: 'v2-to-tls', mode: 'tcp', server: `${tls} send-proxy-v2`, check: 'L6OK', scheme: 'https', told: 'https', protocol: 'HTTP/2' },
].map((way, at) => ({ ...way, port: fronts[at] }));

async function haproxy() {
  const folder = workFolder('haproxy');
  const pem = join(folder, 'both.pem');
  await writeFile(pem, (await readFile(crt, 'utf8')) + (await readFile(key, 'utf8')), { mode: 0o600 });
  const section = ({ name, mode, ends, server, check, port }) => `
listen ${name}
  mode ${mode}
  bind 127.0.0.1:${port}${ends === 'tls' ? ` ssl crt ${pem}` : ''}
  source ${PROXY}
  server vestibule 127.0.0.1:${server} check inter 100ms${check === 'L6OK' ? ' check-ssl verify none' : ''}
${check === 'L7OK' ? `  option httpchk
  http-check send meth GET uri /ping ver HTTP/1.1 hdr Host localhost
  http-check expect string OK
` : ''}`;
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, `
global
  stats socket ${join(folder, 'stats')} mode 600
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${ways.map(section).join('')}`);
  const program = await start('haproxy', 'haproxy', ['-db', '-f', file], {
    cwd: folder, env: { PATH: `${process.env.PATH}:/usr/sbin` }, ready: answers(`http://127.0.0.1:${fronts[0]}/ping`, [200]),
  });
  after(() => program.stop('SIGUSR1'));
  return join(folder, 'stats');
}

const { serve } = await configure('gateway', {
  admin,
  config: `
public_url = "https://localhost:${tls}"
[listen]
http = ["127.0.0.1:${plain}"]
https = ["127.0.0.1:${tls}"]
tls = { cert = "${crt}", key = { file = "${key}" } }
h2c = true
ping = true
admin = "127.0.0.1:${admin}"
trusted_proxies = ["${PROXY}/32"]
client_address_from = "proxy-protocol"
drain_delay = "0"
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["everyone"]
`,
});
let gateway = await serve();
after(() => gateway.stop());
const stats = await haproxy();

/** What HAProxy holds of us, by section: `[status, what its last check said]`. */
async function health() {
  const socket = connect(stats);
  socket.end('show stat\n');
  const [names, ...rows] = (await text(socket)).trim().split('\n').map((line) => line.replace(/^# /, '').split(','));
  const of = (row, name) => row[names.indexOf(name)];
  return new Map(rows.filter((row) => of(row, 'svname') === 'vestibule').map((row) => [of(row, 'pxname'), row])
    .map(([name, row]) => [name, { status: of(row, 'status'), check: of(row, 'check_status'), downs: Number(of(row, 'chkdown')) }]));
}

/** Resolves once HAProxy's view of every section is like that. */
async function healthIs(wanted) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const seen = await health();
    if (ways.every((way) => wanted(seen.get(way.name), way))) return;
    assert.ok(Date.now() < deadline, `${JSON.stringify([...seen])}\n${gateway.lines()}`);
    await pause(50);
  }
}

/** Requests over one connection from this address, and what the upstream was sent with each. */
async function ask(way, client, count = 1) {
  const { stdout } = await run('curl', [
    '-sS', '-f', '--max-time', '30', '--interface', client, '--cacert', crt, '-H', `Host: localhost:${tls}`,
    '-H', 'X-Forwarded-For: 6.6.6.6', '-H', 'X-Real-IP: 6.6.6.6', '-H', 'X-Forwarded-Proto: gopher', '-w', '\n',
    `${way.scheme}://localhost:${way.port}/${way.name}?[1-${count}]`,
  ]);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

/** The first `count` access lines of a way, which are written when the answers are through. */
async function accessLines(way, count) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const lines = gateway.events().filter((line) => line.kind === 'access' && line.path === `/${way.name}`);
    if (lines.length >= count) return lines;
    assert.ok(Date.now() < deadline, gateway.lines());
    await pause(20);
  }
}

/** Sends these bytes from this address to our plain listener and resolves with all that comes back, however it ends. */
function directly(localAddress, bytes) {
  return new Promise((done) => {
    const socket = connect({ port: plain, host: '127.0.0.1', localAddress });
    let seen = '';
    socket.setEncoding('latin1').on('data', (piece) => {
      seen += piece;
    });
    // What was sent and never read makes the end of a connection a reset.
    socket.on('error', () => {}).on('close', () => done(seen));
    socket.write(bytes);
  });
}

describe('behind HAProxy', () => {
  for (const way of ways) {
    test(`the_client_is_whom_haproxy_names: ${way.name}`, async () => {
      for (const client of CLIENTS) {
        for (const head of await ask(way, client, 3)) {
          assert.equal(head['x-forwarded-for'], `${client}, ${PROXY}`);
          assert.equal(head['x-real-ip'], client);
          assert.equal(head['x-forwarded-proto'], way.told);
        }
      }
      const lines = (await accessLines(way, 6)).map((line) => [line.client, line.peer.split(':')[0], line.protocol]);
      assert.deepEqual(lines, CLIENTS.flatMap((client) => Array(3).fill([client, PROXY, way.protocol])));
    });
  }

  test('clients_at_once_are_not_taken_for_each_other', async () => {
    const asks = ways.flatMap((way) => CLIENTS.map(async (client) => {
      for (const head of await ask(way, client, 30)) assert.equal(head['x-real-ip'], client);
    }));
    await Promise.all(asks);
  });

  test('its_checks_find_us_up_and_are_nothing_to_complain_of', async () => {
    await healthIs((seen, way) => seen.status === 'UP' && seen.check === way.check);
    assert.ok([...(await health()).values()].every((seen) => seen.downs === 0), 'and never found us down');
    assert.doesNotMatch(gateway.lines(), /listen\//);
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    assert.match(metrics, /malformed_requests_total\{[^}]*class="proxy_header"[^}]*\} 0$/m);
    assert.doesNotMatch(metrics, /class="proxy_header"[^}]*\} [1-9]/);
  });

  test('a_connection_that_lacks_the_header_is_closed_without_a_word', async () => {
    const request = `GET / HTTP/1.1\r\nHost: localhost:${tls}\r\nConnection: close\r\n\r\n`;
    assert.equal(await directly(PROXY, request), '');
    assert.match(gateway.lines(), /listen\/proxy-header/);
    // From anybody else a header is no way to be somebody else, but the beginning of a bad request.
    assert.match(await directly(CLIENTS[0], `PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\n${request}`), /^HTTP\/1\.1 400 /);
    const own = await directly(CLIENTS[0], request);
    assert.ok(own.startsWith('HTTP/1.1 200 ') && own.includes(`"x-forwarded-for":"${CLIENTS[0]}"`), own);
  });

  test('a_restart_is_seen_as_down_and_then_as_up', async () => {
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    await healthIs((seen) => seen.status === 'DOWN');
    gateway = await serve();
    await healthIs((seen, way) => seen.status === 'UP' && seen.check === way.check);
    for (const way of ways) assert.equal((await ask(way, CLIENTS[0]))[0]['x-real-ip'], CLIENTS[0]);
  });
});
