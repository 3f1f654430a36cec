import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envelopeReader, type ReadEnvelope } from '../../lib/evidence.ts';
import type { Graph } from '../../lib/graph/connection.ts';
import { GraphWriter } from '../../lib/graph/write/writer.ts';
import type { Archive } from '../../lib/ingest/archive.ts';
import { ingestObject } from '../../lib/ingest/ingest.ts';
import { spellReceipt, type Receipt } from '../../lib/ingest/receipt.ts';
import type { Stores } from '../../lib/ingest/stores.ts';
import { localArchive } from '../../lib/local/log-archive.ts';
import { storedFile } from '../../lib/object/file.ts';
import { signRecord } from '../../lib/trust/sign.ts';
import { testKey, type TestKey } from './test-key.ts';

/** Signed logs as files of a folder, brought into the graph the way that every log comes. */
export class SignedLogs {
  readonly signer: TestKey = testKey();
  readonly folder = mkdtempSync(join(tmpdir(), 'custody-'));
  readonly archive: Archive = localArchive(join(this.folder, 'archive'));
  readonly readEnvelope: ReadEnvelope = envelopeReader(this.archive, () =>
    Promise.resolve([this.signer.key]),
  );
  /** Receipts in their one spelling, by the URIs of their objects. */
  readonly receipts = new Map<string, string>();
  readonly #stores: Stores;
  #logs = 0;

  constructor(graph: Graph) {
    this.#stores = { sink: new GraphWriter(graph), archive: this.archive };
  }

  /** A record is an object, or its very text where that is no JSON of JavaScript. */
  async bring(records: readonly (object | string)[], signer = this.signer): Promise<Receipt> {
    const path = this.write(records, signer);
    const keys = [signer.key];
    const receipt = await ingestObject(storedFile(path), this.#stores, {
      keys,
      onBadLine: 'reject',
    });
    if (receipt.status !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(receipt)}`);
    this.receipts.set(receipt.object, spellReceipt(receipt));
    return receipt;
  }

  /** The path of the log; nothing reads it yet. */
  write(records: readonly (object | string)[], signer = this.signer): string {
    const path = join(this.folder, `log-${(this.#logs += 1)}.jsonl`);
    const texts = records.map((of) => (typeof of === 'string' ? of : JSON.stringify(of)));
    const lines = texts.map((text) => `${signRecord(text, signer.privateKey, 'max')}\n`);
    writeFileSync(path, lines.join(''));
    return path;
  }

  /** Where the archive keeps a log. */
  archived(sha256: string): string {
    return join(this.folder, 'archive', sha256);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
