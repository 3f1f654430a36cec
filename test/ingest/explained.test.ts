import { constants, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { verifyObject } from '../../lib/ingest/verify-object.ts';
import { storedFile } from '../../lib/object/file.ts';
import { sealed } from '../../lib/trust/sign.ts';
import { testKey } from '../support/test-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'custody-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('of the refused signatures of an object the first twenty are explained, and all are checked as ever', async () => {
  const { privateKey, key } = testKey();
  const path = join(folder, 'log.jsonl');
  const padding = constants.RSA_PKCS1_PADDING;
  const lines = Array.from({ length: 150 }, (_, index) => {
    const text = `{"type":"dataset","hash":"h${index}"}`;
    return sealed(text, sign('sha256', Buffer.from(text), { key: privateKey, padding }));
  });
  writeFileSync(path, lines.join('\n'));
  const checks = vi.spyOn(key, 'verify');
  const receipt = await verifyObject(storedFile(path), { keys: [key], onBadLine: 'quarantine' });
  expect(checks).toHaveBeenCalledTimes(150);
  expect(receipt).toMatchObject({
    status: 'rejected',
    lines: 150,
    rejectedTotal: 150,
    accepted: 0,
  });
  const details = receipt.rejected.map(({ code, detail }) => `${code}: ${detail}`);
  expect(new Set(details.slice(0, 20)).size).toBe(1);
  expect(details[0]).toContain(`key ${key.kid} made this signature, but with PKCS#1 v1.5 padding`);
  expect(new Set(details.slice(20))).toEqual(
    new Set(['SIGNATURE_INVALID: no configured key made this signature']),
  );
});
