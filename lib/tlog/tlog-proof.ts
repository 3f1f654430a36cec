import { sizeOf } from './checkpoint.ts';
import { bytesOfBase64, MAX_NOTE_BYTES, parseNote, type Note, type Problem } from './note.ts';
import { openCheckpoint, type OpenedCheckpoint, type Policy } from './policy.ts';
import { HASH_BYTES, leafHash, verifyInclusion } from './tree.ts';

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';

/** The longest path in a tree whose size is a number here, with room to spare. */
const MAX_PATH = 63;

/** That a leaf is in a log, to be checked without it (c2sp.org/tlog-proof). */
export interface TlogProof {
  /** Of the application; vouched for by nobody. */
  readonly extra: Buffer | null;
  readonly index: number;
  /** From the leaf’s sibling up. */
  readonly proof: readonly Buffer[];
  /** The checkpoint as it was signed, its signatures included. */
  readonly checkpoint: string;
}

/** The proof’s text, mostly in a file `….tlog-proof`. */
export function tlogProofText({ extra, index, proof, checkpoint }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === null ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...proof.map((hash) => hash.toString('base64')),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** A proof taken apart, and its checkpoint with it. */
export interface ParsedTlogProof extends TlogProof {
  readonly note: Note;
}

/** Takes a proof apart; nothing of it may be believed before {@link verifyTlogProof}. */
export function parseTlogProof(text: string): ParsedTlogProof | Problem {
  if (text.length > 2 * MAX_NOTE_BYTES) return { problem: 'the proof is too long' };
  const blank = text.indexOf('\n\n');
  if (blank < 0) return { problem: 'the proof has no checkpoint' };
  const [first, ...lines] = text.slice(0, blank).split('\n');
  if (first !== FIRST_LINE) return { problem: `the proof’s first line is not ${FIRST_LINE}` };
  const written = /^extra (.*)$/.exec(lines[0] ?? '')?.[1];
  const extra = written === undefined ? null : bytesOfBase64(written);
  if (written !== undefined) {
    if (extra === null) return { problem: 'the extra data is not base64' };
    lines.shift();
  }
  const index = sizeOf(/^index (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '');
  if (index === null) return { problem: 'the proof has no index' };
  const proof = lines.map(bytesOfBase64).filter((hash) => hash !== null);
  const isPath =
    proof.length === lines.length && proof.every(({ length }) => length === HASH_BYTES);
  if (!isPath || proof.length > MAX_PATH)
    return { problem: 'the proof’s path is not one of hashes' };
  const checkpoint = text.slice(blank + 2);
  const note = parseNote(Buffer.from(checkpoint));
  return 'problem' in note ? note : { extra, index, proof, checkpoint, note };
}

/** A leaf that is in a log of the policy. */
export interface InLog extends OpenedCheckpoint {
  readonly index: number;
}

/**
 * Checks that these bytes are a leaf of a log that the policy knows, under a checkpoint that as many of
 * its witnesses cosigned as its quorum asks for.
 */
export function verifyTlogProof(text: string, leaf: Uint8Array, policy: Policy): InLog | Problem {
  const parsed = parseTlogProof(text);
  if ('problem' in parsed) return parsed;
  const opened = openCheckpoint(parsed.note, policy);
  if ('problem' in opened) return opened;
  if (!opened.isQuorum)
    return { problem: 'too few of the policy’s witnesses cosigned the checkpoint' };
  const { index, proof } = parsed;
  const { size, root } = opened.checkpoint;
  if (!verifyInclusion({ index, size, leaf: leafHash(leaf), proof, root }))
    return { problem: 'the leaf is not in the log at that index' };
  return { ...opened, index };
}
