import { DEPTH } from './depth.ts';
import { newerJava } from './neo4j-build.ts';

/** The Neo4j that Aura runs. */
export const NEWER = '2026.08.1';

/** What a full run asks of that one, too: what is written, what is answered, and how. */
export const ON_NEWER: readonly string[] = [
  'test/compliance/report.live.test.ts',
  'test/compliance/rules.live.test.ts',
  'test/graph/plans.live.test.ts',
  'test/graph/ask/seed-queries.live.test.ts',
  'test/graph/write/oracle.live.test.ts',
  'test/http/answers.live.test.ts',
  'test/http/paging.live.test.ts',
];

/** True where a full run has to leave that out, for want of a Java; on CI it fails instead. */
export const IS_LEFT_OUT =
  DEPTH === 'full' && process.env['CI'] !== 'true' && newerJava() === undefined;
