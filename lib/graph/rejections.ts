import { count, json, nodes, text, type Row } from './rows.ts';
import type { KeptRejection } from './source-object.ts';

/** Reads refused lines, which are kept as JSON. */
export function rejections(object: Row, column: string): KeptRejection[] {
  return nodes({ [column]: json(object, column) }, column).map((rejection) => ({
    line: count(rejection, 'line'),
    code: text(rejection, 'code'),
    detail: text(rejection, 'detail'),
  }));
}
