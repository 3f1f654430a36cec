import { REJECTION_CODES, type Rejection } from '../trust/rejection.ts';
import { count, json, nodes, text, word, type Row } from './rows.ts';

/** Reads refused lines, which are kept as JSON. */
export function rejections(object: Row, column: string): Rejection[] {
  return nodes({ [column]: json(object, column) }, column).map((rejection) => ({
    line: count(rejection, 'line'),
    code: word(REJECTION_CODES)(rejection, 'code'),
    detail: text(rejection, 'detail'),
  }));
}
