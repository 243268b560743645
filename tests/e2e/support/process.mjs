// Programs that a test starts: a folder to work in, ports, a log file, ready when they say so, stopped by their id.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const tools = resolve(checkout, 'tests/.tools');

/** Where pictures and the lines of every program end up. */
export const logs = join(tools, 'logs');

/** How long a program may take to be ready: an interpreter that compiles its modules for the first time is slow. */
const START_LIMIT = 60_000;

/** How long a program may take to end after it was asked to. */
const STOP_LIMIT = 10_000;

/** What runs now. */
const running = new Set();

/** The debug binary, unless VESTIBULE_BIN names another. */
export function vestibule() {
  const target = resolve(checkout, process.env.CARGO_TARGET_DIR ?? 'target');
  return process.env.VESTIBULE_BIN ?? join(target, 'debug', 'vestibule');
}

/** A program of the applications' Python environment, as tests/tools.sh makes it. */
export function fromPython(program) {
  return join(process.env.VESTIBULE_E2E_APPS ?? join(tools, 'apps'), 'bin', program);
}

/** A new folder inside the checkout, gone when this process ends. */
export function workFolder(name) {
  const parent = join(tools, 'work');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** As many ports of 127.0.0.1 as asked for, chosen by the kernel; all different, since all are held at once. */
export async function freePorts(count) {
  const held = await Promise.all(
    Array.from({ length: count }, () =>
      new Promise((done, fail) => {
        const server = createServer();
        server.once('error', fail);
        server.listen(0, '127.0.0.1', () => done(server));
      }),
    ),
  );
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** A file for the lines of `name`, beside those of this test file. */
function logOf(name) {
  mkdirSync(logs, { recursive: true });
  const file = basename(process.argv[1] ?? 'e2e', '.test.mjs');
  return createWriteStream(join(logs, name ? `${file}-${name}.log` : `${file}.log`), { flags: 'a' });
}

/**
 * Runs a program until it is ready: `ready` is a pattern that its output must match, or a question that is asked until
 * its answer is true. The environment is clean: a variable of the developer's shell must not decide a test.
 */
export async function start(name, command, args, { env = {}, cwd = checkout, ready }) {
  const log = logOf(name);
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const output = { stdout: '', stderr: '' };
  let end;
  const ended = new Promise((done) => {
    child.once('error', (error) => done({ error }));
    child.once('exit', (code, signal) => done({ code, signal }));
  }).then((how) => {
    process.off('exit', killAtExit);
    running.delete(child);
    end = how;
    return how;
  });
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text;
      log.write(text);
    });
  }
  const lines = () => output.stdout + output.stderr;
  const isReady = ready instanceof RegExp ? () => ready.test(output.stdout) || ready.test(output.stderr) : ready;

  const deadline = Date.now() + START_LIMIT;
  while (!(await isReady())) {
    if (end || Date.now() > deadline) {
      // A file that fails before its first test ends without its hooks, and without 'exit': nothing may stay behind.
      for (const started of running) started.kill('SIGKILL');
      const how = end ? (end.error?.message ?? `ended with ${end.code ?? end.signal}`) : 'is not ready';
      throw new Error(`${name}: ${command} ${how}\n${lines()}`);
    }
    await pause(20);
  }

  return {
    output,
    lines,
    /** Sends the signal and resolves with how the process ended: `{ code, signal }`. */
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const patience = new AbortController();
      const late = pause(STOP_LIMIT, null, { signal: patience.signal, ref: false })
        .then(() => child.kill('SIGKILL'))
        .catch(() => {});
      const how = await ended;
      patience.abort();
      await late;
      log.end();
      return how;
    },
  };
}

/** A question for `start`: whether this address answers at all (or with one of `statuses`). */
export function answers(url, statuses) {
  return async () => {
    try {
      const response = await fetch(url, { redirect: 'manual' });
      await response.arrayBuffer();
      return statuses ? statuses.includes(response.status) : true;
    } catch {
      return false;
    }
  };
}
