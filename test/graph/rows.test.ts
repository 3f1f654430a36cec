import neo4j from 'neo4j-driver';
import { expect, test } from 'vitest';
import {
  count,
  flag,
  instant,
  json,
  maybe,
  node,
  nodes,
  only,
  text,
  texts,
  time,
  word,
  type Row,
} from '../../lib/graph/rows.ts';

const AT = new neo4j.types.DateTime(2026, 1, 5, 9, 3, 0, 123_456_789, 0);
const status = word(['open', 'settled']);

/** Each reader with what it takes and what it makes of it. */
const READERS = {
  text: [text, 'a', 'a'],
  count: [count, 7, 7],
  flag: [flag, false, false],
  time: [time, AT, '2026-01-05T09:03:00.123456789Z'],
  instant: [instant, AT, { epochSeconds: 1_767_603_780, nanoseconds: 123_456_789 }],
  texts: [texts, ['a', ''], ['a', '']],
  node: [node, { a: 1 }, { a: 1 }],
  nodes: [nodes, [{ a: 1 }, {}], [{ a: 1 }, {}]],
  json: [json, '{"a":[1]}', { a: [1] }],
  word: [status, 'open', 'open'],
} as const;

/** What a database might answer instead. */
const VALUES: readonly unknown[] = [
  null,
  undefined,
  'secret',
  7,
  -1,
  0.5,
  2 ** 53,
  7n,
  neo4j.int(7),
  true,
  AT,
  [],
  ['secret', 1],
  ['secret', null],
  [{}, 'secret'],
  {},
  new neo4j.types.Node(1, ['Dataset'], { hash: 'secret' }),
];

/** Values of other kinds that a reader takes all the same. */
const TAKEN: Readonly<Record<string, readonly unknown[]>> = {
  text: ['secret'],
  count: [7],
  flag: [true],
  time: [AT],
  instant: [AT],
  texts: [[]],
  node: [{}],
  nodes: [[]],
};

test.each(Object.entries(READERS))(
  'a column that is to be of the kind "%s" is read as it stands',
  (_, [read, value, expected]) => {
    expect(read({ column: value }, 'column')).toEqual(expected);
  },
);

test.each(Object.entries(READERS))(
  'a column that is to be of the kind "%s" and is not is refused by its name, and its value is not quoted',
  (name, [read]) => {
    const isTaken = (value: unknown): boolean =>
      (TAKEN[name] ?? []).some((taken) => JSON.stringify(taken) === JSON.stringify(value));
    const wrong = VALUES.filter((value) => typeof value === 'bigint' || !isTaken(value));
    expect(wrong.length).toBeGreaterThan(VALUES.length - 2);
    for (const value of wrong) {
      const refused = (): unknown => read({ column: value }, 'column');
      expect(refused).toThrow(/^column in the database is not /);
      expect(refused).not.toThrow(/secret/);
    }
  },
);

test('null and a property that a node lacks are null where that may be, and nothing else is', () => {
  expect(maybe(text, { column: null }, 'column')).toBeNull();
  expect(maybe(text, {}, 'column')).toBeNull();
  expect(maybe(text, { column: '' }, 'column')).toBe('');
  expect(maybe(flag, { column: false }, 'column')).toBe(false);
  expect(() => maybe(text, { column: 0 }, 'column')).toThrow('column');
});

test('a statement that answers one row answers neither none nor two', () => {
  const row: Row = { a: 1 };
  expect(only([row])).toBe(row);
  expect(() => only([])).toThrow('no single row');
  expect(() => only([row, row])).toThrow('no single row');
});
