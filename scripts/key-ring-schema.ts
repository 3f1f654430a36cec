import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { keyRingSchema } from '../lib/key-ring.ts';

// The published schema of a key ring, made of what checks one.
const text = await format(JSON.stringify(keyRingSchema()), { parser: 'json' });
writeFileSync(new URL('../docs/key-ring.schema.json', import.meta.url), text);
