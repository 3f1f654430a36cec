import { isDateTime } from 'neo4j-driver';
import type { Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { node, text, texts, type Row } from '../../lib/graph/rows.ts';

/** An edit that somebody makes by hand; `near` names all that is at most two steps from it. */
export interface Edit {
  readonly what: string;
  readonly near: readonly string[];
}

/** Of which nothing outside the graph tells. */
const FREE: Readonly<Record<string, readonly string[]>> = {
  Log: ['version', 'firstSeenAt'],
  SourceObject: ['uri', 'firstSeenAt', 'lastSeenAt', 'sentAt', 'rejections', 'custody'],
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

const IDENTITY =
  '[x IN [n.hash, n.name, n.commit, n.id, n.digest, n.sha256, n.uri, n.key, n.log, n.kid] WHERE x IS NOT NULL | toString(x)] + [elementId(n)]';

type Pick = (below: number) => number;

/** Makes one edit by chance; null where the graph has nothing for it. */
export async function editByHand(graph: Graph, pick: Pick): Promise<Edit | null> {
  return pick(3) === 0 ? editRelationship(graph, pick) : editNode(graph, pick);
}

async function editNode(graph: Graph, pick: Pick): Promise<Edit | null> {
  const label = LABELS[pick(LABELS.length)] ?? 'Dataset';
  // A stretch that was made ahead and that no signing came to is nobody's word.
  const some = label === 'Stretch' ? 'WHERE n.count > 0' : '';
  const chosen = await oneOf(
    graph,
    `MATCH (n:${label}) ${some} RETURN elementId(n) AS element, n {.*} AS properties ORDER BY element`,
    pick,
  );
  if (chosen === null) return null;
  const element = text(chosen, 'element');
  const near = await nearTo(graph, [element]);
  const names = Object.keys(node(chosen, 'properties')).filter(
    (name) => !(FREE[label] ?? []).includes(name),
  );
  const name = names.sort()[pick(names.length)] ?? 'hash';
  const value = node(chosen, 'properties')[name];
  const changed = isDateTime(value) ? null : otherThan(value);
  const is = 'MATCH (n) WHERE elementId(n) = $element';
  const edits: readonly (readonly [what: string, statement: string])[] = [
    [
      `${label}.${name} changed`,
      `${is} SET n.\`${name}\` = ${changed === null ? "datetime('1999-01-01T00:00:00Z')" : '$changed'}`,
    ],
    [`${label}.${name} removed`, `${is} REMOVE n.\`${name}\``],
    [`${label}.forged added`, `${is} SET n.forged = true`],
    // Which names there were, nothing outside the graph tells.
    label === 'SourceObject'
      ? [`${label}.forged added`, `${is} SET n.forged = 'yes'`]
      : [`${label} deleted`, `${is} DETACH DELETE n`],
  ];
  const [what, statement] = edits[pick(edits.length)] ?? ['', ''];
  await graph[database].run(statement, { element, changed });
  return { what, near: [...near, String(changed)] };
}

async function editRelationship(graph: Graph, pick: Pick): Promise<Edit | null> {
  const type = TYPES[pick(TYPES.length)] ?? 'USED_IN';
  const chosen = await oneOf(
    graph,
    `MATCH (n)-[r:${type}]->(m)
    RETURN elementId(r) AS element, elementId(n) AS n, elementId(m) AS m ORDER BY element`,
    pick,
  );
  if (chosen === null) return null;
  const element = text(chosen, 'element');
  if (pick(2) === 0) {
    const near = await nearTo(graph, [text(chosen, 'n'), text(chosen, 'm')]);
    await graph[database].run('MATCH ()-[r]->() WHERE elementId(r) = $element DELETE r', {
      element,
    });
    return { what: `${type} deleted`, near };
  }
  const other = await oneOf(
    graph,
    'MATCH (n) WHERE NOT n:Schema AND NOT n:WriteLock RETURN elementId(n) AS element ORDER BY element',
    pick,
  );
  if (other === null) return null;
  const near = await nearTo(graph, [text(chosen, 'n'), text(other, 'element')]);
  const [made = {}] = await graph[database].run(
    `MATCH (n)-[r:${type}]->() WHERE elementId(r) = $element
    MATCH (m) WHERE elementId(m) = $other
    CREATE (n)-[x:${type}]->(m) SET x = properties(r) RETURN elementId(x) AS element`,
    { element, other: text(other, 'element') },
  );
  return { what: `${type} added`, near: [...near, text(made, 'element')] };
}

async function oneOf(graph: Graph, statement: string, pick: Pick): Promise<Row | null> {
  const found = await graph[database].run(statement);
  return found[pick(Math.max(found.length, 1))] ?? null;
}

async function nearTo(graph: Graph, elements: readonly string[]): Promise<readonly string[]> {
  const found = await graph[database].run(
    `MATCH (a) WHERE elementId(a) IN $elements
    MATCH (a)-[*0..2]-(n)
    RETURN DISTINCT ${IDENTITY} AS names`,
    { elements },
  );
  return found.flatMap((row) => texts(row, 'names'));
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value} changed`;
  if (typeof value === 'number') return BigInt(value + 1);
  if (typeof value === 'boolean') return !value;
  return ['changed'];
}
