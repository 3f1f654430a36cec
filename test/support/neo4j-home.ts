import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EMBEDDED, resolveClasspath } from '../../lib/local/classpath.ts';
import { holding } from '../../lib/local/start-lock.ts';
import { SERVERS } from './neo4j-build.ts';

/** Makes a home from which a new, empty server starts. All homes share one question to Maven. */
export async function emptyHome(home: string, build = EMBEDDED): Promise<void> {
  await mkdir(home, { recursive: true });
  for (const part of ['data', 'password', 'state.json', 'neo4j.pid', 'start.lock'])
    await rm(join(home, part), { recursive: true, force: true });
  await mkdir(SERVERS, { recursive: true });
  await holding(join(SERVERS, 'classpath.lock'), () =>
    resolveClasspath(SERVERS, build, console.error),
  );
  for (const name of await readdir(SERVERS))
    if (name.startsWith('classpath-')) await cp(join(SERVERS, name), join(home, name));
}
