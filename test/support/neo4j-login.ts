import { inject } from 'vitest';
import { EMBEDDED } from '../../lib/local/classpath.ts';
import type { Login } from './lambda.ts';

const version = process.env['CUSTODY_TEST_NEO4J'] ?? EMBEDDED.version;
const worker = process.env['VITEST_POOL_ID'] ?? '1';
const answer = await fetch(`${inject('neo4jServers')}/${version}/${worker}`);
if (!answer.ok) throw new Error(await answer.text());

/** The login to a Neo4j that no other test file uses meanwhile; it is empty but for its schema. */
export const neo4jLogin = (await answer.json()) as Login;
