import { randomUUID } from 'node:crypto';
import { readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { EvidenceStore } from '../audit/store.ts';
import { hasCode } from '../errors.ts';
import { makeFolder } from './make-folder.ts';
import { readIfThere } from './read-if-there.ts';

/** A folder, as `.custody`, in place of the evidence bucket. */
export function folderEvidence(folder: string): EvidenceStore {
  return {
    read: (name) => readIfThere(join(folder, name)),
    async write(name, bytes) {
      const file = join(folder, name);
      const fresh = `${file}.${randomUUID()}.tmp`;
      await makeFolder(dirname(file), 0o700);
      await writeFile(fresh, bytes);
      await rename(fresh, file);
    },
    async *list(prefix) {
      const within = join(folder, dirname(`${prefix}x`));
      const names = await readdir(within, { recursive: true, withFileTypes: true }).catch(
        (error: unknown) => {
          if (hasCode(error, 'ENOENT')) return [];
          throw error;
        },
      );
      for (const entry of names) {
        if (!entry.isFile() || entry.name.endsWith('.tmp')) continue;
        const file = join(entry.parentPath, entry.name);
        const name = relative(folder, file).split(sep).join('/');
        if (name.startsWith(prefix)) yield { name, at: (await stat(file)).mtimeMs };
      }
    },
  };
}
