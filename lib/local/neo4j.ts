import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { ConfigError, TransientError } from '../errors.ts';
import { EMBEDDED, resolveClasspath, serverCommand, type ServerBuild } from './classpath.ts';
import { freePorts } from './free-port.ts';
import { endServer, isServer } from './server-process.ts';
import { holding } from './start-lock.ts';
import { writeWhole } from './write-whole.ts';

/** A running server, started here or joined. */
export interface EmbeddedNeo4j {
  readonly uri: string;
  readonly username: 'neo4j';
  readonly password: string;
  /** Of the genuine Neo4j Browser. */
  readonly browserUrl: string;
  /** Readable by its owner alone. */
  readonly passwordFile: string;
  readonly pid: number;
  /** Ends a server that this call started; leaves a joined one running. `now` may lose what is not yet on disk. */
  stop(options?: { readonly now: boolean }): Promise<void>;
}

export interface StartOptions {
  /** Holds the data, the configuration, the password and the log. */
  readonly home: string;
  /** The default is 7687, or a free one where that is taken; a port named here must be free. */
  readonly boltPort?: number;
  /** The default is 7474, or a free one where that is taken. */
  readonly httpPort?: number;
  readonly heapMegabytes?: number;
  /** Another Neo4j than the one that Custody brings. */
  readonly build?: ServerBuild;
  readonly onProgress?: (message: string) => void;
  /** The server outlives this process; otherwise it ends with it, however that ends. */
  readonly detached?: boolean;
}

const stateFile = z.object({ pid: z.int(), boltPort: z.int(), httpPort: z.int() });

type State = Readonly<z.output<typeof stateFile>>;

/** What Neo4j answers over HTTP, as far as it is looked at. */
const transactionAnswer = z.object({ errors: z.array(z.unknown()) });

/** Whether a server runs in a home, and where. */
export interface Neo4jStatus {
  readonly running: boolean;
  readonly pid?: number;
  readonly uri?: string;
  readonly browserUrl?: string;
}

const START_SECONDS = 120;

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
    const [boltPort, httpPort] = await freePorts(
      { kind: 'bolt', wanted: options.boltPort, usual: 7687 },
      { kind: 'http', wanted: options.httpPort, usual: 7474 },
    );
    await writeFile(join(home, 'conf', 'neo4j.conf'), configuration(boltPort, httpPort));
    progress('starting Neo4j …');
    const password = await ownPassword(home);
    const command = serverCommand(build, classpath, home, options.heapMegabytes);
    const ports = { boltPort, httpPort };
    const state = await launch(home, command, options.detached === true, ports);
    try {
      await answering(home, state);
      await setPassword(state.httpPort, password);
    } catch (error) {
      await end(home, state, true);
      throw error;
    }
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

function configuration(boltPort: number, httpPort: number): string {
  const settings = {
    'server.default_listen_address': '127.0.0.1',
    'server.bolt.listen_address': `127.0.0.1:${boltPort}`,
    'server.bolt.advertised_address': `127.0.0.1:${boltPort}`,
    'server.http.listen_address': `127.0.0.1:${httpPort}`,
    'server.http.advertised_address': `127.0.0.1:${httpPort}`,
    'server.https.enabled': 'false',
    'dbms.security.auth_enabled': 'true',
    'dbms.usage_report.enabled': 'false',
    'client.allow_telemetry': 'false',
    'server.memory.pagecache.size': '256m',
    'db.tx_log.rotation.retention_policy': '256M size',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function launch(
  home: string,
  command: readonly string[],
  isDetached: boolean,
  ports: Omit<State, 'pid'>,
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

async function answering(home: string, state: State): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline) {
    if (!(await isServer(state.pid, home))) throw await notUp(home, 'Neo4j ended while it started');
    const answer = await fetch(`http://127.0.0.1:${state.httpPort}/`, {
      signal: AbortSignal.timeout(5_000),
    }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true && (await accepts(state.boltPort))) return;
    await pause(100);
  }
  throw await notUp(home, `Neo4j did not answer within ${START_SECONDS} s`);
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

/** First login is neo4j/neo4j; nothing is done when the password is ours already. */
async function setPassword(httpPort: number, password: string): Promise<void> {
  const ask = async (as: string, statement: string, parameters: object): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/db/system/tx/commit`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`neo4j:${as}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ statements: [{ statement, parameters }] }),
    });
    const { errors } = transactionAnswer.parse(await answer.json());
    return answer.ok && errors.length === 0;
  };
  if (await ask(password, 'SHOW CURRENT USER', {})) return;
  const statement = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password";
  if (await ask('neo4j', statement, { password })) return;
  throw new ConfigError('DATABASE_LOGIN_REFUSED', [
    'the embedded Neo4j has another password than its password file: restore that file, or remove the data folder to begin anew',
  ]);
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
    browserUrl: `http://127.0.0.1:${state.httpPort}/browser/`,
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
