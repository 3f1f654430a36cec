/**
 * What an audit costs: a signed log is ingested, audited with nothing known, and audited again. Both
 * times one process on one machine with its database. `node bench/audit.ts [inferences]`.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '../lib/audit/audit.ts';
import { openGraph } from '../lib/graph/connection.ts';
import { migrate } from '../lib/graph/schema.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { ingestObject } from '../lib/ingest/ingest.ts';
import { folderEvidence } from '../lib/local/evidence-store.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { startNeo4j } from '../lib/local/neo4j.ts';
import { storedFile } from '../lib/object/file.ts';
import { signRecord } from '../lib/trust/sign.ts';
import { testKey } from '../test/support/test-key.ts';

const inferences = Number(process.argv[2] ?? 60_000);
const MODELS = 100;

const { privateKey, key } = testKey();
const folder = mkdtempSync(join(tmpdir(), 'custody-bench-'));
const path = join(folder, 'log.jsonl');
const timestamp = '2026-01-01T00:00:00Z';

function add(record: object): void {
  appendFileSync(
    path,
    `${signRecord(JSON.stringify({ ...record, timestamp }), privateKey, 'max')}\n`,
  );
}

const server = await startNeo4j({ home: join(folder, 'neo4j'), boltPort: 0 });
const graph = openGraph(server);
try {
  await migrate(graph);
  for (let index = 0; index < MODELS; index += 1) {
    add({ type: 'dataset', hash: `d${index}`, path: 'p' });
    add({ type: 'model', model_name: `m${index}`, git_commit: 'c', dataset_hashes: [`d${index}`] });
  }
  for (let index = 0; index < inferences; index += 1)
    add({
      type: 'inference',
      id: `i${index}`,
      model_name: `m${index % MODELS}`,
      input: { applicant: index, text: 'x'.repeat(120) },
      output: { score: index / inferences },
    });
  const archive = localArchive(join(folder, 'archive'));
  const stores = { sink: new GraphWriter(graph), archive };
  await ingestObject(storedFile(path), stores, { keys: [key], onBadLine: 'reject' });
  console.log(`${cpus().length} cores, Node ${process.version}, ${inferences} inferences`);
  for (const what of ['with nothing known', 'again']) {
    const start = performance.now();
    const found = await audit({ graph, archive, store: folderEvidence(folder) });
    const seconds = (performance.now() - start) / 1_000;
    const rate = Math.round(inferences / seconds);
    const megabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
    console.log(
      `${what}: ${seconds.toFixed(1)} s, ${rate} inferences a second, ${found.differences.length} differences, ${found.complete ? 'complete' : 'not complete'}, peak ${megabytes} MB`,
    );
  }
} finally {
  await graph.close();
  await server.stop({ now: true });
  rmSync(folder, { recursive: true, force: true });
}
