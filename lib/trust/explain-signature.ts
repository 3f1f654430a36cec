import { constants, createHash, publicDecrypt } from 'node:crypto';
import { openEnvelope } from './envelope.ts';
import type { VerifyingKey } from './keys.ts';
import type { Line } from './lines.ts';
import { isRefusal, type Rejection } from './rejection.ts';

// A signature is refused by lib/trust/signers.ts, and stays so: what is found out here is said to
// whoever has to mend it. RFC 8017: a signature is a block of bytes under the private key, and the
// block tells how it was made.

const HASHES = ['sha256', 'sha1', 'sha384', 'sha512'] as const;
type Hash = (typeof HASHES)[number];

const NAMES: Readonly<Record<Hash, string>> = {
  sha256: 'SHA-256',
  sha1: 'SHA-1',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** DigestInfo without the digest: RFC 8017, section 9.2, note 1. */
const DIGEST_INFO: Readonly<Record<Hash, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha1: Buffer.from('3021300906052b0e03021a05000414', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

const NEEDED = 'needed is RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt of 32 bytes';

/** So many bytes that are as a signature needs them are no chance. */
const CERTAIN_BYTES = 8;

/** The rejection, with more to say where one of the keys did sign, but in another way, or another text. */
export function explained(
  { bytes }: Line,
  rejection: Rejection,
  keys: readonly VerifyingKey[],
): Rejection {
  if (rejection.code !== 'SIGNATURE_INVALID') return rejection;
  const envelope = openEnvelope(bytes);
  if (isRefusal(envelope)) return rejection;
  const detail = explainSignature(envelope.signedData, envelope.signature, keys);
  return detail === null ? rejection : { ...rejection, detail };
}

/** Null where no key is known to have made the signature. */
export function explainSignature(
  text: string,
  signature: Uint8Array,
  keys: readonly VerifyingKey[],
): string | null {
  const data = Buffer.from(text, 'utf8');
  if (!keys.some(({ bits }) => signature.length === Math.ceil(bits / 8)))
    return 'the signature is not as long as one by any of the configured keys';
  for (const key of keys) {
    const block = blockOf(signature, key);
    const how = block === null ? null : (howPkcs1(block, data) ?? howPss(block, data, key.bits));
    if (how === 'other-text')
      return `key ${key.kid} made this signature, but of another text: the line was changed after signing`;
    if (how !== null) return `key ${key.kid} made this signature, but with ${how}; ${NEEDED}`;
  }
  return null;
}

/** What the private key was applied to; null where the key can't have made the signature. */
function blockOf(signature: Uint8Array, { pem, bits }: VerifyingKey): Buffer | null {
  if (signature.length !== Math.ceil(bits / 8)) return null;
  try {
    return publicDecrypt({ key: pem, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return null;
  }
}

/** Section 9.2: 00 01 FF … FF 00, the hash's name and the digest. */
function howPkcs1(block: Buffer, data: Buffer): string | null {
  if (block[0] !== 0 || block[1] !== 1) return null;
  const end = block.indexOf(0, 2);
  if (end < 2 + CERTAIN_BYTES || !block.subarray(2, end).every((byte) => byte === 0xff))
    return null;
  const info = block.subarray(end + 1);
  for (const hash of HASHES) {
    const named = DIGEST_INFO[hash];
    if (!info.subarray(0, named.length).equals(named)) continue;
    const isSame = info.subarray(named.length).equals(digestOf(hash, data));
    return isSame ? `PKCS#1 v1.5 padding and ${NAMES[hash]}` : 'other-text';
  }
  return null;
}

/** Section 9.1.2, for whichever hashes and salt fit. */
function howPss(block: Buffer, data: Buffer, bits: number): string | null {
  // Of a key whose bits are a multiple of 8 plus 1 the first byte is no part of it.
  const encoded = block.subarray(block.length - Math.ceil((bits - 1) / 8));
  if (encoded.at(-1) !== 0xbc) return null;
  let isOther = false;
  for (const hash of HASHES)
    for (const mask of HASHES) {
      const found = saltOf(encoded, hash, mask, bits);
      if (found === null) continue;
      const { salt, padding, digest } = found;
      const again = digestOf(hash, Buffer.alloc(8), digestOf(hash, data), salt);
      if (again.equals(digest))
        return `PSS, ${NAMES[hash]}, MGF1 with ${NAMES[mask]} and a salt of ${salt.length} bytes`;
      isOther ||= padding >= CERTAIN_BYTES;
    }
  return isOther ? 'other-text' : null;
}

/** Null where the block was not masked this way. */
function saltOf(
  encoded: Buffer,
  hash: Hash,
  mask: Hash,
  bits: number,
): { readonly salt: Buffer; readonly padding: number; readonly digest: Buffer } | null {
  const hashBytes = digestOf(hash).length;
  const digest = encoded.subarray(-1 - hashBytes, -1);
  const masked = encoded.subarray(0, -1 - hashBytes);
  const unmasked = xor(masked, mgf1(digest, masked.length, mask));
  const free = 8 * encoded.length - (bits - 1);
  unmasked[0] = (unmasked[0] ?? 0) & (0xff >> free);
  const padding = unmasked.findIndex((byte) => byte !== 0);
  if (padding === -1 || unmasked[padding] !== 1) return null;
  return { salt: unmasked.subarray(padding + 1), padding, digest };
}

/** Appendix B.2.1. */
function mgf1(seed: Uint8Array, length: number, hash: Hash): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = 0; bytes < length;) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(parts.length);
    const part = digestOf(hash, seed, counter);
    parts.push(part);
    bytes += part.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

function xor(one: Uint8Array, other: Uint8Array): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ (other[at] ?? 0)));
}

function digestOf(hash: Hash, ...parts: readonly Uint8Array[]): Buffer {
  const made = createHash(hash);
  for (const part of parts) made.update(part);
  return made.digest();
}
