import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test('docs/performance.md says of every index and constraint of the schema what needs it, and of no other', () => {
  const made = [
    ...read('../../lib/graph/schema.ts').matchAll(/CREATE (?:INDEX|CONSTRAINT) (\w+)/g),
  ];
  const [, table = ''] =
    /^\| index .*\n\|[- |]+\n([^]*)/m.exec(read('../../docs/performance.md')) ?? [];
  const named = [...table.matchAll(/`(\w+)`/g)];
  const names = (found: RegExpExecArray[]): string[] => found.map(([, name = '']) => name).sort();
  expect(names(named)).toEqual(names(made));
  expect(made.length).toBeGreaterThan(20);
});
