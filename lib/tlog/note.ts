import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import { parseCheckpoint } from './checkpoint.ts';

/** Why something is not believed, in one sentence. */
export interface Problem {
  readonly problem: string;
}

/** Ed25519 over the text; a timestamped cosignature by Ed25519; one by ML-DSA-44 (c2sp.org/signed-note, c2sp.org/tlog-cosignature). */
const SIGNATURE_TYPES = {
  ed25519: 0x01,
  cosignature: 0x04,
  'cosignature-ml-dsa-44': 0x06,
} as const;

export type SignatureType = keyof typeof SIGNATURE_TYPES;

/** A key that signs notes under a name. {@link readVerifierKey} makes one of text. */
export interface VerifierKey {
  readonly name: string;
  /** The first four bytes of `SHA-256(name || LF || type || public key)`, the greatest first. */
  readonly id: number;
  readonly type: SignatureType;
  /** As the type encodes it: 32 bytes of Ed25519, 1,312 of ML-DSA-44. */
  readonly publicKey: Buffer;
  /** The key as one line of text, `<name>+<id>+<base64>`. */
  readonly vkey: string;
  /** A signature without the four bytes of the id. */
  verify(text: string, signature: Uint8Array): Verified | null;
}

/** That a signature holds. */
export interface Verified {
  /** When a cosigner made it, in seconds since 1970; null where the type says no time. */
  readonly time: bigint | null;
}

/** One line of signature. */
export interface NoteSignature {
  readonly name: string;
  readonly id: number;
  /** Without the four bytes of the id. */
  readonly signature: Buffer;
  /** With its LF, as it stands in the note. */
  readonly line: string;
}

/** A text and the lines under it, none of which was verified yet. */
export interface Note {
  /** Ends in LF. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that was verified. */
export interface Signed extends NoteSignature, Verified {
  readonly key: VerifierKey;
}

/** A note and whoever of those that were asked for signed it, at least one. */
export interface OpenedNote {
  readonly text: string;
  readonly signed: readonly Signed[];
}

/** More than this is read of no note: sixteen signatures and more of the largest type take less. */
export const MAX_NOTE_BYTES = 1_000_000;

/** c2sp.org/signed-note asks for sixteen at least; Go's module of the same name takes a hundred. */
const MAX_SIGNATURES = 100;

/** SubjectPublicKeyInfo (DER) up to the key's own bytes. */
const FORMS = {
  ed25519: { bytes: 32, spki: Buffer.from('302a300506032b6570032100', 'hex') },
  'ml-dsa-44': {
    bytes: 1_312,
    spki: Buffer.from('30820532300b06096086480165030403110382052100', 'hex'),
  },
} as const;

/** Takes a note apart; nothing of it may be believed before {@link openNote}. */
export function parseNote(bytes: Uint8Array): Note | Problem {
  if (bytes.length > MAX_NOTE_BYTES)
    return { problem: `the note has more than ${MAX_NOTE_BYTES} bytes` };
  const whole = utf8Of(bytes);
  if (whole === null) return { problem: 'the note is not UTF-8' };
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\0-\x09\x0b-\x1f]/.test(whole)) return { problem: 'the note has a control character' };
  const blank = whole.lastIndexOf('\n\n');
  if (blank < 0 || !whole.endsWith('\n')) return { problem: 'the note has no signatures' };
  const lines = whole
    .slice(blank + 2)
    .split('\n')
    .slice(0, -1);
  if (lines.length === 0) return { problem: 'the note has no signatures' };
  if (lines.length > MAX_SIGNATURES)
    return { problem: `the note has more than ${MAX_SIGNATURES} signatures` };
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === null) return { problem: 'a line under the note is no signature' };
    signatures.push(signature);
  }
  return { text: whole.slice(0, blank + 1), signatures };
}

/** A signature's line, without its LF; null where it is none. */
export function parseSignature(line: string): NoteSignature | null {
  const [, name, base64] = /^— ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (name === undefined || base64 === undefined || !isKeyName(name)) return null;
  const bytes = bytesOfBase64(base64);
  if (bytes === null || bytes.length < 5) return null;
  return { name, id: bytes.readUInt32BE(), signature: bytes.subarray(4), line: `${line}\n` };
}

/**
 * The note's text, once one key at least has verified it. Signatures of other keys are passed over; one
 * that names a given key and does not hold spoils the note (c2sp.org/signed-note, “Signatures”).
 */
export function openNote(note: Note, keys: readonly VerifierKey[]): OpenedNote | Problem {
  const signed: Signed[] = [];
  for (const signature of note.signatures)
    for (const key of keys) {
      if (key.id !== signature.id || key.name !== signature.name) continue;
      const held = key.verify(note.text, signature.signature);
      if (held === null) return { problem: `the signature of ${key.name} does not hold` };
      signed.push({ ...signature, ...held, key });
    }
  if (signed.length === 0) return { problem: 'none of the given keys signed the note' };
  return { text: note.text, signed };
}

