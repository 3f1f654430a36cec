import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { safeDescription } from '../errors.ts';
import { startNeo4j, type EmbeddedNeo4j, type StartOptions } from './neo4j.ts';
import { isServer } from './server-process.ts';

/** An embedded server that is started again when it ends, at the same address and with the same password. */
export type KeptNeo4j = Omit<EmbeddedNeo4j, 'pid'>;

const LOOK_MS = 1_000;
const AGAIN_MS = 5_000;

/** Starts or joins the server of `home` and keeps it running; `tell` hears of each outage once. */
export async function keepNeo4j(
  options: StartOptions,
  tell: (message: string) => void,
): Promise<KeptNeo4j> {
  const home = resolve(options.home);
  let server = await startNeo4j(options);
  const { uri, username, password, browserUrl, passwordFile } = server;
  const closing = new AbortController();
  const { signal } = closing;
  const sleep = (ms: number): Promise<void> =>
    pause(ms, undefined, { signal }).catch(() => undefined);
  const again = {
    ...options,
    boltPort: Number(new URL(uri).port),
    ...(browserUrl === null ? {} : { httpPort: Number(new URL(browserUrl).port) }),
    onProgress: () => undefined,
  };
  const keeping = (async () => {
    while (!signal.aborted) {
      await sleep(LOOK_MS);
      if (signal.aborted || (await isServer(server.pid, home))) continue;
      tell('Neo4j has ended; it is started again …');
      let failure = '';
      for (let isUp = false; !isUp && !signal.aborted;) {
        try {
          server = await startNeo4j(again);
          isUp = true;
        } catch (error) {
          const message = error instanceof Error ? error.message : safeDescription(error).name;
          if (message !== failure) tell(`Neo4j could not be started again: ${message}`);
          failure = message;
          await sleep(AGAIN_MS);
        }
      }
    }
  })();
  return {
    uri,
    username,
    password,
    browserUrl,
    passwordFile,
    async stop(how) {
      closing.abort();
      await keeping;
      await server.stop(how);
    },
  };
}
