import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { ConfigError, TransientError } from '../errors.ts';
import { openGraph } from '../graph/connection.ts';
import type { GraphSettings } from '../graph/settings.ts';
import { EMBEDDED, resolveClasspath, serverCommand, type ServerBuild } from './classpath.ts';
import { freePorts } from './free-port.ts';
import { keepPort, keptPort } from './kept-port.ts';
import { configuration, initialLogin, type ServerPorts } from './neo4j-settings.ts';
import { endServer, isServer } from './server-process.ts';
import { holding } from './start-lock.ts';
import { writeWhole } from './write-whole.ts';

/** A running server, started here or joined. */
export interface EmbeddedNeo4j {
  readonly uri: string;
  readonly username: 'neo4j';
  readonly password: string;
  /** Of the genuine Neo4j Browser; null where it is off. */
  readonly browserUrl: string | null;
  /** Readable by its owner alone. */
  readonly passwordFile: string;
  readonly pid: number;
  /** Ends a server that this call started; leaves a joined one running. `now` may lose what is not yet on disk. */
  stop(options?: { readonly now: boolean }): Promise<void>;
}

export interface StartOptions {
  /** Holds the data, the configuration, the password and the log. */
  readonly home: string;
  /** The default is the one of the last start, else 7687, or a free one where that is taken; a port named here must be free. */
  readonly boltPort?: number;
  /** HTTP, for the genuine Neo4j Browser, is off without it. */
  readonly browser?: boolean;
  /** Of HTTP: the default is the one of the last start, else 7474, or a free one where that is taken. */
  readonly httpPort?: number;
  readonly heapMegabytes?: number;
  /** Another Neo4j than the one that Custody brings. */
  readonly build?: ServerBuild;
  readonly onProgress?: (message: string) => void;
  /** The server outlives this process; otherwise it ends with it, however that ends. */
  readonly detached?: boolean;
}

const stateFile = z.object({ pid: z.int(), boltPort: z.int(), httpPort: z.int().nullable() });

type State = Readonly<z.output<typeof stateFile>>;

/** Whether a server runs in a home, and where. */
export interface Neo4jStatus {
  readonly running: boolean;
  readonly pid?: number;
  readonly uri?: string;
  readonly browserUrl?: string | null;
}

const START_SECONDS = 120;

const BOLT_PORT = 'bolt-port';
const HTTP_PORT = 'http-port';

// The server ends when its parent does, even by SIGKILL: the pipe that `cat` reads closes with it.
// The state goes first, so that nobody joins a server that is on its way out; the watch ends with
// the server, so that it never signals a pid that has gone to another process.
const SUPERVISED = `exec 3<&0
"$@" </dev/null & java=$!
( cat <&3 >/dev/null
  rm -f "$0/state.json"
  kill $java
  n=0
  while kill -0 $java && [ $n -lt 30 ]; do sleep 1; n=$((n+1)); done
  kill -9 $java ) 2>/dev/null & watch=$!
echo $java >"$0/neo4j.pid"
wait $java
kill $watch`;
const UNSUPERVISED = '"$@" </dev/null & echo $! >"$0/neo4j.pid"';

/**
 * Starts Neo4j on loopback with a password of its own and waits until it answers. Joins the server
 * that runs in `home` already; recovers from one that was killed.
 */
export async function startNeo4j(options: StartOptions): Promise<EmbeddedNeo4j> {
  const home = resolve(options.home);
  const progress = options.onProgress ?? (() => undefined);
  await mkdir(join(home, 'conf'), { recursive: true, mode: 0o700 });
  await chmod(home, 0o700);
  return holding(join(home, 'start.lock'), async () => {
    const running = await readState(home);
    if (running !== null) return joined(home, running);
    const build = options.build ?? EMBEDDED;
    const classpath = await resolveClasspath(home, build, progress);
    await endLeftover(home);
    const ports = await choosePorts(home, options);
    await writeFile(join(home, 'conf', 'neo4j.conf'), configuration(ports));
    progress('starting Neo4j …');
    const password = await ownPassword(home);
    await setInitialPassword(home, password);
    const command = serverCommand(build, classpath, home, options.heapMegabytes);
    const state = await launch(home, command, options.detached === true, ports);
    try {
      await answering(home, state, password);
    } catch (error) {
      await end(home, state, true);
      throw error;
    }
    await keepPort(join(home, BOLT_PORT), ports.boltPort);
    if (ports.httpPort !== null) await keepPort(join(home, HTTP_PORT), ports.httpPort);
    await writeWhole(join(home, 'state.json'), JSON.stringify(state));
    return {
      ...described(home, state, password),
      stop: ({ now } = { now: false }) => end(home, state, now),
    };
  });
}

/** The server that runs in `home`, or null. */
export async function runningNeo4j(home: string): Promise<EmbeddedNeo4j | null> {
  const state = await readState(resolve(home));
  return state === null ? null : joined(resolve(home), state);
}

/** Whether a server runs in `home`, and where; changes nothing. */
export async function neo4jStatus(home: string): Promise<Neo4jStatus> {
  const state = await readState(resolve(home));
  if (state === null) return { running: false };
  const { pid, uri, browserUrl } = described(resolve(home), state, '');
  return { running: true, pid, uri, browserUrl };
}

