// Starts `vestibule demo` as a person would and knows its addresses. One demo per test file.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const logs = resolve(checkout, 'tests/.tools/logs');

/** The debug binary, unless VESTIBULE_BIN names another. */
export function binary() {
  const target = resolve(checkout, process.env.CARGO_TARGET_DIR ?? 'target');
  return process.env.VESTIBULE_BIN ?? join(target, 'debug', 'vestibule');
}

/** Whether `host:port` can be bound now. A host that this machine lacks (no IPv6) counts as free. */
function isFree(host, port) {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', (error) => done(error.code !== 'EADDRINUSE'));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => done(true)));
  });
}

/** Four neighbouring free ports below the kernel's own range; the process id keeps parallel test files apart. */
async function freeBlock() {
  const blocks = 4000;
  for (let step = 0; step < blocks; step += 1) {
    const port = 14000 + ((process.pid + step) % blocks) * 4;
    const probes = [0, 1, 2, 3].flatMap((n) => [isFree('127.0.0.1', port + n), isFree('::1', port + n)]);
    if ((await Promise.all(probes)).every(Boolean)) return port;
  }
  throw new Error('no four neighbouring free ports');
}

/** Runs the demo and resolves once its banner says which address to open. */
export async function startDemo() {
  const port = await freeBlock();
  mkdirSync(logs, { recursive: true });
  const log = createWriteStream(join(logs, `${basename(process.argv[1] ?? 'demo', '.mjs')}.log`));

  // A clean environment: a VESTIBULE_ variable of the developer's shell must not decide a test.
  const child = spawn(binary(), ['demo', '--port', String(port)], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const ended = new Promise((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);

  let patience;
  const banner = new Promise((ready, fail) => {
    patience = setTimeout(() => fail(new Error('no banner after 30 s')), 30_000);
    child.once('error', (error) => fail(new Error(`cannot start ${binary()}: ${error.message}`)));
    child.once('exit', (code, signal) => fail(new Error(`the demo ended at once (${code ?? signal})`)));
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        output[name] += text;
        log.write(text);
        if (new RegExp(`open\\s+http://127\\.0\\.0\\.1:${port}\\b`).test(output[name])) ready();
      });
    }
  });
  try {
    await banner;
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${output.stdout}${output.stderr}`, { cause: error });
  } finally {
    clearTimeout(patience);
  }

  return {
    gateway: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${port + 1}`,
    upstream: `http://127.0.0.1:${port + 2}`,
    provider: `http://localhost:${port + 3}`,
    output,
    /** Sends the signal and resolves with how the process ended: `{ code, signal }`. */
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const end = await ended;
      process.off('exit', killAtExit);
      log.end();
      return end;
    },
  };
}
