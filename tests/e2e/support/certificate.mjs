// A certificate of this run, signed by itself.

import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Makes `NAME.crt` and `NAME.key` in the folder, for these hosts (addresses count as such). */
export async function certificate(folder, name, hosts) {
  const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(',');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const subject = ['-subj', `/CN=${hosts[0]}`, '-addext', `subjectAltName=${names}`];
  await run('openssl', ['req', '-x509', ...key, ...subject, '-days', '30', '-out', `${name}.crt`], { cwd: folder });
  await chmod(join(folder, `${name}.key`), 0o600);
  return { crt: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}
