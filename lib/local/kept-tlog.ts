import { createPublicKey, generateKeyPairSync, hash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../errors.ts';
import { keepTlog } from '../tlog/keep.ts';
import { rawEd25519 } from '../tlog/note.ts';
import type { TlogSigner } from '../tlog/signer.ts';
import { makeFolder } from './make-folder.ts';
import { soonAfter } from './soon-after.ts';
import type { TlogFolder } from './tlog-folder.ts';

/** Several files that are dropped at once share a checkpoint. */
const APPEND_AFTER_MS = 300;

/** How often it is looked whether a heartbeat is due, a witness has been missing, or a leaf was left. */
const LOOK_EVERY_MS = 60_000;

/** The private half of the local log's key, PEM: made where there is none, readable by its owner alone. */
export async function keptTlogKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await makeFolder(dirname(file));
  try {
    await writeFile(file, pem, { mode: 0o600, flag: 'wx' });
    return pem;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return readFile(file, 'utf8');
    throw error;
  }
}

/** The name of a log that nobody named: of its key, so that two on two machines have two. */
export function localOrigin(privateKeyPem: string): string {
  const raw = rawEd25519(createPublicKey(privateKeyPem)) ?? Buffer.from(privateKeyPem);
  return `custody.local/${hash('sha256', raw, 'hex').slice(0, 16)}`;
}

/** A log that grows while `custody start` runs. */
export interface KeptTlog {
  /** Something waits. */
  changed(): void;
  close(): Promise<void>;
}

/** Appends soon after something has come, and looks each minute; tells what is wrong once, until it is another. */
export function keepLocalTlog(
  store: TlogFolder,
  signer: TlogSigner,
  tell: (message: string) => void,
): KeptTlog {
  const sizes = new Map<string, number>();
  let told = '';
  const work = soonAfter(async (signal) => {
    const problems = await keepTlog(store, signer, {
      now: () => new Date(),
      isTimeUp: () => signal.aborted,
      sizes,
    }).then(
      (kept) => kept.problems,
      (error: unknown) => [error instanceof Error ? error.message : String(error)],
    );
    const now = problems.join('; ');
    if (now !== told && now !== '') tell(`tlog: ${now}`);
    told = now;
  }, APPEND_AFTER_MS);
  const clock = setInterval(() => work.changed(), LOOK_EVERY_MS);
  work.changed();
  return {
    changed: () => work.changed(),
    async close() {
      clearInterval(clock);
      await work.close();
    },
  };
}
