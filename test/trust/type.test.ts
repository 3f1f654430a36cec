import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('verified text is made in one line of the tree', () => {
  const root = join(import.meta.dirname, '..', '..');
  const makers = ['lib', 'cli']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      readFileSync(join(root, name), 'utf8')
        .split('\n')
        .filter((line) => line.includes('as VerifiedText'))
        .map(() => name),
    );
  expect(makers).toEqual([join('lib', 'trust', 'signature.ts')]);
});
