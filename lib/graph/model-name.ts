import { text, type Row } from './rows.ts';

/** A model version: a name and a commit. */
export interface ModelName {
  readonly name: string;
  readonly commit: string;
}

/** The name and commit in a row, or in a map of one. */
export function modelName(row: Row): ModelName {
  return { name: text(row, 'name'), commit: text(row, 'commit') };
}
