import { sizeOf } from './checkpoint.ts';
import { parseSignature, type VerifierKey } from './note.ts';
import { readHead, readTile, type Head } from './open-tlog.ts';
import type { Witness } from './policy.ts';
import type { TlogStore } from './store.ts';
import { tileHashes } from './tiles.ts';
import { consistencyProof } from './tree.ts';

/** A witness that has not answered by then is done without. */
const ANSWER_MS = 10_000;

/** It may tell another size once more where another appender of the same log was there meanwhile. */
const TRIES = 3;

/** Sixteen lines of the largest kind of signature take less. */
const MAX_ANSWER_BYTES = 100_000;

/** What asking a witness came to. */
export interface WitnessAnswer {
  /** As the policy names it. */
  readonly witness: string;
  /** Why it did not cosign; null where it did. */
  readonly problem: string | null;
}

/** What came of asking all of them. */
export interface Cosigning {
  /** Of the checkpoint that they were asked about. */
  readonly size: number;
  readonly answers: readonly WitnessAnswer[];
  /** Whether the new cosignatures stand under the checkpoint; false also where there are none. */
  readonly isKept: boolean;
}

/**
 * Asks every witness that has an address, and has not cosigned yet, to cosign the checkpoint that stands
 * there (c2sp.org/tlog-witness, add-checkpoint), all at once, and puts what they signed under it, in
 * place of the same checkpoint without. One that is down, or answers nonsense, is named and delays the
 * others by nothing. `sizes` remembers what each has seen, by its key.
 */
export async function askWitnesses(
  store: TlogStore,
  key: VerifierKey,
  witnesses: readonly Witness[],
  { sizes = new Map<string, number>(), answerMs = ANSWER_MS } = {},
): Promise<Cosigning> {
  const head = await readHead(store, key);
  const { note, checkpoint, tag } = head;
  const { size } = checkpoint;
  if (note === null) return { size, answers: [], isKept: false };
  const isMissing = ({ key: { id, name } }: Witness): boolean =>
    !note.signatures.some((signature) => signature.id === id && signature.name === name);
  const lines: string[] = [];
  const asked = witnesses.filter((witness) => witness.url !== null && isMissing(witness));
  const answers = await Promise.all(
    asked.map(async (witness): Promise<WitnessAnswer> => {
      const answer = await askWitness(store, head, witness, sizes, answerMs);
      if ('line' in answer) lines.push(answer.line);
      return { witness: witness.name, problem: 'line' in answer ? null : answer.problem };
    }),
  );
  if (lines.length === 0) return { size, answers, isKept: false };
  const signed = `${note.text}\n${note.signatures.map(({ line }) => line).join('')}`;
  const isKept = await store.replaceCheckpoint(Buffer.from(signed + lines.sort().join('')), tag);
  return { size, answers, isKept };
}

type Cosigned = { readonly line: string } | { readonly problem: string };

async function askWitness(
  store: TlogStore,
  { note, checkpoint: { size } }: Head,
  witness: Witness,
  sizes: Map<string, number>,
  answerMs: number,
): Promise<Cosigned> {
  if (note === null) return { problem: 'there is no checkpoint yet' };
  const { vkey } = witness.key;
  const signed = `${note.text}\n${note.signatures.map(({ line }) => line).join('')}`;
  const signal = AbortSignal.timeout(answerMs);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const old = Math.min(sizes.get(vkey) ?? 0, size);
    const read = tileHashes(size, (tile) => readTile(store, tile));
    const proof = await consistencyProof(old, size, read);
    const path = proof.map((hash) => `${hash.toString('base64')}\n`).join('');
    const answer = await post(witness, `old ${old}\n${path}\n${signed}`, signal);
    if ('problem' in answer) return answer;
    if (answer.status === 200) {
      const line = cosignatureIn(answer.text, note.text, witness.key);
      if (line === null) return { problem: 'its answer holds no cosignature of its key' };
      sizes.set(vkey, size);
      return { line };
    }
    const told = answer.status === 409 ? sizeOf(answer.text.replace(/\n$/, '')) : null;
    if (told === null) return { problem: `it answered ${answer.status}` };
    // It has seen a tree that this log does not have: the log was set back, or there are two of it.
    if (told > size) return { problem: `it has cosigned ${told} leaves, and the log has ${size}` };
    sizes.set(vkey, told);
  }
  return { problem: 'it told another size each time' };
}

type Answer = { readonly status: number; readonly text: string } | { readonly problem: string };

async function post({ url }: Witness, request: string, signal: AbortSignal): Promise<Answer> {
  try {
    const to = `${(url ?? '').replace(/\/$/, '')}/add-checkpoint`;
    const answer = await fetch(to, { method: 'POST', body: request, signal, redirect: 'error' });
    const body: AsyncIterable<Uint8Array> | null = answer.body;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) return { problem: 'its answer has no end' };
    }
    return { status: answer.status, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    if (signal.aborted) return { problem: 'it did not answer in time' };
    // What fetch says itself is that it failed; its cause has the system’s code.
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no connection';
    return { problem: `it can’t be reached (${code})` };
  }
}

/** The line, with its LF, by which the witness’s own key cosigned the text, at a time that is told. */
function cosignatureIn(answer: string, text: string, key: VerifierKey): string | null {
  for (const line of answer.split('\n')) {
    const signature = parseSignature(line);
    if (signature?.id !== key.id || signature.name !== key.name) continue;
    const held = key.verify(text, signature.signature);
    if (held !== null && held.time !== null && held.time > 0n) return signature.line;
  }
  return null;
}
