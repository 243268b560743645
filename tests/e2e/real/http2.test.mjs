// HTTP/2 as others speak it: Node's client and curl (both nghttp2), and h2load where it is installed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, constants } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { configure } from '../support/gateway.mjs';
import { freePorts, workFolder } from '../support/process.mjs';

const run = promisify(execFile);
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const large = randomBytes(8 << 20);

/** An upstream that says what it was sent, or sends much. */
const upstream = createServer((request, response) => {
  if (request.url === '/large') return response.end(large);
  if (request.url === '/broken') {
    response.writeHead(200, { 'content-length': 100 });
    response.write('part', () => response.destroy());
    return undefined;
  }
  const hash = createHash('sha256');
  let length = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    length += chunk.length;
  });
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', trailer: 'x-sum' });
    response.write(JSON.stringify({ head: request.headers, trailers: request.trailers, length, sum: hash.copy().digest('hex') }));
    response.addTrailers({ 'x-sum': '7' });
    response.end();
  });
  return undefined;
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const [plain, tls, admin] = await freePorts(3);
let gateway;
let certificate;

before(async () => {
  const folder = workFolder('http2-tls');
  certificate = join(folder, 'tls.pem');
  const key = join(folder, 'tls.key');
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-days', '90'];
  await run('openssl', ['req', '-x509', ...kind, '-out', certificate, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  const { serve } = await configure('http2', {
    admin,
    config: `
public_url = "https://localhost:${tls}"
[listen]
http = ["127.0.0.1:${plain}"]
https = ["localhost:${tls}"]
tls = { cert = "${certificate}", key = { file = "${key}" } }
admin = "127.0.0.1:${admin}"
h2c = true
[routes.all]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["everyone"]
`,
  });
  gateway = await serve();
});
after(() => gateway?.stop());

/** One request over a session of Node's. */
async function ask(session, headers, body, trailers) {
  const stream = session.request(headers, { endStream: body === undefined && !trailers, waitForTrailers: Boolean(trailers) });
  if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  if (body !== undefined) stream.end(body);
  const answer = { chunks: [] };
  stream.on('response', (head) => Object.assign(answer, { head }));
  stream.on('trailers', (fields) => Object.assign(answer, { trailers: fields }));
  for await (const chunk of stream) answer.chunks.push(chunk);
  answer.body = Buffer.concat(answer.chunks);
  return answer;
}

describe('HTTP/2', () => {
  for (const [name, origin] of [
    ['over TLS', () => `https://localhost:${tls}`],
    ['with prior knowledge', () => `http://localhost:${plain}`],
  ]) {
    test(`Node's client ${name}: uploads, downloads and trailers at once`, async () => {
      // Above ten MiB in a session Node refuses its own streams.
      const session = connect(origin(), { rejectUnauthorized: false, maxSessionMemory: 500 });
      after(() => session.destroy());
      const uploads = Array.from({ length: 20 }, async () => {
        const announced = { ':path': '/', ':method': 'POST', trailer: 'x-end', cookie: ['a=1', 'b=2'] };
        const answer = await ask(session, announced, large.subarray(0, 1 << 20), { 'x-end': 'yes' });
        const told = JSON.parse(answer.body);
        assert.equal(answer.head[':status'], 200);
        assert.deepEqual([told.length, told.sum], [1 << 20, digest(large.subarray(0, 1 << 20))]);
        assert.deepEqual([told.trailers['x-end'], told.head.cookie], ['yes', 'a=1; b=2']);
        assert.equal(answer.trailers['x-sum'], '7');
      });
      const downloads = Array.from({ length: 5 }, async () => {
        const answer = await ask(session, { ':path': '/large' });
        assert.equal(digest(answer.body), digest(large));
      });
      await Promise.all([...uploads, ...downloads]);
      await assert.rejects(ask(session, { ':path': '/broken' }), { code: 'ERR_HTTP2_STREAM_ERROR' });
      assert.equal(session.closed, false);
    });
  }

  test('curl, both ways', async () => {
    const format = '%{http_version} %{response_code}';
    const more = ['-sS', '-o', '/dev/null', '-w', format];
    for (const args of [
      ['--http2', '--cacert', certificate, `https://localhost:${tls}/large`],
      ['--http2-prior-knowledge', '-H', `Host: localhost:${tls}`, `http://127.0.0.1:${plain}/large`],
    ]) {
      assert.equal((await run('curl', [...more, ...args])).stdout, '2 200');
    }
    const upgrade = await run('curl', [...more, '--http2', '-H', `Host: localhost:${tls}`, `http://127.0.0.1:${plain}/large`]);
    assert.equal(upgrade.stdout, '1.1 200');
    const old = await run('curl', [...more, '--http1.1', '--cacert', certificate, `https://localhost:${tls}/large`]);
    assert.equal(old.stdout, '1.1 200');
  });

  test('h2load: thousands of requests over few connections, none lost', async (t) => {
    const there = await run('h2load', ['--version']).catch(() => null);
    if (!there) return t.skip('h2load is not installed');
    const { stdout } = await run('h2load', ['-n', '3000', '-c', '4', '-m', '50', `https://localhost:${tls}/`]);
    assert.match(stdout, /3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored, 0 timeout/);
    return undefined;
  });

  test('a connection that is told to go ends without an error', async () => {
    const session = connect(`http://localhost:${plain}`);
    const answer = await ask(session, { ':path': '/' });
    assert.equal(answer.head[':status'], 200);
    const gone = new Promise((done, fail) => {
      session.once('goaway', (code) => (code === constants.NGHTTP2_NO_ERROR ? done() : fail(new Error(`code ${code}`))));
      session.once('error', fail);
    });
    const ended = gateway.stop();
    await gone;
    session.close();
    assert.deepEqual(await ended, { code: 0, signal: null });
    gateway = undefined;
  });
});
