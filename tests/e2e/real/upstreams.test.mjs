// Servers of other makes behind us: nginx and Apache over HTTP/1.1 and HTTP/2, Node over both with trailers.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp2 } from 'node:http2';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openStage } from '../support/open_stage.mjs';
import { answers, freePorts, start, workFolder } from '../support/process.mjs';

const run = promisify(execFile);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

const [nginxPlain, nginxH2c, apachePort] = await freePorts(3);
const page = randomBytes(2_000_000);
const PATH = `${process.env.PATH}:/usr/sbin`;

// Started by root, both servers read as another user, who may not be able to look into the checkout.
const html = await mkdtemp(join(tmpdir(), 'vestibule-html-'));
after(() => rm(html, { recursive: true, force: true }));
await chmod(html, 0o755);
await writeFile(join(html, 'page.bin'), page);

async function nginx() {
  const folder = workFolder('nginx');
  const file = join(folder, 'nginx.conf');
  const server = (port, how) => `
  server {
    listen 127.0.0.1:${port}${how};
    root ${html};
    # A short life, so that connections kept by the gateway are closed under it.
    keepalive_requests 5;
    location = /empty { return 204; }
    location = /moved { return 302 /page.bin; }
  }`;
  await writeFile(file, `daemon off;
pid nginx.pid;
error_log stderr info;
events {}
http {
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
${server(nginxPlain, '')}
${server(nginxH2c, ' http2')}
}
`);
  const program = await start('nginx', 'nginx', ['-p', folder, '-c', file], { cwd: folder, env: { PATH }, ready: /start worker process \d+/ });
  after(() => program.stop('SIGQUIT'));
}

async function apache() {
  const folder = workFolder('apache');
  await writeFile(join(html, 'slow.cgi'), '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nfor n in 1 2 3 4 5; do echo "line $n"; done\n', { mode: 0o755 });
  const modules = '/usr/lib/apache2/modules';
  const file = join(folder, 'httpd.conf');
  const load = ['mpm_event', 'authz_core', 'mime', 'dir', 'http2', 'cgid', 'alias'].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`);
  await writeFile(file, `
ServerRoot ${folder}
${load.join('\n')}
Listen 127.0.0.1:${apachePort}
ServerName localhost
PidFile ${folder}/httpd.pid
ErrorLog ${folder}/error.log
ScriptSock ${html}/cgisock
TypesConfig /etc/mime.types
User www-data
Group www-data
Protocols h2c http/1.1
KeepAliveTimeout 1
MaxKeepAliveRequests 5
DocumentRoot ${html}
<Directory ${html}>
  Options +ExecCGI
  AddHandler cgi-script .cgi
  Require all granted
</Directory>
`);
  const program = await start('apache', 'apache2', ['-f', file, '-DFOREGROUND'], {
    cwd: folder, env: { PATH }, ready: answers(`http://127.0.0.1:${apachePort}/page.bin`, [200]),
  });
  after(() => program.stop());
}

const node = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { trailer: 'x-checksum', 'set-cookie': ['a=1', 'b=2'] });
    response.write('body');
    response.addTrailers({ 'x-checksum': `of ${JSON.stringify(request.trailers)}` });
    response.end();
  });
});
const node2 = createHttp2((request, response) => {
  if (request.url === '/reset') {
    response.stream.respond({ ':status': 200, 'content-length': '100' });
    response.stream.write('half');
    setImmediate(() => response.stream.close(2));
    return;
  }
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] });
    response.write('body');
    response.addTrailers({ 'x-checksum': `of ${JSON.stringify(request.trailers)}` });
    response.end();
  });
});
await Promise.all([node, node2].map((server) => new Promise((done) => server.listen(0, '127.0.0.1', done))));
after(() => [node, node2].forEach((server) => server.close()));

await nginx();
await apache();

const upstreams = {
  nginx: `http://127.0.0.1:${nginxPlain}`,
  nginx2: `h2c://127.0.0.1:${nginxH2c}`,
  apache: `http://127.0.0.1:${apachePort}`,
  apache2: `h2c://127.0.0.1:${apachePort}`,
  node: `http://127.0.0.1:${node.address().port}`,
  node2: `h2c://127.0.0.1:${node2.address().port}`,
};
const routes = Object.entries(upstreams).map(([name, upstream]) => `
[routes.${name}]
upstream = "${upstream}"
path = "/${name}"
strip_path = true
allow = ["everyone"]
`);
const { http, https, crt } = await openStage({ routes: routes.join('') });

/** The answer over this version, as curl shows it. */
async function curl(version, path, ...args) {
  const { stdout } = await run('curl', [
    '-sS', '-D', '-', '--max-time', '30', version === 2 ? '--http2' : '--http1.1', '--cacert', crt, `https://localhost:${https}${path}`, ...args,
  ], { maxBuffer: 1 << 26, encoding: 'buffer' });
  const end = stdout.indexOf('\r\n\r\n');
  return { head: stdout.subarray(0, end).toString('latin1'), body: stdout.subarray(end + 4) };
}

for (const version of [1, 2]) {
  describe(`asked over HTTP/${version}`, () => {
    for (const name of ['nginx', 'nginx2', 'apache', 'apache2']) {
      test(`${name}: a_large_file_a_range_a_head_and_what_is_not_there`, async () => {
        // More often than it keeps a connection: those that it closes are noticed.
        for (let n = 0; n < 12; n += 1) {
          const { head, body } = await curl(version, `/${name}/page.bin`);
          assert.match(head, /^HTTP\/(1\.1|2) 200/);
          assert.equal(hash(body), hash(page));
        }
        const part = await curl(version, `/${name}/page.bin`, '-H', 'Range: bytes=1000-1999');
        assert.match(part.head, /^HTTP\/(1\.1|2) 206/);
        assert.deepEqual(part.body, page.subarray(1000, 2000));
        const { head } = await curl(version, `/${name}/page.bin`, '-I');
        assert.match(head, new RegExp(`content-length: ${page.length}`, 'i'));
        assert.match((await curl(version, `/${name}/nothing`)).head, /^HTTP\/(1\.1|2) 404/);
      });
    }

    for (const name of ['nginx', 'nginx2']) {
      test(`${name}: an_answer_without_a_body_has_none`, async () => {
        const { head, body } = await curl(version, `/${name}/empty`);
        assert.match(head, /^HTTP\/(1\.1|2) 204/);
        assert.equal(body.length, 0);
        assert.doesNotMatch(head, /content-length|transfer-encoding/i);
      });
    }

    for (const name of ['apache', 'apache2']) {
      test(`${name}: a_script_of_unknown_length`, async () => {
        const { body } = await curl(version, `/${name}/slow.cgi`);
        assert.equal(body.toString(), 'line 1\nline 2\nline 3\nline 4\nline 5\n');
      });
    }

    for (const name of ['node', 'node2']) {
      test(`${name}: several_cookies_and_trailers`, async () => {
        const { head, body } = await curl(version, `/${name}/`);
        assert.match(body.toString(), /^body/);
        assert.equal(head.match(/set-cookie: [ab]=/gi).length, 2);
      });
    }
  });
}

test('an_upstream_that_resets_its_stream_is_an_error_to_the_client', async () => {
  for (const version of [1, 2]) {
    await assert.rejects(curl(version, '/node2/reset'), (error) => [18, 52, 92].includes(error.code), `HTTP/${version}`);
  }
  await run('curl', ['-sS', '-f', '-o', '/dev/null', `http://localhost:${http}/node2/`]);
});
