import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** From the top down; a room imports its own layer and those below it. CONTRIBUTING.md says why. */
const LAYERS = [
  ['cli', 'functions'],
  ['config'],
  ['keys'],
  ['aws', 'local'],
  ['http', 'page'],
  ['audit', 'compliance', 'proof'],
  ['evidence', 'fsck', 'ingest'],
  ['object', 'graph'],
  [
    'tlog',
    'trust',
    'errors',
    'failures',
    'contents-text',
    'key-entries',
    'key-ring',
    'counted',
    'links',
    'members',
    'once',
    'version',
  ],
] as const;
/** Folders side by side that know nothing of each other. */
const APART = [
  ['lib/aws/', 'lib/local/'],
  ['lib/graph/ask/', 'lib/graph/write/'],
] as const;
/** The key to what can be done with statements. */
const DATABASE = 'lib/graph/database.ts';
const CLOUD = /^(?:@aws-|aws-|aws4fetch$)/;

function roomOf(path: string): string {
  return /^(?:lib\/)?([\w-]+)/.exec(path)?.[1] ?? path;
}

function depthOf(room: string): number {
  return LAYERS.findIndex((rooms) => rooms.some((name) => name === room));
}

/** Why an import may not be, or null. */
function fault(file: string, imported: string): string | null {
  const from = roomOf(file);
  if (!imported.startsWith('.'))
    return CLOUD.test(imported) && from !== 'aws' && from !== 'functions' ? 'a cloud' : null;
  const path = normalize(join(dirname(file), imported));
  const to = roomOf(path);
  if (depthOf(to) < 0) return 'a room without a layer';
  if (path === DATABASE && from !== 'graph') return 'the database';
  const isFrom = (a: string, b: string): boolean => file.startsWith(a) && path.startsWith(b);
  const isApart = APART.some(([a, b]) => isFrom(a, b) || isFrom(b, a));
  return depthOf(to) < depthOf(from) ? 'up' : isApart ? 'across' : null;
}

test('imports go down the list of layers only, no domain room imports a cloud, and lib/graph alone the database', async () => {
  const faults: string[] = [];
  for (const folder of ['lib', 'cli', 'functions'])
    for (const name of await readdir(folder, { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      const file = join(folder, name);
      const text = readFileSync(file, 'utf8');
      for (const [, imported = ''] of text.matchAll(
        /\b(?:from|import\(?)\s*'([^'.][^']*|\.[^']*\.ts)'/g,
      )) {
        const why = fault(file, imported);
        if (why !== null) faults.push(`${file} imports ${why}: ${imported}`);
      }
    }
  expect(faults).toEqual([]);
});

test('the layers refuse an import that goes up, across, into a cloud, or to the database past lib/graph', () => {
  expect(fault('lib/graph/ask/models.ts', '../../http/answer.ts')).toBe('up');
  expect(fault('lib/local/listen.ts', '../aws/log.ts')).toBe('across');
  expect(fault('lib/graph/ask/objects.ts', '../write/writer.ts')).toBe('across');
  expect(fault('lib/graph/write/findings.ts', '../ask/findings.ts')).toBe('across');
  expect(fault('lib/ingest/ingest.ts', '@aws-sdk/client-s3')).toBe('a cloud');
  expect(fault('lib/compliance/check.ts', '../graph/database.ts')).toBe('the database');
  expect(fault('cli/check.ts', '../lib/graph/database.ts')).toBe('the database');
  expect(fault('lib/ingest/ingest.ts', '../graph/connection.ts')).toBeNull();
});

/** What the page runs of lib: pure, and of no other file. */
const PAGE_RUNS = ['lib/contents-text.ts', 'lib/http/csv.ts', 'lib/links.ts'];

test('the page imports of lib the types of answers, and runs nothing but the one writer of CSV and the words for links and contents', async () => {
  const faults: string[] = [];
  for (const name of await readdir('web')) {
    if (!name.endsWith('.ts')) continue;
    const text = readFileSync(join('web', name), 'utf8');
    for (const [whole, imported = ''] of text.matchAll(
      /^(?:import|export)\b[^;]*?'(\.\.\/[^']*)';$/gm,
    )) {
      const file = normalize(join('web', imported));
      const isType = whole.startsWith('import type ') && file.startsWith('lib/http/answers/');
      if (!isType && !PAGE_RUNS.includes(file)) faults.push(`web/${name} imports ${file}`);
    }
    if (/\bimport\(/.test(text)) faults.push(`web/${name} imports later`);
  }
  expect(faults).toEqual([]);
  for (const file of PAGE_RUNS) expect(readFileSync(file, 'utf8')).not.toMatch(/^import\b/m);
});
