import { rename, writeFile } from 'node:fs/promises';

/** Writes so that a reader sees the whole text or the text before it. */
export async function writeWhole(file: string, text: string, mode = 0o644): Promise<void> {
  const fresh = `${file}.${process.pid}.tmp`;
  await writeFile(fresh, text, { mode });
  await rename(fresh, file);
}
