import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { check, sumOf } from '../lib/compliance/check.ts';
import type { RuleSettings } from '../lib/compliance/rules.ts';
import { ruleSettings } from '../lib/compliance/settings.ts';
import { OutOfTimeError, safeDescription, TransientError } from '../lib/errors.ts';
import { envelopeReader } from '../lib/evidence.ts';
import { openGraph, type Graph } from '../lib/graph/connection.ts';
import { migrate } from '../lib/graph/schema.ts';
import { graphSettings, payload } from '../lib/graph/settings.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { ROUTES } from '../lib/http/routes.ts';
import { server, type Serve } from '../lib/http/serve.ts';
import { ingestObject, type Stores } from '../lib/ingest/ingest.ts';
import { refuseUnreadable } from '../lib/ingest/receipt.ts';
import { loadKeys } from '../lib/keys.ts';
import { watchBucket } from '../lib/local/bucket.ts';
import { demoLog } from '../lib/local/demo.ts';
import { listen } from '../lib/local/listen.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { startNeo4j } from '../lib/local/neo4j.ts';
import { soonAfter } from '../lib/local/soon-after.ts';
import { writeWhole } from '../lib/local/write-whole.ts';
import { storedFile } from '../lib/object/file.ts';
import { buildPage } from '../lib/page/build.ts';
import { pageFiles } from '../lib/page/files.ts';
import type { Command } from './command.ts';
import { ARCHIVE, BUCKET, NEO4J_HOME, prepareEmbedded, tell } from './database.ts';
import { verdict } from './ingest.ts';
import { writeKeyPair } from './keygen.ts';
import { DEMO_PUBLIC_KEY, KEYS, knownKeys, openArchived } from './known-keys.ts';

const RECEIPTS = '.custody/receipts';
const PAGE = '.custody/page';
const RETRY_MS = 5_000;
/** A log that lies there at the start, as the demo's, is taken sooner. */
const CHECK_AFTER_MS = 2_000;
/** Some rules find what has come to be late, though nothing was dropped. */
const CHECK_EVERY_MS = 6 * 3_600_000;

export const start: Command = async (args) => {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', default: false } } });
  if (values.help) {
    process.stdout.write('usage: custody start\n');
    return 0;
  }
  const stopped = new Promise<void>((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
  for (const folder of [BUCKET, RECEIPTS, KEYS]) await mkdir(folder, { recursive: true });
  await prepareDemo();
  const settings = graphSettings(process.env);
  const rules = ruleSettings(process.env);
  const embedded =
    settings === null ? await startNeo4j({ home: NEO4J_HOME, onProgress: tell }) : null;
  const connection = settings ?? embedded;
  if (connection === null)
    throw new TransientError('DATABASE_NOT_STARTED', 'no database was started');
  const graph = openGraph(connection);
  try {
    await graph.verify();
    await (embedded === null ? migrate(graph) : prepareEmbedded(graph));
    const stores = {
      sink: new GraphWriter(graph, payload(process.env)),
      archive: localArchive(ARCHIVE),
    };
    await buildPage(PAGE);
    const web = await listen(apiServer(graph), await pageFiles(PAGE));
    const checks = soonAfter((signal) => checkRules(graph, rules, signal), CHECK_AFTER_MS);
    const taken = async (path: string): Promise<boolean> => {
      const isTaken = await take(path, stores);
      if (isTaken) checks.changed();
      return isTaken;
    };
    const bucket = watchBucket(BUCKET, taken, RETRY_MS);
    checks.changed();
    const clock = setInterval(() => checks.changed(), CHECK_EVERY_MS);
    tell(welcome(web.url, embedded));
    await stopped;
    tell('stopping …');
    clearInterval(clock);
    await web.close();
    await bucket.close();
    await checks.close();
  } finally {
    await graph.close();
    await embedded?.stop();
  }
  return 0;
};

function apiServer(graph: Graph): Serve {
  return server({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: envelopeReader(openArchived, async () => loadKeys(await knownKeys())),
    onFailure: (error, { path, requestId }) =>
      tell(`${path}: request ${requestId} failed: ${JSON.stringify(safeDescription(error))}`),
  });
}

/** One dropped file; false when it is to be tried again. */
async function take(path: string, stores: Stores): Promise<boolean> {
  const name = basename(path);
  if (!/\.jsonl(\.gz)?$/.test(name)) {
    tell(`${name}: ignored, its name does not end in .jsonl or .jsonl.gz`);
    return true;
  }
  // As the shell makes it for a command that is about to write into it.
  if ((await sizeOf(path)) === 0) {
    tell(`${name}: empty so far`);
    return true;
  }
  try {
    const keys = await loadKeys(await knownKeys());
    const receipt = await refuseUnreadable(pathToFileURL(path).href, () =>
      ingestObject(storedFile(path), stores, { keys, onBadLine: 'reject' }),
    );
    await writeWhole(join(RECEIPTS, `${name}.json`), `${JSON.stringify(receipt, null, 2)}\n`);
    tell(verdict(name, receipt));
  } catch (error) {
    if (error instanceof TransientError || error instanceof OutOfTimeError) {
      tell(`${name}: ${error.message}; trying again in ${RETRY_MS / 1000} s`);
      return false;
    }
    if (!(error instanceof Error)) throw error;
    tell(`${name}: not read: ${error.message}`);
  }
  return true;
}

/** Null where there is no file any more; taking it says so. */
async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

/** Tells how it stands; a check that fails is told, and the next one asks again. */
async function checkRules(
  graph: Graph,
  settings: RuleSettings,
  signal: AbortSignal,
): Promise<void> {
  try {
    const checked = await check(graph, settings, { isTimeUp: () => signal.aborted });
    const open = sumOf(checked.check, 'open');
    const changed = `${checked.fresh.length} new, ${checked.settled.length} settled`;
    tell(`compliance: ${open} open, ${changed}${checked.check.complete ? '' : '; not complete'}`);
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

function welcome(
  url: string,
  embedded: { uri: string; browserUrl: string; passwordFile: string } | null,
): string {
  const lines = [
    `open in a browser:   ${url}`,
    `ask over HTTP, as ${url}v1/graph   (what can be asked: ${url}openapi.json)`,
    `drop signed logs (*.jsonl, *.jsonl.gz) into   ${BUCKET}/`,
    `their signers' public keys (*.pem) into       ${KEYS}/`,
    `what became of each is told here and in       ${RECEIPTS}/`,
    `after each the compliance rules are asked:    ${url}#/compliance`,
    'ask, in another terminal:                     npm run --silent custody -- query 3.5',
  ];
  if (embedded !== null)
    lines.push(
      `look at the graph in the Neo4j Browser:       ${embedded.browserUrl} (user neo4j, password in ${embedded.passwordFile}, address ${embedded.uri})`,
    );
  lines.push('Ctrl-C stops everything');
  return lines.map((line) => `  ${line}`).join('\n');
}
