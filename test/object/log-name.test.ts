import { expect, test } from 'vitest';
import { whyNoLog } from '../../lib/object/log-name.ts';

test.each(['a.jsonl', 'a.jsonl.gz', 'logs/2026/a b.jsonl', 'tmp.jsonl', 'part/~a.jsonl'])(
  '%s can be the name of a log',
  (name) => {
    expect(whyNoLog(name)).toBeNull();
  },
);

test.each([
  ['.a.jsonl', 'hidden'],
  ['.git/a.jsonl', 'hidden'],
  ['.DS_Store', 'hidden'],
  ['.a.jsonl.swp', 'hidden'],
  ['a.jsonl.tmp', 'still being written'],
  ['a.jsonl.part', 'still being written'],
  ['out/_temporary/0/a.jsonl', 'still being written'],
  ['a.jsonl~', 'editor'],
  ['#a.jsonl#', 'editor'],
  ['~$a.jsonl', 'editor'],
  ['logs/', 'folder'],
  ['a.json', 'does not end'],
  ['a.jsonl.zst', 'does not end'],
  ['a.JSONL', 'does not end'],
  ['4913', 'does not end'],
  ['', 'folder'],
])('%j can’t be the name of a log, since it is of another kind: %s', (name, why) => {
  expect(whyNoLog(name)).toContain(why);
});
