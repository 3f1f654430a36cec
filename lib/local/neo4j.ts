import { spawn, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ConfigError, TransientError } from '../errors.ts';
import { resolveClasspath, serverArguments, writeWhole } from './classpath.ts';

const run = promisify(execFile);

/** A running server, started here or joined. */
export interface EmbeddedNeo4j {
  readonly uri: string;
  readonly username: 'neo4j';
  readonly password: string;
  /** Of the genuine Neo4j Browser. */
  readonly browserUrl: string;
  /** Readable by its owner alone. */
  readonly passwordFile: string;
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
  readonly onProgress?: (message: string) => void;
  /** The server outlives this process; otherwise it ends with it, however that ends. */
  readonly detached?: boolean;
}

interface State {
  readonly pid: number;
  readonly boltPort: number;
  readonly httpPort: number;
}

const START_SECONDS = 120;
const STOP_SECONDS = 30;

// The server ends when its parent does, even by SIGKILL: the pipe that `cat` reads closes with it.
const SUPERVISED =
  'exec 3<&0; "$@" </dev/null & java=$!; (cat <&3 >/dev/null; kill $java 2>/dev/null) & echo $java >"$0"; wait $java';
const UNSUPERVISED = '"$@" </dev/null & echo $! >"$0"';

/**
 * Starts Neo4j on loopback with a password of its own and waits until it answers. Joins the server
 * that runs in `home` already; recovers from one that was killed.
 */
export async function startNeo4j(options: StartOptions): Promise<EmbeddedNeo4j> {
  const home = resolve(options.home);
  const progress = options.onProgress ?? (() => undefined);
  const classpath = await resolveClasspath(home, progress);
  return holding(join(home, 'start.lock'), async () => {
    const running = await readState(home);
    if (running !== null) return joined(home, running);
    const boltPort = await freePort('bolt', options.boltPort, 7687);
    const httpPort = await freePort('http', options.httpPort, 7474);
    await mkdir(join(home, 'conf'), { recursive: true });
    await writeFile(join(home, 'conf', 'neo4j.conf'), configuration(boltPort, httpPort));
    progress('starting Neo4j …');
    const state = await launch(home, classpath, options, { boltPort, httpPort });
    const password = await ownPassword(home);
    try {
      await answering(home, state);
      await setPassword(state.httpPort, password);
    } catch (error) {
      await end(state, true);
      throw error;
    }
    await writeWhole(join(home, 'state.json'), JSON.stringify(state));
    return {
      ...described(home, state, password),
      stop: ({ now } = { now: false }) => end(state, now),
    };
  });
}

/** The server that runs in `home`, or null. */
export async function runningNeo4j(home: string): Promise<EmbeddedNeo4j | null> {
  const state = await readState(resolve(home));
  return state === null ? null : joined(resolve(home), state);
}

/** Ends the server of `home`, whoever started it; false when none ran. */
export async function stopNeo4j(home: string): Promise<boolean> {
  const state = await readState(resolve(home));
  if (state === null) return false;
  await end(state, false);
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
  classpath: string,
  options: StartOptions,
  ports: Omit<State, 'pid'>,
): Promise<State> {
  const heap = options.heapMegabytes ?? 1_024;
  const pidFile = join(home, 'neo4j.pid');
  await rm(pidFile, { force: true });
  const log = await open(join(home, 'neo4j.log'), 'a', 0o600);
  try {
    const child = spawn(
      'sh',
      [
        '-c',
        options.detached === true ? UNSUPERVISED : SUPERVISED,
        pidFile,
        'java',
        `-Xmx${heap}m`,
        ...serverArguments(classpath, home),
      ],
      // A group of its own: Ctrl-C in the terminal ends us first, and we end the server.
      { detached: true, stdio: [options.detached === true ? 'ignore' : 'pipe', log.fd, log.fd] },
    );
    await once(child, 'spawn');
    child.unref();
    (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  } finally {
    await log.close();
  }
  for (let tries = 0; tries < 100; tries += 1) {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
    if (pid > 0) return { pid, ...ports };
    await pause(20);
  }
  throw new TransientError(`Neo4j did not start; its log is ${join(home, 'neo4j.log')}`);
}

async function answering(home: string, state: State): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline) {
    if (!(await isServer(state.pid, home))) break;
    const answer = await fetch(`http://127.0.0.1:${state.httpPort}/`).catch(() => null);
    if (answer?.ok === true && (await accepts(state.boltPort))) return;
    await pause(100);
  }
  throw new TransientError(`Neo4j did not come up; its log is ${join(home, 'neo4j.log')}`);
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
    const body = (await answer.json()) as { errors: unknown[] };
    return answer.ok && body.errors.length === 0;
  };
  if (await ask(password, 'SHOW CURRENT USER', {})) return;
  const statement = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password";
  if (await ask('neo4j', statement, { password })) return;
  throw new ConfigError([
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
  };
}

async function readState(home: string): Promise<State | null> {
  const text = await readFile(join(home, 'state.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const state = JSON.parse(text) as State;
  return (await isServer(state.pid, home)) ? state : null;
}

/** A pid may have gone to another process: ours names its home on its command line. */
async function isServer(pid: number, home: string): Promise<boolean> {
  const { stdout } = await run('ps', ['-ww', '-p', String(pid), '-o', 'stat=,command=']).catch(
    () => ({ stdout: '' }),
  );
  return stdout.includes(`--home-dir=${home}`) && !stdout.startsWith('Z');
}

async function end({ pid }: State, now: boolean): Promise<void> {
  const alive = (): boolean => signal(pid, 0);
  signal(pid, now ? 'SIGKILL' : 'SIGTERM');
  for (let waited = 0; alive() && waited < STOP_SECONDS * 10; waited += 1) await pause(100);
  if (alive()) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function freePort(kind: string, wanted: number | undefined, usual: number): Promise<number> {
  const first = await listenOnce(wanted ?? usual);
  if (first !== null) return first;
  if (wanted !== undefined)
    throw new ConfigError([`port ${wanted}, wanted for Neo4j's ${kind}, is in use`]);
  const any = await listenOnce(0);
  if (any === null) throw new TransientError('no port is free on loopback');
  return any;
}

async function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch {
    return null;
  } finally {
    server.close();
  }
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

/** Runs `work` while no other process does, by a file that names its holder; a dead holder's is taken over. */
async function holding<T>(file: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + START_SECONDS * 1000;
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && !signal(holder, 0)) await rm(file, { force: true });
    else if (Date.now() > deadline)
      throw new TransientError(`another start holds ${file} for more than ${START_SECONDS} s`);
    else await pause(100);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}
