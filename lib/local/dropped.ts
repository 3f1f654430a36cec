import { pathToFileURL } from 'node:url';
import { counted } from '../counted.ts';
import { ConfigError, hasCode, OutOfTimeError, TransientError } from '../errors.ts';
import { ingestObject } from '../ingest/ingest.ts';
import type { Receipt } from '../ingest/receipt.ts';
import type { Stores } from '../ingest/stores.ts';
import { fileVersion } from '../object/file.ts';
import type { VerifyingKey } from '../trust/keys.ts';
import { watchBucket, type PassedName } from './bucket.ts';
import { keepReceipt } from './receipts.ts';

/** Where what becomes of dropped files is told. */
export interface DropJournal {
  /** `isNew`: it has a receipt that it did not have before. */
  receipt(name: string, receipt: Receipt, isNew: boolean): void;
  tell(message: string): void;
}

/** What taking dropped files needs. */
export interface DropOptions {
  readonly folder: string;
  readonly receipts: string;
  readonly stores: Stores;
  /** Has a receipt's bytes wait to become a leaf of the tlog. */
  readonly submit: (leaf: Uint8Array) => Promise<void>;
  /** Asked for each file: keys come and go. */
  readonly keys: () => Promise<readonly VerifyingKey[]>;
  readonly journal: DropJournal;
  readonly retryMs: number;
}

/** A bucket whose files are being brought into the graph. */
export interface DroppedFiles {
  /** Takes again what was refused for want of a key, or of what a key may sign. */
  readonly keyCame: () => void;
  /** Resolves when the file that is being taken has been; takes no other. */
  close(): Promise<void>;
}

/**
 * Brings every log that is dropped into `folder` into the graph, and keeps a receipt of each of its
 * contents. What can't be read for a reason that passes is tried again, and told once.
 */
export function takeDropped(options: DropOptions): DroppedFiles {
  const { journal } = options;
  const wantKeys = new Set<string>();
  const delays = new Map<string, string>();
  let passingFails = '';
  const bucket = watchBucket(
    options.folder,
    {
      async take(path, name) {
        wantKeys.delete(path);
        try {
          const receipt = await takeFile(path, name, options);
          delays.delete(path);
          if (wantsKey(receipt)) wantKeys.add(path);
        } catch (error) {
          // It was taken away before it was read.
          if (hasCode(error, 'ENOENT')) return true;
          if (!(error instanceof Error)) throw error;
          const { message } = error;
          if (!passes(error)) {
            journal.tell(`${name}: not read: ${message}`);
            return true;
          }
          if (delays.get(path) !== message)
            journal.tell(
              `${name}: ${message}; it is tried again every ${options.retryMs / 1000} s`,
            );
          delays.set(path, message);
          return false;
        }
        return true;
      },
      async passOver(names) {
        try {
          await tellPassed(names, options);
          passingFails = '';
          return true;
        } catch (error) {
          if (!(error instanceof Error) || !passes(error)) throw error;
          if (passingFails !== error.message)
            journal.tell(`${error.message}; it is tried again every ${options.retryMs / 1000} s`);
          passingFails = error.message;
          return false;
        }
      },
    },
    options.retryMs,
  );
  return {
    keyCame() {
      for (const path of wantKeys) bucket.again(path);
    },
    close: () => bucket.close(),
  };
}

/** Of many at once, those that are told by their names. */
const MAX_TOLD = 3;

/** Tells what was not passed over before, a restart included. */
async function tellPassed(
  names: readonly PassedName[],
  { stores: { sink }, journal }: DropOptions,
): Promise<void> {
  const uriOf = ({ path }: PassedName): string => pathToFileURL(path).href;
  const noted = await sink.passOver(names.map((of) => ({ uri: uriOf(of), why: of.why })));
  const isFresh = new Set(noted.fresh);
  const soFar = `(${noted.total} passed over so far)`;
  const fresh = names.filter((of) => isFresh.has(uriOf(of)));
  for (const { name, why } of fresh.slice(0, MAX_TOLD))
    journal.tell(`${name}: passed over, ${why} ${soFar}`);
  if (fresh.length > MAX_TOLD)
    journal.tell(`and ${counted(fresh.length - MAX_TOLD, 'other name')} ${soFar}`);
}

async function takeFile(
  path: string,
  name: string,
  { stores, keys: load, receipts, submit, journal }: DropOptions,
): Promise<Receipt> {
  const keys = await load();
  const receipt = await ingestObject(await fileVersion(path), stores, {
    keys,
    onBadLine: 'reject',
  });
  const { isNew } = await keepReceipt(receipts, name, receipt, submit);
  journal.receipt(name, receipt, isNew);
  return receipt;
}

/** Of a line whose key is not there nobody can tell whether its signature is a bad one. */
function wantsKey({ rejected }: Receipt): boolean {
  return rejected.some(({ code }) => code === 'SIGNATURE_INVALID' || code === 'KEY_NOT_ALLOWED');
}

function passes(error: Error): boolean {
  return (
    error instanceof TransientError ||
    error instanceof OutOfTimeError ||
    error instanceof ConfigError ||
    // The system says no, as to a file that may not be read or is held open by another program.
    'errno' in error
  );
}
