import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check, sumOf } from '../lib/compliance/check.ts';
import type { RuleSettings } from '../lib/compliance/rules.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { counted } from '../lib/counted.ts';
import { ConfigError, safeDescription, TransientError } from '../lib/errors.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { missingSchema } from '../lib/graph/schema.ts';
import { graphSettings, payload } from '../lib/graph/settings.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { ROUTES } from '../lib/http/routes.ts';
import { server, type Serve } from '../lib/http/serve.ts';
import type { Archive } from '../lib/ingest/archive.ts';
import type { Stores } from '../lib/ingest/stores.ts';
import { keyEntries } from '../lib/key-entries.ts';
import { ringFiles } from '../lib/keys.ts';
import { demoLog } from '../lib/local/demo.ts';
import { takeDropped } from '../lib/local/dropped.ts';
import { keepNeo4j, type KeptNeo4j } from '../lib/local/kept-neo4j.ts';
import { keepPort, keptPort } from '../lib/local/kept-port.ts';
import { keepLocalTlog } from '../lib/local/kept-tlog.ts';
import { watchKeyFolder } from '../lib/local/key-folder.ts';
import { listen, type LocalServer } from '../lib/local/listen.ts';
import { watchRings } from '../lib/local/ring-file.ts';
import { soonAfter } from '../lib/local/soon-after.ts';
import { holdingAlone } from '../lib/local/start-lock.ts';
import { tlogFolder } from '../lib/local/tlog-folder.ts';
import { writeWhole } from '../lib/local/write-whole.ts';
import { buildPage } from '../lib/page/build.ts';
import { pageFiles } from '../lib/page/files.ts';
import type { ProofSource } from '../lib/proof/prove.ts';
import { compromises, keyState } from '../lib/trust/key-policy.ts';
import { openArchive } from './archive.ts';
import type { Command } from './command.ts';
import { BUCKET, NEO4J_HOME, prepareEmbedded } from './database.ts';
import { verdict } from './ingest.ts';
import { writeKeyPair } from './keygen.ts';
import { DEMO_PUBLIC_KEY, KEYS, knownKeys, knownTrust } from './known-keys.ts';
import { openProofs } from './proofs.ts';
import { print, tell } from './terminal.ts';
import { localTlogSigner, RECEIPTS, TLOG } from './tlog.ts';

const PAGE = '.custody/page';
/** Held by the one `start` of a folder, with its address beside it while it runs, and its port for the next one. */
const LOCK = '.custody/start.lock';
const URL_FILE = '.custody/url';
const PORT_FILE = '.custody/port';
const RETRY_MS = 5_000;
/** A log that lies there at the start, as the demo's, is taken sooner. */
const CHECK_AFTER_MS = 2_000;
/** Some rules find what has come to be late, though nothing was dropped. */
const CHECK_EVERY_MS = 6 * 3_600_000;

const HELP = `usage: custody start [--port N] [--bolt-port N] [--browser] [--ingest]

Without NEO4J_URI: an embedded database, a demo log the first time, and a watched folder.
With NEO4J_URI: only shows that database, and writes nothing into it.

  --port       of the page and the API; else the one of the last start, else 4477 or a free one
  --bolt-port  of the embedded database; else the one of the last start, else 7687 or a free one
  --browser    with the Neo4j Browser for the embedded database
  --ingest     with NEO4J_URI, too, bring what is dropped into the graph and ask the compliance rules
`;

