import { memberOf } from './json.ts';
import type { VerifyingKey } from './keys.ts';

/** Why an envelope is not believed, in one sentence. */
export interface DsseProblem {
  readonly problem: string;
}

/** What was signed, and by which key. */
export interface DsseOpened {
  readonly payload: Buffer;
  readonly kid: string;
}

/**
 * What a signature of DSSE v1 is made over (its protocol.md, “Signature Definition”). No record begins
 * like this, so that a record's signature never passes for one of these, nor the other way round.
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `, 'utf8'),
    type,
    Buffer.from(` ${payload.length} `, 'utf8'),
    payload,
  ]);
}

/** The envelope's one and only text; {@link openDsse} takes no other for the same content. */
export function dsseText(
  payloadType: string,
  payload: Uint8Array,
  kid: string,
  signature: Uint8Array,
): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const signatures = [{ keyid: kid, sig: base64(signature) }];
  return `${JSON.stringify({ payloadType, payload: base64(payload), signatures })}\n`;
}

/**
 * The payload, once one of the keys has verified its signature. DSSE leaves white space, the order of
 * members and the key's name unsigned; here they have to be those of {@link dsseText}, so that no
 * byte of a kept envelope can be changed unseen.
 */
export function openDsse(
  bytes: Uint8Array,
  payloadType: string,
  keys: readonly VerifyingKey[],
): DsseOpened | DsseProblem {
  const text = Buffer.from(bytes).toString('utf8');
  const read = membersOf(text);
  if (read === null) return { problem: 'it is no DSSE envelope with one signature' };
  if (read.payloadType !== payloadType) return { problem: `its payload is not ${payloadType}` };
  const payload = Buffer.from(read.payload, 'base64');
  const signature = Buffer.from(read.sig, 'base64');
  if (dsseText(payloadType, payload, read.keyid, signature) !== text)
    return { problem: 'it is not written as it was signed' };
  const key = keys.find(({ kid }) => kid === read.keyid);
  if (key === undefined) return { problem: `none of the given keys is ${read.keyid}` };
  if (key.policy.uses === 'records')
    return { problem: `the key ${read.keyid} is for records and signs nothing else` };
  if (key.policy.revoked !== undefined)
    return { problem: `the key ${read.keyid} is revoked, and nothing here says when it signed` };
  if (!key.verify(preAuthEncoding(payloadType, payload), signature))
    return { problem: 'its signature does not hold' };
  return { payload, kid: key.kid };
}

function membersOf(
  text: string,
): { payloadType: string; payload: string; keyid: string; sig: string } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const payloadType = memberOf(value, 'payloadType');
  const payload = memberOf(value, 'payload');
  const signatures = memberOf(value, 'signatures');
  const first: unknown = Array.isArray(signatures) ? signatures[0] : undefined;
  const keyid = memberOf(first, 'keyid');
  const sig = memberOf(first, 'sig');
  if (typeof payloadType !== 'string' || typeof payload !== 'string') return null;
  if (typeof keyid !== 'string' || typeof sig !== 'string') return null;
  return { payloadType, payload, keyid, sig };
}
