import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { readVerifyingKey, type VerifyingKey } from '../lib/trust/keys.ts';
import { sealed } from '../lib/trust/sign.ts';

export const MODELS = 100;
/** Models that use no dataset, beside those that do. */
export const ORPHANS = 10;
const DATASETS = 50;
/** So many are signed at once, on Node's own threads. */
const SIGNED_AT_ONCE = 1_000;
const BEGAN = Date.UTC(2025, 0, 1);

const FOLDER = join('.custody', 'bench', 'logs');

/** What signed the logs, and where its public half lies. */
interface LogKey {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
  readonly publicPath: string;
  readonly key: VerifyingKey;
}

/** Made once, so that logs which were signed for another run are still good. */
export function logKey(): LogKey {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, 'key.pem');
  if (!existsSync(path)) {
    const made = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    writeFileSync(path, made.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  }
  const privateKey = createPrivateKey(readFileSync(path));
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const publicPath = join(FOLDER, 'public.pem');
  writeFileSync(publicPath, publicPem);
  const key = readVerifyingKey(publicPem);
  if ('problem' in key) throw new Error(key.problem);
  return { privateKey, publicPem, publicPath, key };
}

/** What stands in front of the inferences. */
export const FIRST_LINES = DATASETS + MODELS;

/**
 * A log of datasets, models and so many inferences, in lines of so many bytes; the path of the file.
 * Each signature is half a millisecond of a core, so it is kept for the next run.
 */
export async function signedLog(inferences: number, lineBytes: number): Promise<string> {
  const { privateKey } = logKey();
  const path = join(FOLDER, `${inferences}-${lineBytes}.jsonl`);
  if (existsSync(path)) return path;
  const fresh = `${path}.${process.pid}`;
  await using file = await open(fresh, 'w');
  const write = (records: readonly object[]): Promise<void> =>
    signedLines(records, privateKey, 'max').then((lines) => file.appendFile(lines.join('')));
  await write([...datasets(), ...models(0, 1)]);
  const plain = await signedLines([inference(0, MODELS)], privateKey, 'max');
  const padding = Math.max(0, lineBytes - (plain[0]?.length ?? 0));
  for (let at = 0; at < inferences; at += SIGNED_AT_ONCE) {
    const count = Math.min(SIGNED_AT_ONCE, inferences - at);
    await write(Array.from({ length: count }, (_, of) => inference(at + of, MODELS, padding)));
  }
  await rename(fresh, path);
  return path;
}

/** The first lines of a log, as a log of its own; the path of the file. */
export async function beginning(log: string, lines: number): Promise<string> {
  const path = log.replace('.jsonl', `-first-${lines}.jsonl`);
  if (existsSync(path)) return path;
  const taken: string[] = [];
  for await (const line of createInterface({ input: createReadStream(log) })) {
    if (taken.push(`${line}\n`) === lines) break;
  }
  await open(`${path}.${process.pid}`, 'w').then(async (file) => {
    await file.appendFile(taken.join(''));
    await file.close();
  });
  await rename(`${path}.${process.pid}`, path);
  return path;
}

const signed = promisify(sign);

/** Signs on Node's own threads; a salt of the key's maximum is what Python signs with. */
export async function signedLines(
  records: readonly object[],
  privateKey: KeyObject,
  salt: 'digest' | 'max',
): Promise<string[]> {
  const lines: string[] = [];
  for (let at = 0; at < records.length; at += SIGNED_AT_ONCE)
    lines.push(
      ...(await Promise.all(
        records.slice(at, at + SIGNED_AT_ONCE).map(async (record) => {
          const text = JSON.stringify(record);
          const signature = await signed('sha256', Buffer.from(text), {
            key: privateKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength:
              salt === 'max'
                ? constants.RSA_PSS_SALTLEN_MAX_SIGN
                : constants.RSA_PSS_SALTLEN_DIGEST,
          });
          return `${sealed(text, signature)}\n`;
        }),
      )),
    );
  return lines;
}

export function inferenceId(index: number): string {
  return `inference-${index}`;
}

export function modelName(index: number): string {
  return `model-${index}`;
}

export function datasets(): object[] {
  return Array.from({ length: DATASETS }, (_, index) => ({
    type: 'dataset',
    hash: `dataset-${index}`,
    path: `s3://data/${index}.parquet`,
    timestamp: timestamp(0),
  }));
}

/** The last so many of them use no dataset. */
export function models(orphans: number, datasetsOfModel: number): object[] {
  return Array.from({ length: MODELS + orphans }, (_, index) => ({
    type: 'model',
    model_name: modelName(index),
    git_commit: 'c',
    dataset_hashes:
      index >= MODELS
        ? []
        : Array.from({ length: datasetsOfModel }, (__, of) => `dataset-${(index + of) % DATASETS}`),
    timestamp: timestamp(0),
  }));
}

/** Without padding its line has about 715 bytes. */
export function inference(index: number, ofModels: number, padding = 0): object {
  return {
    type: 'inference',
    id: inferenceId(index),
    model_name: modelName(index % ofModels),
    input: { applicant: index, text: 'x'.repeat(120 + padding) },
    output: { score: index / 7 },
    timestamp: timestamp(index + 1),
  };
}

/** One second after the other. */
function timestamp(second: number): string {
  return new Date(BEGAN + second * 1000).toISOString();
}
