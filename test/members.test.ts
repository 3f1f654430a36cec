import { expect, test } from 'vitest';
import { jsonMembers, membersOf } from '../lib/members.ts';

test('an object’s members are its own, whatever they are called', () => {
  expect(membersOf({ a: 1 })['a']).toBe(1);
  expect(membersOf({ a: 1 })['constructor']).toBeUndefined();
  expect(jsonMembers('{"__proto__":{"a":1}}')['a']).toBeUndefined();
});

test.each([null, undefined, 7, 'text'])('%j has no members', (value) => {
  expect(membersOf(value)).toEqual({});
});

test.each(['', 'no JSON', 'null', '7'])('the text %j has no members', (text) => {
  expect(jsonMembers(text)).toEqual({});
});
