import { readFile } from 'node:fs/promises';
import { hasCode } from '../errors.ts';

/** The bytes of a file; null where there is none of that name. */
export async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
    throw error;
  }
}
