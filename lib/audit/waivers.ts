import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { EvidenceStore } from './store.ts';

const statement = z.object({
  key: z.string(),
  who: z.string(),
  why: z.string(),
  until: z.string(),
  madeAt: z.string(),
});

/** Who let which finding rest, why, and until when. */
export type WaiverStatement = z.infer<typeof statement>;

/**
 * Keeps a waiver outside the graph as `waivers/<SHA-256 of the finding’s key>/<when>.json`, beside those
 * made before. It is kept before the graph knows of it: one that the graph has and this has not is nobody's.
 */
export async function keepWaiver(store: EvidenceStore, waiver: WaiverStatement): Promise<void> {
  const key = createHash('sha256').update(waiver.key).digest('hex');
  const name = `waivers/${key}/${waiver.madeAt.replaceAll(':', '')}.json`;
  await store.write(name, Buffer.from(`${JSON.stringify(waiver, null, 2)}\n`));
}

/** The newest waiver of each finding, by its key. */
export async function waiversOf(
  store: EvidenceStore,
): Promise<ReadonlyMap<string, WaiverStatement>> {
  const newest = new Map<string, string>();
  for await (const { name } of store.list('waivers/')) {
    const folder = name.slice(0, name.lastIndexOf('/'));
    const held = newest.get(folder);
    if (held === undefined || held < name) newest.set(folder, name);
  }
  const waivers = new Map<string, WaiverStatement>();
  for (const name of newest.values()) {
    const bytes = await store.read(name);
    const read = bytes === null ? null : statement.safeParse(jsonOf(bytes));
    if (read?.success === true) waivers.set(read.data.key, read.data);
  }
  return waivers;
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}
