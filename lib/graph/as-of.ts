import { NOW } from './place.ts';

/**
 * What held at a time, in Cypher (docs/graph.md, G-20 to G-22): constant parts of statements, put
 * together when they are loaded. Nothing that anybody asks for or that the database says gets into
 * them; the time comes with {@link heldAt}.
 */
function earlierRecord(of: 'd' | 'm'): string {
  return `CALL (${of}) {
  OPTIONAL MATCH (r:Record)-[:ASSERTS]->(${of})
  WHERE ${of}.recordedAt > datetime($asOf) AND r.recordedAt <= datetime($asOf)
  RETURN r {.*} AS record
  ORDER BY r.recordedAt DESC, r.digest DESC
  LIMIT 1
}`;
}

/** Gives `record`: of the dataset `d` the record that held then; null where that is the head. */
export const RECORD_OF_DATASET = earlierRecord('d');

/** The same of the model version `m`. */
export const RECORD_OF_MODEL = earlierRecord('m');

/** True where the edge `u` held then. */
export const IS_DECLARED = `($isNow OR EXISTS {
  MATCH (r:Record)
  WHERE r.digest IN u.evidence AND r.recordedAt <= datetime($asOf)
})`;

/** The digests of the records that had declared the edge `u` by then. */
export const DECLARED_BY = `CASE WHEN $isNow THEN u.evidence ELSE [digest IN u.evidence WHERE EXISTS {
  MATCH (r:Record {digest: digest})
  WHERE r.recordedAt <= datetime($asOf)
}] END`;

/** The parameters of all that; of now everything holds, without being looked up. */
export function heldAt(asOf: string): { readonly asOf: string; readonly isNow: boolean } {
  return { asOf, isNow: asOf === NOW };
}
