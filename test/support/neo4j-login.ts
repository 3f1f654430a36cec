import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import { EMBEDDED } from '../../lib/local/classpath.ts';
import type { Login } from './lambda.ts';

const version = process.env['CUSTODY_TEST_NEO4J'] ?? EMBEDDED.version;
const worker = process.env['VITEST_POOL_ID'] ?? '1';

/** A busy machine takes longer to plan a statement that it sees for the first time than a question may. */
export const PATIENT = { questionMs: 60_000 };

/** The login to a Neo4j that no other test file uses meanwhile; it is empty but for its schema. */
export const neo4jLogin = await ask(`${inject('neo4jServers')}/${version}/${worker}`);

// fetch gives up after five minutes, and Maven may take longer to bring the server.
async function ask(url: string): Promise<Login> {
  const [answer] = (await once(get(url), 'response')) as [IncomingMessage];
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(body);
  return JSON.parse(body) as Login;
}
