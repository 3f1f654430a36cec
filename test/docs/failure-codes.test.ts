import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAILURES } from '../../lib/failures.ts';

const [, section = ''] =
  /^## What failures are called$([^]*?)^## /m.exec(readFileSync('docs/operations.md', 'utf8')) ??
  [];

test('docs/operations.md lists exactly the failures that have a code, under who must act', () => {
  const listed = [...section.matchAll(/^`(\w+)`: [^]*?(?=^`|$(?![^]))/gm)].map(
    ([part, name = '']) => [
      name,
      [...part.matchAll(/^\| `(\w+)` *\| (.*?) *\| .* \|$/gm)].map(([, code, what]) => [
        code,
        what,
      ]),
    ],
  );
  const named = Object.entries(FAILURES).map(([name, of]) => [name, Object.entries(of)]);
  expect(listed).toEqual(named);
});

test('a code belongs to one class, and something fails with it', async () => {
  const codes = Object.values(FAILURES).flatMap((of) => Object.keys(of));
  expect(new Set(codes).size).toBe(codes.length);
  let sources = '';
  for (const folder of ['lib', 'cli'])
    for (const name of await readdir(folder, { recursive: true })) {
      const file = join(folder, name);
      if (name.endsWith('.ts')) sources += readFileSync(file, 'utf8');
    }
  const thrown = new Set(
    [...sources.matchAll(/new \w+Error\(([^;]*)/g)].flatMap(([, rest = '']) =>
      [...rest.matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => code),
    ),
  );
  expect(codes.filter((code) => !thrown.has(code))).toEqual([]);
});
