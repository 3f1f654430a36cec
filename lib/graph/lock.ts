import type { ManagedTransaction } from 'neo4j-driver';
import { rows } from './rows.ts';

/** As many transactions may add inferences side by side; whoever needs the graph alone takes them all. */
export const SLOTS = 8;

const TAKE_SLOT = `
MATCH (w:WriteLock {slot: $slot})
SET w.turn = coalesce(w.turn, 0) + 1
RETURN count(w) AS taken
`;

const TAKE_ALL = `
UNWIND range(1, $slots) AS slot
MATCH (w:WriteLock {slot: slot})
SET w.turn = coalesce(w.turn, 0) + 1
RETURN count(w) AS taken
`;

/** From here to the COMMIT no other transaction that holds a lock reads or writes (docs/graph.md, G-30). */
export async function lockAlone(tx: ManagedTransaction): Promise<void> {
  const [row] = rows(await tx.run(TAKE_ALL, { slots: BigInt(SLOTS) }));
  if (row?.['taken'] !== SLOTS) throw new Error('the write lock lacks slots: run custody migrate');
}

/** From here to the COMMIT others may add inferences too, those of another slot at the same time, and nobody is alone. */
export async function lockShared(tx: ManagedTransaction, slot: number): Promise<void> {
  const [row] = rows(await tx.run(TAKE_SLOT, { slot: BigInt(slot) }));
  if (row?.['taken'] !== 1) throw new Error('the write lock lacks slots: run custody migrate');
}

const TAKE_TURN = `
MATCH (s:Schema {name: 'custody'})
SET s.turn = coalesce(s.turn, 0) + 1
RETURN count(s) AS taken
`;

/** From here to the COMMIT no other transaction reads or writes findings to change them; logs are written beside it. */
export async function lockFindings(tx: ManagedTransaction): Promise<void> {
  const [row] = rows(await tx.run(TAKE_TURN));
  if (row?.['taken'] !== 1) throw new Error('the database has no schema: run custody migrate');
}
