// Certificates of this run: one signed by itself, or one of an authority that a browser is made to trust.

import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const names = (hosts) => hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(',');
const newKey = (name) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];

/** Makes `NAME.crt` and `NAME.key` in the folder, for these hosts (addresses count as such). */
export async function certificate(folder, name, hosts) {
  const subject = ['-subj', `/CN=${hosts[0]}`, '-addext', `subjectAltName=${names(hosts)}`];
  await run('openssl', ['req', '-x509', ...newKey(name), ...subject, '-days', '30', '-out', `${name}.crt`], { cwd: folder });
  await chmod(join(folder, `${name}.key`), 0o600);
  return { crt: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

/**
 * As a company has it: a root, an authority below it, and a certificate for these hosts by the latter. `crt` is what a
 * server is given, the chain without the root; `home` is a home folder in which Chromium trusts the root, and nothing
 * else that it would not.
 */
export async function chain(folder, hosts) {
  const at = { cwd: folder };
  const authority = (name) => ['-subj', `/CN=${name} of this run`, '-addext', 'keyUsage=critical,keyCertSign'];
  const below = (issuer) => ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-days', '30'];
  const x509 = ['req', '-x509'];
  await run('openssl', [...x509, ...newKey('root'), ...authority('root'), '-days', '30', '-out', 'root.crt'], at);
  await run('openssl', [...x509, ...newKey('issuer'), ...authority('issuer'), ...below('root'), '-out', 'issuer.crt'], at);
  const leaf = ['-subj', `/CN=${hosts[0]}`, '-addext', `subjectAltName=${names(hosts)}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
  await run('openssl', [...x509, ...newKey('leaf'), ...leaf, ...below('issuer'), '-out', 'leaf.crt'], at);
  const read = (name) => readFile(join(folder, `${name}.crt`), 'utf8');
  await writeFile(join(folder, 'chain.crt'), (await read('leaf')) + (await read('issuer')));
  await chmod(join(folder, 'leaf.key'), 0o600);
  const store = join(folder, 'home', '.pki', 'nssdb');
  await mkdir(store, { recursive: true });
  await run('certutil', ['-d', `sql:${store}`, '-N', '--empty-password'], at);
  await run('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'root', '-i', 'root.crt'], at);
  return { crt: join(folder, 'chain.crt'), key: join(folder, 'leaf.key'), home: join(folder, 'home') };
}
