import { expect, test } from 'vitest';
import type { Answer } from '../../lib/http/answer.ts';
import type { RouteContext } from '../../lib/http/route.ts';
import { CHECKPOINT_ROUTES } from '../../lib/http/routes/checkpoint.ts';
import { append } from '../../lib/tlog/append.ts';
import type { TlogReader } from '../../lib/tlog/store.ts';
import { MemoryTlog, testSigner } from '../support/memory-tlog.ts';

const [route] = CHECKPOINT_ROUTES;
/** The route asks no graph. */
const contextOf = (tlog: TlogReader): RouteContext => ({ tlog }) as RouteContext;

test('the checkpoint is answered as it stands there, as JSON and as text that other tools verify', async () => {
  const [tlog, signer] = [new MemoryTlog(), testSigner()];
  tlog.submit('a');
  await append(tlog.store(), signer, { now: () => new Date() });
  const told = await route?.handle(contextOf(tlog.store()), {});
  expect(route?.answer.parse(told)).toMatchObject({
    origin: signer.key.name,
    size: 1,
    signatures: [{ name: signer.key.name, id: signer.key.vkey.split('+')[1] }],
    checkpoint: String(tlog.checkpointBytes()),
  });
  const text = (await route?.other?.handle(contextOf(tlog.store()), {})) as Answer;
  expect(text.body).toBe(String(tlog.checkpointBytes()));
  expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
});

test('before the first checkpoint there is none, and what is no checkpoint is not answered as one', async () => {
  const tlog = new MemoryTlog();
  await expect(route?.handle(contextOf(tlog.store()), {})).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  tlog.setCheckpoint(Buffer.from('nonsense'));
  await expect(route?.handle(contextOf(tlog.store()), {})).rejects.toMatchObject({
    code: 'TLOG_DAMAGED',
  });
});
