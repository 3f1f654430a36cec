import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { FAILURES } from '../../lib/failures.ts';
import { openApi } from '../../lib/http/openapi.ts';
import { PROBLEM_CODES } from '../../lib/http/problem.ts';
import { ROUTES } from '../../lib/http/routes.ts';

const ANSWERING = [
  'datasets',
  'models',
  'inferences',
  'lineage',
  'objects',
  'compliance',
  'evidence',
] as const;

/** What the functions that answer are made of. */
function sources(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const files = ANSWERING.map((name) => `functions/${name}.ts`);
  for (let file = files.pop(); file !== undefined; file = files.pop()) {
    if (found.has(file)) continue;
    const text = readFileSync(file, 'utf8');
    found.set(file, text);
    const imports = text.matchAll(
      /^import (?!type)[^;]*? from '(\.[^']*)'|\bimport\('(\.[^']*)'\)/gm,
    );
    for (const [, fixed, late] of imports)
      files.push(normalize(join(dirname(file), fixed ?? late ?? '')));
  }
  return found;
}

test('the OpenAPI document promises the codes that a question can end in, and no other', () => {
  const thrown = new Set(
    [...sources().values()].flatMap((text) =>
      [...text.matchAll(/new \w+Error\(([^;]*)/g)].flatMap(([, rest = '']) =>
        [...rest.matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => code),
      ),
    ),
  );
  // Settings are read before the first question; no question archives a log or writes a receipt.
  const elsewhere = [
    'SETTING_INVALID',
    'ARCHIVE_FAILED',
    'RECEIPTS_TOO_MANY',
    'RECEIPT_NOT_WRITTEN',
  ];
  for (const code of elsewhere) thrown.delete(code);
  const { ConfigError, TransientError, OutOfTimeError } = FAILURES;
  const failures = Object.keys({ ...ConfigError, ...TransientError, ...OutOfTimeError });
  const document = openApi(ROUTES) as {
    components: { schemas: { Problem: { properties: { code: { enum: readonly string[] } } } } };
  };
  const promised = document.components.schemas.Problem.properties.code.enum;
  expect(promised).toEqual(PROBLEM_CODES);
  expect(promised.filter((code) => failures.includes(code)).toSorted()).toEqual(
    failures.filter((code) => thrown.has(code)).toSorted(),
  );
});