export const start: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      'bolt-port': { type: 'string' },
      browser: { type: 'boolean', default: false },
      ingest: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(...HELP.trimEnd().split('\n'));
    return 0;
  }
  const options: Options = {
    port: portOf('--port', values.port),
    boltPort: portOf('--bolt-port', values['bolt-port']),
    browser: values.browser,
    ingest: values.ingest,
  };
  const stopped = new Promise<void>((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
  for (const folder of [BUCKET, RECEIPTS, KEYS]) await mkdir(folder, { recursive: true });
  return holdingAlone(LOCK, () => run(options, stopped), refuseSecond);
};

interface Options {
  readonly port: number | undefined;
  readonly boltPort: number | undefined;
  readonly browser: boolean;
  readonly ingest: boolean;
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new ConfigError('USAGE', [`${name} is a number from 0, for any free one, to 65535`]);
  return port;
}

async function refuseSecond(): Promise<never> {
  const url = await readFile(URL_FILE, 'utf8').catch(() => null);
  const where = url === null ? 'and is still starting' : `at ${url.trim()}`;
  throw new ConfigError('USAGE', [`custody start runs in this folder already, ${where}`]);
}

async function run(options: Options, stopped: Promise<void>): Promise<0> {
  await rm(URL_FILE, { force: true });
  const settings = graphSettings(process.env);
  const rules = ruleSettings(process.env);
  const kept = payload(process.env);
  if (settings === null) await prepareDemo();
  // What is wrong with a key that was named is told before anything runs.
  await knownKeys();
  const embedded = settings === null ? await startEmbedded(options) : null;
  const graph = openGraph(settings ?? embedded ?? noDatabase());
  try {
    await graph.verify();
    await (embedded === null ? tellMissing(graph) : prepareEmbedded(graph));
    const archive = await openArchive(process.env);
    const proofs = await openProofs(process.env, archive);
    const web = await serve(graph, archive, proofs, options.port);
    const isWriting = embedded !== null || options.ingest;
    tell(...welcome(web.url, embedded, isWriting));
    const writing = isWriting
      ? await startWriting({ sink: new GraphWriter(graph, kept), archive }, graph, rules)
      : null;
    await stopped;
    tell('stopping …');
    await web.close();
    await writing?.close();
  } finally {
    await graph.close();
    await embedded?.stop();
    await rm(URL_FILE, { force: true });
  }
  return 0;
}

async function startEmbedded({ boltPort, browser }: Options): Promise<KeptNeo4j> {
  const ports = boltPort === undefined ? {} : { boltPort };
  return keepNeo4j({ home: NEO4J_HOME, browser, onProgress: tell, ...ports }, tell);
}

async function serve(
  graph: Graph,
  archive: Archive,
  proofs: ProofSource,
  wanted: number | undefined,
): Promise<LocalServer> {
  await buildPage(PAGE);
  const port = wanted ?? (await keptPort(PORT_FILE));
  const web = await listen(
    apiServer(graph, archive, proofs),
    await pageFiles(PAGE),
    port,
    wanted !== undefined,
  );
  await keepPort(PORT_FILE, Number(new URL(web.url).port));
  await writeWhole(URL_FILE, `${web.url}\n`);
  return web;
}

/** Another's database is its operator's to prepare. */
async function tellMissing(graph: Graph): Promise<void> {
  const missing = await missingSchema(graph);
  if (missing.length === 0) return;
  tell(`the database lacks ${missing.join(', ')}: npm run --silent custody -- migrate makes them`);
}

/** All that writes: the watched folder into the graph and the tlog, and the checks after each file and on a clock. */
async function startWriting(
  stores: Stores,
  graph: Graph,
  rules: RuleSettings,
): Promise<{ close(): Promise<void> }> {
  const checks = soonAfter((signal) => checkRules(graph, rules, signal), CHECK_AFTER_MS);
  const store = tlogFolder(TLOG);
  const tlog = keepLocalTlog(store, await localTlogSigner(process.env), tell);
  const dropped = takeDropped({
    folder: BUCKET,
    receipts: RECEIPTS,
    stores,
    async submit(leaf) {
      await store.submit(leaf);
      tlog.changed();
    },
    keys: knownKeys,
    retryMs: RETRY_MS,
    journal: {
      tell,
      receipt(name, receipt, isNew) {
        tell(...(isNew ? verdict(name, receipt) : [`${name}: ${receipt.status}, as before`]));
        checks.changed();
      },
    },
  });
  const keys = await watchKeyFolder(KEYS, tell, dropped.keyCame);
  const rings = await watchRings(ringFiles(keyEntries(process.env)), describeKeys, tell, () => {
    dropped.keyCame();
    // What is compromised now rests on no log that comes.
    checks.changed();
  });
  checks.changed();
  const clock = setInterval(() => checks.changed(), CHECK_EVERY_MS);
  return {
    async close() {
      clearInterval(clock);
      await keys.close();
      await rings.close();
      await dropped.close();
      await tlog.close();
      await checks.close();
    },
  };
}

/** What the keys of CUSTODY_KEYS are now, or what is wrong with them. */
async function describeKeys(): Promise<string> {
  try {
    const { ring } = await knownTrust();
    const states = ring.map(({ kid, policy }) => {
      return `${policy.name ?? `${kid.slice(0, 12)}…`} ${keyState(policy, Date.now())}`;
    });
    return `keys: ${states.join(', ')}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `the keys can’t be used, and nothing is taken in: ${error.message}`;
  }
}

function apiServer(graph: Graph, archive: Archive, proofs: ProofSource): Serve {
  return server({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: envelopeReader(archive, knownKeys),
    proofs,
    tlog: tlogFolder(TLOG),
    ring: async () => (await knownTrust()).ring,
    onFailure: (error, { path, requestId }) =>
      tell(`${path}: request ${requestId} failed: ${JSON.stringify(safeDescription(error))}`),
  });
}

/** Tells how it stands; a check that fails is told, and the next one asks again. */
async function checkRules(
  graph: Graph,
  settings: RuleSettings,
  signal: AbortSignal,
): Promise<void> {
  try {
    const compromised = compromises((await knownTrust()).ring);
    const isTimeUp = (): boolean => signal.aborted;
    const checked = await check(graph, settings, { compromised, isTimeUp });
    const open = sumOf(checked.check, 'findings');
    const changed = `${checked.fresh.length} new, ${checked.settled.length} settled`;
    tell(
      `compliance: ${counted(open, 'open finding')}, ${changed}${checked.check.complete ? '' : '; not complete'}`,
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tell(`the compliance check failed: ${error.message}`);
  }
}

async function prepareDemo(): Promise<void> {
  if (existsSync(DEMO_PUBLIC_KEY)) return;
  const [privateFile] = await writeKeyPair('.custody/demo', 2_048);
  const key = createPrivateKey(await readFile(privateFile, 'utf8'));
  await writeWhole(join(BUCKET, 'demo.jsonl'), demoLog(key));
}

function welcome(url: string, embedded: KeptNeo4j | null, isWriting: boolean): readonly string[] {
  const lines = [
    `open in a browser:   ${url}`,
    `ask over HTTP, as ${url}v1/graph   (what can be asked: ${url}openapi.json)`,
  ];
  if (isWriting)
    lines.push(
      `drop signed logs (*.jsonl, *.jsonl.gz) into   ${BUCKET}/`,
      `their signers' public keys (*.pem, *.pub) into ${KEYS}/`,
      `what became of each is told here and in       ${RECEIPTS}/`,
      `after each the compliance rules are asked:    ${url}#/compliance`,
    );
  else lines.push('nothing is written into this database; start --ingest takes dropped logs, too');
  lines.push('ask, in another terminal:                     npm run --silent custody -- query 3.5');
  if (embedded !== null) {
    const { uri, browserUrl, passwordFile } = embedded;
    lines.push(
      `the database, for other programs:             ${uri} (user neo4j, password in ${passwordFile})`,
    );
    if (browserUrl !== null)
      lines.push(`look at it in the Neo4j Browser:              ${browserUrl}`);
  }
  lines.push('Ctrl-C stops everything');
  return lines.map((line) => `  ${line}`);
}

function noDatabase(): never {
  throw new TransientError('DATABASE_NOT_STARTED', 'no database was started');
}
