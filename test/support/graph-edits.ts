import { isDateTime } from 'neo4j-driver';
import type { Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import type { Row } from '../../lib/graph/rows.ts';

/** An edit that somebody makes by hand, and the things that it is about: identities, or parts of one. */
export interface Edit {
  readonly what: string;
  readonly about: readonly string[];
}

/** Of which nothing outside the graph tells, or of which the place in time is nobody's word. */
const FREE: Readonly<Record<string, readonly string[]>> = {
  Log: ['version', 'firstSeenAt'],
  SourceObject: [
    'firstSeenAt',
    'lastSeenAt',
    'sentAt',
    'rejections',
    'problem',
    'problemCode',
    'judged',
  ],
  Progress: ['openedBy'],
};

const LABELS = [
  'Dataset',
  'Model',
  'Inference',
  'Record',
  'PendingLink',
  'Stretch',
  'Log',
  'Progress',
  'SourceObject',
];

const TYPES = ['USED_IN', 'GENERATED', 'ASSERTS', 'SIGNED_IN', 'PART_OF', 'OF', 'CARRIED'];

/** Names of a node, by which a difference is known to be about it. */
const IDENTITY = `[x IN [n.hash, n.name, n.commit, n.id, n.digest, n.sha256, n.uri, n.key, n.log, n.kid] WHERE x IS NOT NULL | toString(x)]`;

/** Makes one edit, chosen by `pick`; null where the graph has nothing for it. */
export async function editByHand(
  graph: Graph,
  pick: (below: number) => number,
): Promise<Edit | null> {
  const run = (statement: string, parameters: Row = {}): Promise<Row[]> =>
    graph[database].run(statement, parameters);
  const one = async (statement: string): Promise<Row | null> => {
    const found = await run(statement);
    return found[pick(Math.max(found.length, 1))] ?? null;
  };
  const label = LABELS[pick(LABELS.length)] ?? 'Dataset';
  const type = TYPES[pick(TYPES.length)] ?? 'USED_IN';
  const node = await one(`MATCH (n:${label}) ${label === 'Stretch' ? 'WHERE n.count > 0' : ''}
    OPTIONAL MATCH (n)--(o) WITH n, o ${label === 'Progress' ? '' : 'WHERE false OR true'}
    WITH n, collect(o.sha256) AS near
    RETURN elementId(n) AS element, n {.*} AS properties, ${IDENTITY} + near AS about ORDER BY about`);
  const edge = await one(`MATCH (n)-[r:${type}]->(m) WITH n, m, r, ${IDENTITY} AS first
    WITH r, m AS n, first RETURN elementId(r) AS element, r {.*} AS properties, first + ${IDENTITY} AS about ORDER BY about`);
  switch (pick(6)) {
    case 0: {
      if (node === null) return null;
      const properties = node['properties'] as Row;
      const names = Object.keys(properties)
        .filter((name) => !(FREE[label] ?? []).includes(name))
        .sort();
      const name = names[pick(names.length)] ?? 'hash';
      const isTaken = [
        'hash',
        'name',
        'commit',
        'id',
        'digest',
        'sha256',
        'uri',
        'key',
        'log',
        'number',
        'kid',
      ].includes(name);
      const value = properties[name];
      const changed = isDateTime(value) ? null : otherThan(value);
      const set = changed === null ? `datetime('1999-01-01T00:00:00Z')` : '$changed';
      await run(`MATCH (n) WHERE elementId(n) = $element SET n.\`${name}\` = ${set}`, {
        element: node['element'],
        changed,
      });
      const after = isTaken ? [String(changed)] : [];
      return {
        what: `${label}.${name} changed`,
        about: [...(node['about'] as string[]), ...after],
      };
    }
    case 1: {
      if (node === null) return null;
      const names = Object.keys(node['properties'] as Row)
        .filter((name) => !(FREE[label] ?? []).includes(name))
        .sort();
      const name = names[pick(names.length)] ?? 'hash';
      await run(`MATCH (n) WHERE elementId(n) = $element REMOVE n.\`${name}\``, {
        element: node['element'],
      });
      return {
        what: `${label}.${name} removed`,
        about: [...(node['about'] as string[]), String(node['element'])],
      };
    }
    case 2: {
      if (node === null) return null;
      await run('MATCH (n) WHERE elementId(n) = $element SET n.forged = true', {
        element: node['element'],
      });
      return { what: `${label}.forged added`, about: node['about'] as string[] };
    }
    case 3: {
      if (node === null || label === 'SourceObject') return null;
      await run('MATCH (n) WHERE elementId(n) = $element DETACH DELETE n', {
        element: node['element'],
      });
      return { what: `${label} deleted`, about: node['about'] as string[] };
    }
    case 4: {
      if (edge === null) return null;
      await run('MATCH ()-[r]->() WHERE elementId(r) = $element DELETE r', {
        element: edge['element'],
      });
      return { what: `${type} deleted`, about: edge['about'] as string[] };
    }
    default: {
      if (edge === null) return null;
      const made = await run(
        `MATCH (n)-[r:${type}]->() WHERE elementId(r) = $element
        MATCH (m) WHERE NOT m:Schema AND NOT m:WriteLock
        WITH n, m, r ORDER BY elementId(m) SKIP $skip LIMIT 1
        CREATE (n)-[x:${type}]->(m) SET x = properties(r)
        WITH m AS n, x RETURN ${IDENTITY} + [elementId(x)] AS about`,
        { element: edge['element'], skip: BigInt(pick(8)) },
      );
      if (made[0] === undefined) return null;
      return {
        what: `${type} added`,
        about: [...(edge['about'] as string[]), ...(made[0]['about'] as string[])],
      };
    }
  }
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value} changed`;
  if (typeof value === 'number') return BigInt(value + 1);
  if (typeof value === 'boolean') return !value;
  return ['changed'];
}
