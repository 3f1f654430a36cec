// Not TypeScript: what strips the types takes longer to load than all that `--help` needs, and of what
// the cache holds there is nothing to strip. The cache lies beside the code that it is made of, so that
// whoever could put something else into it could change the code as well; where it can't be written,
// all is as without it.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'custody'));
await import('./custody.ts');
