import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import {
  GetPublicKeyCommand,
  KMSClient,
  SignCommand,
  type GetPublicKeyCommandOutput,
  type SignCommandInput,
} from '@aws-sdk/client-kms';
import { ConfigError, TransientError } from '../errors.ts';
import { tlogKeyOf, type TlogSigner } from '../tlog/signer.ts';
import { readVerifyingKey, type KeyProblem } from '../trust/keys.ts';
import type { Signer } from '../trust/sign.ts';
import { credentialsMissing, failureCode } from './failure-code.ts';

/** RSASSA-PSS with SHA-256 and a salt of 32 bytes (docs/envelope.md, E-8). */
const ALGORITHM = 'RSASSA_PSS_SHA_256';

/** Ed25519 over the message itself: what KMS calls it, of a key of the kind ECC_NIST_EDWARDS25519. */
const TLOG_ALGORITHM = 'ED25519_SHA_512';

/** What only the key's owner can change; anything else may pass. */
const REFUSALS: Readonly<Record<string, string>> = {
  AccessDeniedException: 'the role may not read it: it needs kms:GetPublicKey',
  DisabledException: 'it is disabled',
  InvalidArnException: 'this is no key ARN, key id or alias',
  InvalidKeyUsageException: 'it is not a key for signatures',
  KMSInvalidStateException: 'its state does not allow it, as when it is to be deleted',
  NotFoundException: 'there is no such key',
  UnsupportedOperationException: 'it is not an asymmetric key',
  ValidationException: 'this is no key ARN, key id or alias',
};

/** A key by its ARN, id or alias, in the region that an ARN names. */
export function kmsClient(key: string, requestTimeout = 10_000): KMSClient {
  const region = /^arn:[^:]+:kms:([^:]+):/.exec(key)?.[1];
  return new KMSClient({
    ...(region === undefined ? {} : { region }),
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 5_000, requestTimeout, throwOnRequestTimeout: true },
  });
}

/**
 * The public half as PEM, or why the key can't be used. Asked once and then verified with here: KMS
 * itself refuses the longer salt, and more than 4,096 bytes. {@link TransientError} when KMS fails.
 */
export async function kmsPublicKey(
  key: string,
  client = kmsClient(key),
): Promise<string | KeyProblem> {
  const found = await publicKeyFor(ALGORITHM, 'an RSA key', key, client);
  return 'problem' in found ? found : found.export({ type: 'spki', format: 'pem' }).toString();
}

async function publicKeyFor(
  algorithm: string,
  needed: string,
  key: string,
  client: KMSClient,
): Promise<KeyObject | KeyProblem> {
  let found: GetPublicKeyCommandOutput;
  try {
    found = await client.send(new GetPublicKeyCommand({ KeyId: key }));
  } catch (error) {
    return refusal(error, key);
  }
  if (found.KeyUsage !== 'SIGN_VERIFY') return { problem: 'it is not a key for signatures' };
  const algorithms: readonly string[] = found.SigningAlgorithms ?? [];
  if (!algorithms.includes(algorithm) || found.PublicKey === undefined)
    return { problem: `it can't sign with ${algorithm}: ${needed} is needed` };
  const der = Buffer.from(found.PublicKey);
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return { problem: 'KMS answered with something that is no public key' };
  }
}

/** A signature. {@link ConfigError} where the key can't, {@link TransientError} where KMS fails. */
export async function kmsSign(
  key: string,
  data: Uint8Array,
  client: KMSClient,
): Promise<Uint8Array> {
  return signWith(client, {
    KeyId: key,
    // KMS takes at most 4,096 bytes of a message, and its digest at any length.
    Message: createHash('sha256').update(data).digest(),
    MessageType: 'DIGEST',
    SigningAlgorithm: ALGORITHM,
  });
}

async function signWith(client: KMSClient, input: SignCommandInput): Promise<Uint8Array> {
  const key = input.KeyId ?? '';
  const answer = await client.send(new SignCommand(input)).catch((error: unknown) => {
    const { problem } = refusal(error, key);
    throw new ConfigError('KEYS_UNUSABLE', [`${key}: ${problem.replace('GetPublicKey', 'Sign')}`], {
      cause: error,
    });
  });
  if (answer.Signature === undefined)
    throw new TransientError('KMS_FAILED', `${key}: KMS sent no signature`);
  return answer.Signature;
}

/** A key of KMS as a signer. {@link ConfigError} where it can't be one, {@link TransientError} where KMS fails. */
export async function kmsSigner(key: string, client = kmsClient(key)): Promise<Signer> {
  const pem = await kmsPublicKey(key, client);
  const verifying = typeof pem === 'string' ? readVerifyingKey(pem) : pem;
  if ('problem' in verifying)
    throw new ConfigError('KEYS_UNUSABLE', [`${key}: ${verifying.problem}`]);
  return {
    kid: verifying.kid,
    sign: (data) => kmsSign(key, data, client),
  };
}

/**
 * An Ed25519 key of KMS as what signs the checkpoints of the log of that origin. {@link ConfigError}
 * where it can't be, {@link TransientError} where KMS fails.
 */
export async function kmsTlogSigner(
  key: string,
  origin: string,
  client = kmsClient(key),
): Promise<TlogSigner> {
  const found = await publicKeyFor(TLOG_ALGORITHM, 'a key of ECC_NIST_EDWARDS25519', key, client);
  const verifier = 'problem' in found ? found : tlogKeyOf(found, origin);
  if ('problem' in verifier)
    throw new ConfigError('KEYS_UNUSABLE', [`${key}: ${verifier.problem}`]);
  return {
    key: verifier,
    // PureEdDSA takes the message, which a checkpoint's text is short enough for.
    sign: (text) =>
      signWith(client, {
        KeyId: key,
        Message: Buffer.from(text),
        MessageType: 'RAW',
        SigningAlgorithm: TLOG_ALGORITHM,
      }),
  };
}

function refusal(error: unknown, key: string): KeyProblem {
  const code = failureCode(error);
  const problem = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  if (problem !== undefined) return { problem };
  const missing = credentialsMissing(error);
  if (missing !== null) throw missing;
  throw new TransientError('KMS_FAILED', `KMS could not be asked for ${key} (${code}); try again`, {
    cause: error,
  });
}
