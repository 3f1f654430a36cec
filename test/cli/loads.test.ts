import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { PROCESS } from '../support/process.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = await mkdtemp(join(tmpdir(), 'custody-loads-'));
afterAll(() => rm(folder, { recursive: true }));

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3_072 });
const key = join(folder, 'public.pem');
await writeFile(key, publicKey.export({ type: 'spki', format: 'pem' }));
const log = join(folder, 'log.jsonl');
await writeFile(log, '');

/** Tells of each file that is loaded, by `import` or `require`, on a line of stderr. */
const TELLING = `import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    process.stderr.write('loads ' + url + '\\n');
    return next(url, context);
  },
});`;

/** What a command loads: our own files, and packages by their names. */
async function loads(
  ...args: string[]
): Promise<{ exit: number; own: string[]; packages: string[] }> {
  const telling = `data:text/javascript,${encodeURIComponent(TELLING)}`;
  const command = ['--import', telling, join(root, 'cli', 'custody.mjs'), ...args];
  const env = {
    ...PROCESS,
    // Where nobody listens.
    NEO4J_URI: 'bolt://127.0.0.1:9',
    NEO4J_USERNAME: 'neo4j',
    NEO4J_PASSWORD: 'none',
  };
  return new Promise((done) => {
    const child = execFile(process.execPath, command, { cwd: folder, env }, (_, _out, err) => {
      const urls = [...err.matchAll(/^loads (file:.*)$/gm)].map(([, url = '']) => url);
      const own = urls.flatMap((url) => url.split(`${pathToFileURL(root).href}/`)[1] ?? []);
      const packages = urls.flatMap(
        (url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [],
      );
      done({
        exit: child.exitCode ?? -1,
        own: own.filter((path) => !path.startsWith('node_modules/')),
        packages: [...new Set(packages)].sort(),
      });
    });
  });
}

test('--help loads the list of commands, and nothing else', async () => {
  expect(await loads('--help')).toEqual({
    exit: 0,
    own: ['cli/custody.mjs', 'cli/custody.ts', 'cli/terminal.ts'],
    packages: [],
  });
});

test('a log is verified without the database’s driver, a client of AWS, or what builds the page', async () => {
  const { exit, packages } = await loads('verify', '--key', key, log);
  expect({ exit, packages }).toEqual({ exit: 0, packages: ['hash-wasm'] });
});

test('a log is ingested without a client of AWS, or what builds the page', async () => {
  const { exit, packages } = await loads('ingest', '--key', key, log);
  expect({ exit, packages }).toEqual({
    exit: 3,
    packages: [
      'hash-wasm',
      'neo4j-driver',
      'neo4j-driver-bolt-connection',
      'neo4j-driver-core',
      'rxjs',
    ],
  });
});
