import { createHash } from 'node:crypto';
import type { Graph } from '../connection.ts';
import { database } from '../database.ts';
import { lockFindings } from '../lock.ts';

const KEEP_AUDIT = `
MERGE (a:Audit {name: 'graph'})
SET a.pass = $pass, a.startedAt = datetime($startedAt), a.compared = $compared,
  a.complete = $complete, a.unsettled = $unsettled
`;

const KEEP_DIFFERENCES = `
UNWIND $rows AS row
MERGE (d:Difference {key: row.key})
SET d.kind = row.kind, d.identity = row.identity, d.what = row.what, d.says = row.says, d.pass = $pass
`;

// Only a pass that came to its end knows what is mended.
const FORGET_DIFFERENCES = `
MATCH (d:Difference)
WHERE d.key > '' AND d.pass <> $pass
DETACH DELETE d
`;

/** What one audit says; lib/audit/audit.ts makes it. */
export interface KeptAudit {
  readonly pass: number;
  readonly startedAt: string;
  readonly complete: boolean;
  /** Things and relationships that were compared. */
  readonly entities: number;
  readonly relationships: number;
  readonly unsettled: number;
  readonly differences: readonly {
    readonly kind: string;
    readonly identity: readonly string[];
    readonly what: string;
    readonly says: string;
  }[];
}

/** Puts what an audit says into the graph, for the rule `graph-differs`; what it is made from lies elsewhere. */
export async function keepAudit(graph: Graph, audit: KeptAudit): Promise<void> {
  const { pass, startedAt, complete, unsettled, entities, relationships, differences } = audit;
  const numbers = { pass: BigInt(pass), unsettled: BigInt(unsettled) };
  const compared = BigInt(entities + relationships);
  const rows = differences.map(({ kind, identity, what, says }) => {
    const key = createHash('sha256')
      .update(JSON.stringify([kind, identity, what]))
      .digest('hex');
    // An identity is bounded; three of them are more than a finding shows.
    return {
      key,
      kind,
      identity: identity.join(' ').slice(0, 1_000),
      what: what.slice(0, 500),
      says,
    };
  });
  await graph[database].write(async (tx) => {
    await lockFindings(tx);
    await tx.run(KEEP_AUDIT, { ...numbers, startedAt, complete, compared });
    if (rows.length > 0) await tx.run(KEEP_DIFFERENCES, { rows, ...numbers });
    if (complete) await tx.run(FORGET_DIFFERENCES, numbers);
  });
}
