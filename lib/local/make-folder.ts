import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';

/**
 * Makes a folder and those above it, where they are missing. A relative one is taken from where the
 * process began: asked for one in a working folder that is gone, Node tries for ever.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  await mkdir(resolve(path), { recursive: true, mode });
}
