import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openEnvelope } from '../../lib/trust/envelope.ts';
import { LineFramer } from '../../lib/trust/lines.ts';
import { REJECTION_CODES } from '../../lib/trust/rejection.ts';
import { atDepth } from '../support/depth.ts';

const INPUTS = atDepth(100_000);

test(`${INPUTS} random inputs are framed and opened or refused, never a crash`, () => {
  const good = Buffer.from('{"schema_version":"1.1","signed_data":"{}","signature":"AAAA"}\r\n');
  const codes = new Set<string>(REJECTION_CODES);
  let lines = 0;
  let unknown = 0;
  for (let index = 0; index < INPUTS; index += 1) {
    const bytes = index % 2 === 0 ? randomBytes(index % 200) : Buffer.from(good);
    if (index % 2 === 1) randomBytes(1 + (index % 3)).copy(bytes, index % (bytes.length - 3));
    const framer = new LineFramer(128);
    const cut = index % (bytes.length + 1);
    for (const line of [
      ...framer.push(bytes.subarray(0, cut)),
      ...framer.push(bytes.subarray(cut)),
      ...framer.end(),
    ]) {
      lines += 1;
      if (line.bytes === null) continue;
      const result = openEnvelope(line.bytes);
      if ('code' in result && !codes.has(result.code)) unknown += 1;
    }
  }
  expect(lines).toBeGreaterThan(INPUTS);
  expect(unknown).toBe(0);
});