/** Ends the server of `home`, whoever started it; false when none ran. */
export async function stopNeo4j(home: string): Promise<boolean> {
  const state = await readState(resolve(home));
  if (state === null) return false;
  await end(resolve(home), state, false);
  return true;
}

async function choosePorts(home: string, options: StartOptions): Promise<ServerPorts> {
  const hasHttp = options.browser === true;
  const [boltPort, httpPort] = await freePorts(
    {
      kind: 'bolt',
      wanted: options.boltPort,
      usual: (await keptPort(join(home, BOLT_PORT))) ?? 7687,
    },
    {
      kind: 'http',
      wanted: hasHttp ? options.httpPort : 0,
      usual: (await keptPort(join(home, HTTP_PORT))) ?? 7474,
    },
  );
  return { boltPort, httpPort: hasHttp ? httpPort : null };
}

/** Read by a server that has no users yet, before it listens; it is passed over by any other. */
async function setInitialPassword(home: string, password: string): Promise<void> {
  const folder = join(home, 'data', 'dbms');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(join(folder, 'auth.ini'), initialLogin(password), 0o600);
}

async function launch(
  home: string,
  command: readonly string[],
  isDetached: boolean,
  ports: ServerPorts,
): Promise<State> {
  const pidFile = join(home, 'neo4j.pid');
  await rm(pidFile, { force: true });
  const log = await open(join(home, 'neo4j.log'), 'a', 0o600);
  try {
    const script = isDetached ? UNSUPERVISED : SUPERVISED;
    const child = spawn('sh', ['-c', script, home, ...command], {
      // A group of its own: Ctrl-C in the terminal ends us first, and we end the server.
      detached: true,
      stdio: [isDetached ? 'ignore' : 'pipe', log.fd, log.fd],
    });
    await once(child, 'spawn');
    child.unref();
    // Not to be waited for: the pipe is there to close with this process.
    if (child.stdin instanceof Socket) child.stdin.unref();
  } finally {
    await log.close();
  }
  for (let tries = 0; tries < 100; tries += 1) {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
    if (pid > 0) return { pid, ...ports };
    await pause(20);
  }
  throw await notUp(home, 'Neo4j did not start');
}

async function answering(home: string, state: State, password: string): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  const { uri, username } = described(home, state, password);
  while (Date.now() < deadline) {
    if (!(await isServer(state.pid, home))) throw await notUp(home, 'Neo4j ended while it started');
    if ((await accepts(state.boltPort)) && (await answers({ uri, username, password }))) return;
    await pause(100);
  }
  throw await notUp(home, `Neo4j did not answer within ${START_SECONDS} s`);
}

/** False where it does not answer yet. */
async function answers(settings: GraphSettings): Promise<boolean> {
  const graph = openGraph(settings);
  try {
    await graph.verify();
    return true;
  } catch (error) {
    if (error instanceof ConfigError)
      throw new ConfigError('DATABASE_LOGIN_REFUSED', [
        'the embedded Neo4j has another password than its password file: restore that file, or remove the data folder to begin anew',
      ]);
    return false;
  } finally {
    await graph.close();
  }
}

async function notUp(home: string, what: string): Promise<TransientError> {
  const file = join(home, 'neo4j.log');
  const text = await readFile(file, 'utf8').catch(() => '');
  const last = text.trimEnd().split('\n').slice(-15).join('\n');
  return new TransientError(
    'DATABASE_NOT_STARTED',
    `${what}; its log, ${file}, ends with\n${last}`,
  );
}

async function ownPassword(home: string): Promise<string> {
  const file = join(home, 'password');
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null) return known.trim();
  const password = randomBytes(18).toString('base64url');
  await writeWhole(file, `${password}\n`, 0o600);
  return password;
}

async function joined(home: string, state: State): Promise<EmbeddedNeo4j> {
  return { ...described(home, state, await ownPassword(home)), stop: () => Promise.resolve() };
}

function described(home: string, state: State, password: string): Omit<EmbeddedNeo4j, 'stop'> {
  return {
    uri: `bolt://127.0.0.1:${state.boltPort}`,
    username: 'neo4j',
    password,
    browserUrl: state.httpPort === null ? null : `http://127.0.0.1:${state.httpPort}/browser/`,
    passwordFile: join(home, 'password'),
    pid: state.pid,
  };
}

async function readState(home: string): Promise<State | null> {
  const text = await readFile(join(home, 'state.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const state = stateFile.parse(JSON.parse(text));
  return (await isServer(state.pid, home)) ? state : null;
}

/** Ends what a start that was killed half-way left, or waits for a server that is ending. */
async function endLeftover(home: string): Promise<void> {
  const pid = Number(await readFile(join(home, 'neo4j.pid'), 'utf8').catch(() => ''));
  if (pid > 0) await endServer(pid, home, false);
}

async function end(home: string, { pid }: State, now: boolean): Promise<void> {
  // A server of a later start may be the one that runs now.
  if ((await readState(home))?.pid === pid) await rm(join(home, 'state.json'), { force: true });
  await endServer(pid, home, now);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
