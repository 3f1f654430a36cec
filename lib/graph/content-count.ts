import { count, node, type Row } from './rows.ts';

/** How many different things records say of an entity, as a list tells it. */
export interface ContentCount {
  readonly count: number;
  /** There are more records than were compared: at least so many. */
  readonly isCut: boolean;
}

/** Of an entity's records, so many are compared for a list; the entity's own answer compares all. */
const MOST_COMPARED = 50;

/** In Cypher: of `told`, {@link MOST_COMPARED}, and of those what was claimed by then. */
const FIRST_TOLD = `WITH told
  LIMIT 50
  WITH told
  WHERE told.recordedAt <= datetime($asOf)`;

/** In Cypher: of the dataset `d`, how many records assert it, and how many contents the first fifty of them have. */
export const CONTENTS_OF_DATASET = `{records: COUNT { (d)<-[:ASSERTS]-() }, contents: COUNT {
  MATCH (d)<-[:ASSERTS]-(told:Record)
  ${FIRST_TOLD}
  RETURN DISTINCT told.content
}}`;

/** The same of the version `m`. */
export const CONTENTS_OF_MODEL = `{records: COUNT { (m)<-[:ASSERTS]-() }, contents: COUNT {
  MATCH (m)<-[:ASSERTS]-(told:Record)
  ${FIRST_TOLD}
  RETURN DISTINCT told.content
}}`;

/** The same of the inference `i`: every record is another content, none is later than its head, and one alone has no node. */
export const CONTENTS_OF_INFERENCE = `{records: 0, contents: COUNT { (i)<-[:ASSERTS]-() }}`;

/** The same of `e`, whichever it is. */
export const CONTENTS_OF_ENTITY = `{records: COUNT { (e)<-[:ASSERTS]-() }, contents: COUNT {
  MATCH (e)<-[:ASSERTS]-(told:Record)
  ${FIRST_TOLD}
  RETURN DISTINCT coalesce(told.content, told.digest)
}}`;

/** A member of an item; none where all its records say the same. */
export interface WithContents {
  readonly contents?: ContentCount;
}

/** Of a row, or a map in one, that has its `contents` as one of these constants tells them. */
export function contentsIn(row: Row): WithContents {
  const told = node(row, 'contents');
  const of = count(told, 'contents');
  const isCut = count(told, 'records') > MOST_COMPARED;
  return of > 1 || isCut ? { contents: { count: Math.max(of, 1), isCut } } : {};
}
