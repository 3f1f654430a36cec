import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { verdict } from '../../cli/ingest.ts';
import { check } from '../../lib/compliance/check.ts';
import { reportHtml } from '../../lib/compliance/report-html.ts';
import { makeReport } from '../../lib/compliance/report.ts';
import { DEFAULT_SETTINGS } from '../../lib/compliance/rules.ts';
import { openGraph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { ObjectAnswer } from '../../lib/http/answers/object.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { outcomeText } from '../../web/arrivals.ts';
import { Api } from '../support/api.ts';
import { neo4jLogin, PATIENT } from '../support/neo4j-login.ts';
import { SignedLogs } from '../support/signed-logs.ts';
import { wipe } from '../support/snapshot.ts';

const graph = openGraph(neo4jLogin, PATIENT);
const logs = new SignedLogs(graph);
const api = new Api(graph);
const sink = new GraphWriter(graph);
beforeEach(() => wipe(graph));
afterAll(async () => {
  expect(api.failures).toEqual([]);
  logs.remove();
  await graph.close();
});

const RECORD = { type: 'dataset', hash: 'h', path: 'p', timestamp: '2026-01-01T00:00:00Z' };
const GOOD = `${signRecord(JSON.stringify(RECORD), logs.signer.privateKey, 'digest')}\n`;
const FORGED = GOOD.replace('\\"h\\"', '\\"x\\"');

test.each([
  ['at least 1000', 3_000],
  ['999', 999],
])('of a refused log every place says that %s lines are refused', async (told, forged) => {
  const path = join(logs.folder, 'refused.jsonl');
  writeFileSync(path, FORGED.repeat(forged) + GOOD);
  const stores = { sink, archive: logs.archive };
  const keys = [logs.signer.key];
  const receipt = await ingestObject(storedFile(path), stores, { keys, onBadLine: 'reject' });
  expect(verdict('log', receipt)[0]).toContain(`: ${told} rejected, `);
  const { items } = (await api.get('/v1/objects')) as unknown as { items: ObjectAnswer[] };
  // What its tree and its keys are, the receipt alone tells.
  const { root: _, kids: __, custody: ___, ...said } = receipt;
  expect(items).toMatchObject([said]);
  expect(items.map(({ rejectedAtLeast }) => rejectedAtLeast)).toEqual([
    receipt.rejectedAtLeast === true,
  ]);
  expect(items.map(outcomeText)).toEqual([
    `rejected, ${told.replace('1000', '1,000')} lines refused`,
  ]);
  await check(graph, DEFAULT_SETTINGS);
  const findings = (await api.get('/v1/findings')).items;
  expect(findings.map(({ detail }) => detail)).toMatchObject([
    { lines: forged + 1, rejected: /^\d+$/.test(told) ? Number(told) : told },
  ]);
  const report = await makeReport(graph, {
    period: { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
    settings: DEFAULT_SETTINGS,
    keys,
    readEnvelope: logs.readEnvelope,
  });
  const { rejectedTotal: rejected } = receipt;
  const counts = { rejected, rejectedAtLeast: receipt.rejectedAtLeast === true };
  expect(report.objects).toMatchObject({ byStatus: [counts], items: [counts] });
  expect(reportHtml(report).match(new RegExp(`<td[^>]*>${told}</td>`, 'g'))).toHaveLength(2);
});

test('a reason of another release for refusing a line is told as it stands, and keeps nobody’s row away', async () => {
  const object = (uri: string, code: string) => ({
    uri,
    sha256: 'a'.repeat(64),
    bytes: 1,
    lines: 1,
    rejected: 1,
    rejections: [{ line: 1, code, detail: 'why' }],
    seal: null,
  });
  await sink.record(object('file:///other', 'LINE_OF_TOMORROW'), 'rejected');
  await sink.record(object('file:///known', 'LINE_NOT_JSON'), 'rejected');
  const { items } = await api.get('/v1/objects');
  const told = items.flatMap(({ rejected }) => rejected as { code: string }[]);
  expect(told.map(({ code }) => code).sort()).toEqual(['LINE_NOT_JSON', 'LINE_OF_TOMORROW']);
  expect(await api.get('/v1/object', { uri: 'file:///other' })).toMatchObject({
    rejected: [{ code: 'LINE_OF_TOMORROW' }],
  });
  // Whoever writes goes on with such an object, too.
  expect(await sink.known('file:///other')).toMatchObject({
    object: { rejections: [{ code: 'LINE_OF_TOMORROW' }] },
  });
});
