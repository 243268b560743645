// Clients of other makes: curl in every protocol it speaks, h2load, Python's websockets.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openStage } from '../support/open_stage.mjs';
import { fromPython, start, workFolder } from '../support/process.mjs';

const run = promisify(execFile);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

const folder = workFolder('clients');
const upload = randomBytes(3_000_000);
await writeFile(join(folder, 'upload'), upload);

/** An upstream that says what it was sent. */
const upstream = createServer(async (request, response) => {
  const sum = createHash('sha256');
  let length = 0;
  for await (const piece of request) {
    sum.update(piece);
    length += piece.length;
  }
  response.setHeader('content-type', 'application/json');
  const { url, method, httpVersion, headers, trailers } = request;
  response.end(JSON.stringify({ url, method, httpVersion, headers, trailers, length, hash: sum.digest('hex') }));
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const sockets = await start('websockets', fromPython('python'), ['-c', `
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
`], { ready: /port \d+/ });
after(() => sockets.stop());
const socketsPort = sockets.output.stdout.match(/port (\d+)/)[1];

const { http, https, crt, gateway } = await openStage({
  routes: `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["everyone"]

[routes.sockets]
upstream = "http://127.0.0.1:${socketsPort}"
path = "/socket"
allow = ["everyone"]
`,
});

const tls = `https://localhost:${https}`;
const plain = `http://localhost:${http}`;

/** What curl got: its own words for version and status, and what the upstream saw. */
async function curl(...args) {
  const { stdout } = await run('curl', [
    '-sS', '--max-time', '30', '--cacert', crt, '-w', '\n%{http_version} %{http_code} %{ssl_verify_result}', ...args,
  ], { maxBuffer: 1 << 26, cwd: folder });
  const [body, line] = [stdout.slice(0, stdout.lastIndexOf('\n')), stdout.slice(stdout.lastIndexOf('\n') + 1)];
  const [version, status] = line.split(' ');
  return { version, status: Number(status), seen: body.startsWith('{') ? JSON.parse(body) : body };
}

describe('curl', () => {
  const ways = [
    ['HTTP/2 over TLS, by ALPN', ['--http2', tls], '2'],
    ['HTTP/1.1 over TLS', ['--http1.1', tls], '1.1'],
    ['HTTP/2 over TLS 1.2', ['--tls-max', '1.2', '--http2', tls], '2'],
    ['HTTP/2 with prior knowledge', ['--http2-prior-knowledge', plain], '2'],
    ['HTTP/1.1', ['--http1.1', plain], '1.1'],
    ['HTTP/1.1 that offers to upgrade to h2c', ['--http2', plain], '1.1'],
    ['HTTP/1.0', ['--http1.0', plain], '1'],
  ];
  for (const [name, args, version] of ways) {
    test(`a_request_and_an_upload_pass: ${name}`, async () => {
      const url = args.at(-1);
      const got = await curl(...args.slice(0, -1), `${url}/a/path?q=1`, '-H', 'X-Forwarded-User: mallory', '-b', 'a=1; b=2');
      assert.equal(got.status, 200);
      assert.ok(got.version === version || (version === '1' && got.version.startsWith('1')), got.version);
      assert.equal(got.seen.url, '/a/path?q=1');
      assert.equal(got.seen.httpVersion, '1.1');
      assert.equal(got.seen.headers.cookie, 'a=1; b=2');
      assert.equal(got.seen.headers['x-forwarded-user'], undefined);
      assert.equal(got.seen.headers.upgrade, undefined);
      assert.equal(got.seen.headers['http2-settings'], undefined);
      assert.equal(got.seen.headers.host, new URL(url).host);

      const sent = await curl(...args.slice(0, -1), `${url}/upload`, '--data-binary', '@upload', '-H', 'Expect: 100-continue');
      assert.equal(sent.status, 200);
      assert.deepEqual([sent.seen.length, sent.seen.hash], [upload.length, hash(upload)]);

      if (version !== '1') {
        const chunked = await curl(...args.slice(0, -1), `${url}/upload`, '-T', 'upload', '-X', 'POST', '-H', 'Transfer-Encoding: chunked');
        assert.deepEqual([chunked.status, chunked.seen.length, chunked.seen.hash], [200, upload.length, hash(upload)]);
      }
    });
  }

  test('many_transfers_at_once_share_one_http2_connection', async () => {
    const { stderr } = await run('curl', [
      '-sS', '-v', '--parallel', '--parallel-max', '20', '--cacert', crt, '--http2', '-o', '/dev/null', `${tls}/[1-100]`,
    ], { maxBuffer: 1 << 26 });
    assert.ok(stderr.includes('using HTTP/2'), stderr.slice(0, 2000));
  });
});

describe('h2load', () => {
  for (const [name, url] of [['over TLS', tls], ['with prior knowledge', plain]]) {
    test(`no_request_of_many_streams_fails: ${name}`, async () => {
      const { stdout } = await run('h2load', ['-n', '5000', '-c', '10', '-m', '20', `${url}/`], { maxBuffer: 1 << 26 });
      assert.match(stdout, /5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout/, stdout);
      assert.match(stdout, /status codes: 5000 2xx/, stdout);
    });
  }
});

describe("Python's websockets", () => {
  for (const [name, url] of [['plain', `ws://localhost:${http}/socket`], ['over TLS', `wss://localhost:${https}/socket`]]) {
    test(`messages_of_every_size_come_back: ${name}`, async () => {
      const { stdout } = await run(fromPython('python'), ['-c', `
import asyncio, ssl, sys, websockets
async def main():
    url, ca = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca) if url.startswith("wss") else None
    async with websockets.connect(url, ssl=context, max_size=None, origin=sys.argv[1].replace("ws", "http", 1).rsplit("/", 1)[0]) as socket:
        for size in (0, 1, 125, 126, 65535, 65536, 1000000):
            message = bytes(range(256)) * (size // 256) + bytes(size % 256)
            await socket.send(message)
            assert await socket.recv() == message, size
        await socket.send("text, too")
        assert await socket.recv() == "text, too"
    print("closed", socket.close_code)
asyncio.run(main())
`, url, crt]);
      assert.equal(stdout.trim(), 'closed 1000');
    });
  }
});

test('every_request_is_in_the_access_lines_with_its_protocol', async () => {
  const lines = gateway.events().filter((line) => line.kind === 'access');
  assert.deepEqual([...new Set(lines.map((line) => line.protocol))].sort(), ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2']);
});
