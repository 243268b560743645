// A gateway as an operator sets one up: a folder with the configuration and its secrets, `check`, then `serve`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answers, start, vestibule, workFolder } from './process.mjs';

const run = promisify(execFile);

/** What `check` says to register, line by line. */
function toRegister(report, what) {
  return [...report.matchAll(new RegExp(`^ +${what} to register: +(\\S+)$`, 'gm'))].map((match) => match[1]);
}

/**
 * Writes the configuration, makes the session key, and has it all checked without a warning.
 * `secrets` are further files, by name. Resolves with what to register at the provider, and `serve()`.
 */
export async function configure(name, { config, secrets = {}, admin }) {
  const folder = workFolder(name);
  const file = join(folder, 'vestibule.toml');
  await writeFile(file, config);
  for (const [secret, text] of Object.entries(secrets)) {
    await writeFile(join(folder, secret), `${text}\n`, { mode: 0o600 });
  }
  const options = { cwd: folder, env: { PATH: process.env.PATH } };
  await run(vestibule(), ['keygen', 'session', '--out', 'session.key'], options);
  const checked = await run(vestibule(), ['check', '--strict', '--config', file], options).catch((error) => {
    assert.fail(`check refuses the configuration:\n${error.stdout}${error.stderr}\n${config}`);
  });
  return {
    folder,
    redirectUris: toRegister(checked.stdout, 'redirect URI'),
    postLogoutUris: toRegister(checked.stdout, 'post-logout redirect URI'),
    /** Runs it; resolves once its admin listener says that it is ready. */
    async serve() {
      const ready = answers(`http://127.0.0.1:${admin}/readyz`, [200]);
      const gateway = await start(name, vestibule(), ['serve', '--config', file], { cwd: folder, ready });
      return {
        ...gateway,
        /** Every JSON line it has written so far. */
        events: () =>
          gateway
            .lines()
            .split('\n')
            .filter((line) => line.startsWith('{'))
            .map((line) => JSON.parse(line)),
      };
    },
  };
}
