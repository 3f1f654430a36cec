import { expect, test } from 'vitest';
import { VERSION } from '../lib/version.ts';
import manifest from '../package.json' with { type: 'json' };

test('the version that answers, receipts and reports name is the one of package.json', () => {
  expect(VERSION).toBe(manifest.version);
});