/** The line of a signature that was just made, with its LF. */
export function signatureLine(key: VerifierKey, signature: Uint8Array): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(key.id);
  return `— ${key.name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** Reads a key of `<name>+<id>+<base64 of type and key>` (c2sp.org/signed-note, “Verifier keys”). */
export function readVerifierKey(vkey: string): VerifierKey | Problem {
  const [, name = '', base64 = ''] = /^([^+]+)\+[0-9a-f]{8}\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  const bytes = bytesOfBase64(base64);
  if (name === '' || bytes === null || bytes.length === 0)
    return { problem: 'this is no verifier key, which is <name>+<8 hexadecimal digits>+<base64>' };
  const type = signatureTypeOf(bytes.readUInt8());
  if (type === null) return { problem: `keys of the type ${bytes.readUInt8()} are not known here` };
  const key = verifierKey(name, type, bytes.subarray(1));
  if (!('problem' in key) && key.vkey !== vkey)
    return { problem: 'the id of this verifier key is not that of its name and key' };
  return key;
}

/** A key by its name, its type and its public half as that type encodes it. */
export function verifierKey(
  name: string,
  type: SignatureType,
  publicKey: Uint8Array,
): VerifierKey | Problem {
  if (!isKeyName(name))
    return { problem: 'a key’s name is not empty, and has no spaces and no plus' };
  const form = FORMS[type === 'cosignature-ml-dsa-44' ? 'ml-dsa-44' : 'ed25519'];
  if (publicKey.length !== form.bytes)
    return { problem: `a public key of the type ${type} has ${form.bytes} bytes` };
  const typed = Buffer.from([SIGNATURE_TYPES[type], ...publicKey]);
  const id = hash(
    'sha256',
    Buffer.concat([Buffer.from(`${name}\n`), typed]),
    'buffer',
  ).readUInt32BE();
  const spki = Buffer.concat([form.spki, publicKey]);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return { problem: 'this is no public key' };
  }
  return {
    name,
    id,
    type,
    publicKey: Buffer.from(publicKey),
    vkey: `${name}+${id.toString(16).padStart(8, '0')}+${typed.toString('base64')}`,
    verify: (text, signature) => VERIFY[type](key, name, text, signature),
  };
}

/** The 32 bytes of an Ed25519 key; null for a key of another kind. */
export function rawEd25519(key: KeyObject): Buffer | null {
  if (key.asymmetricKeyType !== 'ed25519') return null;
  return key.export({ type: 'spki', format: 'der' }).subarray(FORMS.ed25519.spki.length);
}

type Verify = (
  key: KeyObject,
  name: string,
  text: string,
  signature: Uint8Array,
) => Verified | null;

const VERIFY: Readonly<Record<SignatureType, Verify>> = {
  ed25519: (key, _name, text, signature) =>
    verify(null, Buffer.from(text), key, signature) ? { time: null } : null,
  cosignature: (key, _name, text, signature) => {
    const time = timeOf(signature);
    if (time === null || parseCheckpoint(text) === null) return null;
    const message = cosignedText(time, text);
    return verify(null, message, key, signature.subarray(TIME_BYTES)) ? { time } : null;
  },
  'cosignature-ml-dsa-44': (key, name, text, signature) => {
    const time = timeOf(signature);
    const message = time === null ? null : cosignedTree(name, time, text);
    if (message === null) return null;
    return verify(null, message, key, signature.subarray(TIME_BYTES)) ? { time } : null;
  },
};

const TIME_BYTES = 8;
const MAX_TIME = 2n ** 63n - 1n;

/** A cosignature begins with its time. */
function timeOf(signature: Uint8Array): bigint | null {
  if (signature.length <= TIME_BYTES) return null;
  const time = Buffer.from(signature.subarray(0, TIME_BYTES)).readBigUInt64BE();
  return time <= MAX_TIME ? time : null;
}

/** What a cosigner with an Ed25519 key signs of a checkpoint's text (c2sp.org/tlog-cosignature). */
export function cosignedText(time: bigint, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
}

/** What a cosigner with an ML-DSA-44 key signs of it; null where the text is no checkpoint, or a name too long. */
export function cosignedTree(cosigner: string, time: bigint, text: string): Buffer | null {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === null) return null;
  const [name, origin] = [Buffer.from(cosigner), Buffer.from(checkpoint.origin)];
  if (name.length > 255 || origin.length > 255) return null;
  const number = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  };
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    Buffer.of(name.length),
    name,
    number(time),
    Buffer.of(origin.length),
    origin,
    number(0n),
    number(BigInt(checkpoint.size)),
    checkpoint.root,
  ]);
}

function signatureTypeOf(byte: number): SignatureType | null {
  switch (byte) {
    case SIGNATURE_TYPES.ed25519:
      return 'ed25519';
    case SIGNATURE_TYPES.cosignature:
      return 'cosignature';
    case SIGNATURE_TYPES['cosignature-ml-dsa-44']:
      return 'cosignature-ml-dsa-44';
    default:
      return null;
  }
}

/** c2sp.org/signed-note: not empty, no spaces of Unicode, no plus; nor what no note may hold. */
function isKeyName(name: string): boolean {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  return name !== '' && name.isWellFormed() && !/[\p{White_Space}+\0-\x1f]/u.test(name);
}

/** Null where a text is not the one way in which standard base64 writes its bytes. */
export function bytesOfBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function utf8Of(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
