import type { ManagedTransaction } from 'neo4j-driver';
import type { Row } from './rows.ts';

/** The key to {@link Database}: test/layers.test.ts keeps it in lib/graph. */
export const database: unique symbol = Symbol('database');

/** What can be done with statements, which only lib/graph does; it has them as constants. */
export interface Database {
  /**
   * Runs a unit of work that may be run again from its start, even after its COMMIT took effect.
   * {@link OutOfTimeError} when it takes longer than `limitMs`; without one {@link TransientError},
   * after as long as any transaction may take.
   */
  write<T>(work: (tx: ManagedTransaction) => Promise<T>, limitMs?: number): Promise<T>;
  read<T>(work: (tx: ManagedTransaction) => Promise<T>): Promise<T>;
  /**
   * Asks one question in one round trip. {@link OutOfTimeError} when the answer would take longer than
   * one question may.
   */
  ask(statement: string, parameters?: Row): Promise<Row[]>;
  /** Reads with one statement, as patiently as {@link read}, and in one round trip where that did in three. */
  look(statement: string, parameters: Row): Promise<Row[]>;
  /** Runs one statement in a transaction of its own, as schema changes need. */
  run(statement: string, parameters?: Row): Promise<Row[]>;
}
