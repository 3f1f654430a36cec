import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * All that comes, in a temporary file that only its handle leads to: whatever ends this process ends
 * the file, too. Whoever gets the handle closes it.
 */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void = () => undefined,
): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'custody-'));
  let file: FileHandle;
  try {
    file = await open(join(folder, 'spool'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
  try {
    for await (const chunk of chunks) {
      onChunk(chunk);
      await file.appendFile(chunk);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
