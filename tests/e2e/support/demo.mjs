// Starts `vestibule demo` as a person would and knows its addresses. One demo per test file.

import { createServer } from 'node:net';
import { start, vestibule } from './process.mjs';

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
  const ready = new RegExp(`open\\s+http://127\\.0\\.0\\.1:${port}\\b`);
  const demo = await start('demo', vestibule(), ['demo', '--port', String(port)], { ready });
  return {
    ...demo,
    gateway: `http://127.0.0.1:${port}`,
    admin: `http://127.0.0.1:${port + 1}`,
    upstream: `http://127.0.0.1:${port + 2}`,
    provider: `http://localhost:${port + 3}`,
  };
}
