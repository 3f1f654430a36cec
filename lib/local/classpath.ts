import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError, hasCode, TransientError } from '../errors.ts';

const run = promisify(execFile);

/** Which Neo4j is started, and with what. */
export interface ServerBuild {
  readonly version: string;
  /** The Maven project whose run-time dependencies are the server. */
  readonly pom: string;
  readonly java: string;
  readonly minJava: number;
  /** What Java runs, behind the class path: the main class, with the options that it needs. */
  readonly main: readonly string[];
}

/** The Neo4j that Custody brings. */
export const EMBEDDED: ServerBuild = {
  version: '5.26.16',
  pom: fileURLToPath(new URL('pom.xml', import.meta.url)),
  java: 'java',
  minJava: 17,
  main: ['org.neo4j.server.CommunityEntryPoint'],
};

const BUILD_CLASSPATH = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath';

const FETCH_SECONDS = 600;

/** What to do where no database can be started here. */
const WAYS_OUT = `Custody needs a Neo4j. Three ways to one:
  1. install Java ${EMBEDDED.minJava} or newer and Maven, and run this again;
  2. docker run --publish=127.0.0.1:7687:7687 --env=NEO4J_AUTH=neo4j/choose-a-password neo4j:5.26-community
     and set NEO4J_URI=bolt://127.0.0.1:7687 NEO4J_USERNAME=neo4j NEO4J_PASSWORD=choose-a-password;
  3. create a database at Neo4j Aura and set its NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD,
     or put the file that it hands out, which names them, beside this project as .env.`;

/**
 * The jars of the embedded Neo4j as a class path, resolved by Maven once and remembered in `home`.
 * {@link ConfigError} names the ways out where Java or Maven is missing.
 */
export async function resolveClasspath(
  home: string,
  { version, pom, java, minJava }: ServerBuild,
  onProgress: (message: string) => void,
): Promise<string> {
  await needJava(java, minJava);
  const digest = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
  const file = join(home, `classpath-${digest.slice(0, 16)}`);
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null && known.split(delimiter).every((jar) => existsSync(jar))) return known;
  onProgress(`fetching Neo4j ${version} from Maven Central (about 116 MB, once) …`);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}`;
  try {
    await run(
      'mvn',
      [
        '-B',
        '-q',
        '-f',
        pom,
        BUILD_CLASSPATH,
        `-Dmdep.outputFile=${fresh}`,
        '-DincludeScope=runtime',
      ],
      { maxBuffer: 16 * 1024 * 1024, timeout: FETCH_SECONDS * 1000 },
    );
  } catch (error) {
    if (hasCode(error, 'ENOENT'))
      throw new ConfigError('TOOL_MISSING', [`Maven (mvn) is not on the path.\n${WAYS_OUT}`]);
    throw new TransientError(
      'DATABASE_NOT_STARTED',
      'Maven could not fetch Neo4j; check the network and run this again (nothing half-fetched is used)',
      { cause: error },
    );
  }
  await rename(fresh, file);
  return readFile(file, 'utf8');
}

/** The command line that runs the server. */
export function serverCommand(
  { java, main }: ServerBuild,
  classpath: string,
  home: string,
  heapMegabytes = 1_024,
): string[] {
  const opened = ['java.nio', 'java.io', 'sun.nio.ch', 'java.util.concurrent'];
  return [
    java,
    '-Xms64m',
    `-Xmx${heapMegabytes}m`,
    ...opened.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    '-cp',
    classpath,
    ...main,
    `--home-dir=${home}`,
    `--config-dir=${join(home, 'conf')}`,
  ];
}

async function needJava(java: string, minJava: number): Promise<void> {
  let text: string;
  try {
    const { stdout, stderr } = await run(java, ['-version']);
    text = stdout + stderr;
  } catch (error) {
    throw new ConfigError('TOOL_MISSING', [`Java is not on the path.\n${WAYS_OUT}`], {
      cause: error,
    });
  }
  const major = Number(/version "(\d+)/.exec(text)?.[1] ?? 0);
  if (major < minJava)
    throw new ConfigError('TOOL_MISSING', [
      `Java ${minJava} or newer is needed, this is ${major}.\n${WAYS_OUT}`,
    ]);
}
