import type { PoisonObjectError } from '../errors.ts';
import type {
  Applied,
  Known,
  LogName,
  LogProgress,
  SourceObject,
} from '../graph/write/object-progress.ts';
import type { Noted, PassedOver } from '../graph/write/passed-over.ts';
import type { Batch } from '../graph/write/writer.ts';
import type { Archive } from './archive.ts';

/** What ingestion needs of a graph; lib/graph/write/writer.ts states the promises. */
export interface GraphSink {
  known(uri: string): Promise<Known>;
  log(log: LogName): Promise<LogProgress | null>;
  apply(batch: Batch, isTimeUp?: () => boolean): Promise<Applied>;
  carry(object: SourceObject, log: LogName, status: 'accepted' | 'partial'): Promise<void>;
  record(
    object: SourceObject,
    status: 'rejected' | 'empty',
    why?: PoisonObjectError,
  ): Promise<void>;
  pause(object: Pick<SourceObject, 'uri' | 'bytes'>, judged: string): Promise<void>;
  abandon(uri: string, why: PoisonObjectError): Promise<boolean>;
  passOver(names: readonly PassedOver[]): Promise<Noted>;
}

/** Where logs go: into the archive first, then into the graph. */
export interface Stores {
  readonly sink: GraphSink;
  readonly archive: Archive;
}
