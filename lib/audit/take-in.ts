import { randomInt } from 'node:crypto';
import { PoisonObjectError } from '../errors.ts';
import { verdictName, type Archive } from '../ingest/archive.ts';
import { formatJudged, judge, parseJudged, type Judged, type Options } from '../ingest/judge.ts';
import { parseVerdict, type Rules } from '../ingest/verdict.ts';
import type { Identity } from '../object/stored.ts';
import { factsOf, formatFact } from './facts.ts';
import { Sorting, toMerge, type Runs } from './runs.ts';
import type { AuditState, Source } from './state.ts';

/** What the archive holds, held against what was taken in before. */
export interface TakenIn {
  /** Every log that is archived now was taken in. */
  readonly isWhole: boolean;
  /** Logs that were taken in just now, each under one verdict. */
  readonly fresh: number;
  /** Logs that were taken in once and are not in the archive any more. */
  readonly missing: readonly string[];
  /** Logs without a verdict: nothing was written of them, or their verdict was taken away. */
  readonly withoutVerdict: readonly string[];
}

/**
 * Reads each archived log that was not read before, by the verdict beside it and not by today's keys,
 * and keeps what it says as sorted facts. What was saved is never half a log: one that is left in its
 * midst is gone on with.
 */
export async function takeIn(
  archive: Archive,
  state: AuditState,
  runs: Runs,
  isTimeUp: () => boolean,
): Promise<TakenIn> {
  const logs = new Set<string>();
  const verdicts = new Map<string, { log: string; parked: string | null; at: number }>();
  for await (const { name, at } of archive.list()) {
    const verdict = verdictName(name);
    if (verdict !== null) verdicts.set(nameOf(verdict), { ...verdict, at });
    else if (/^[0-9a-f]{64}$/.test(name)) logs.add(name);
  }
  const known = new Set(state.sources.map(nameOf));
  const missing = new Set(state.sources.map(({ log }) => log).filter((log) => !logs.has(log)));
  const judged = new Set([...verdicts.values()].map(({ log }) => log));
  const intake = new Intake(archive, state, runs, isTimeUp);
  let fresh = 0;
  let isWhole = true;
  for (const verdict of [...verdicts.values()].sort((a, b) => a.at - b.at)) {
    if (known.has(nameOf(verdict)) || !logs.has(verdict.log)) continue;
    isWhole = await intake.read(verdict);
    if (!isWhole) break;
    fresh += 1;
  }
  await intake.flush();
  return {
    isWhole,
    fresh,
    missing: [...missing],
    withoutVerdict: [...logs].filter((log) => !judged.has(log)),
  };
}

/** The key of a log's progress, and what tells a source apart. */
export function nameOf({ log, parked }: Pick<Source, 'log' | 'parked'>): string {
  return parked === null ? log : `${log}:${parked}`;
}

/** Runs have numbers that no other audit beside this one gives to its own. */
const MAX_RUN = 2 ** 47;

class Intake {
  readonly #archive: Archive;
  readonly #state: AuditState;
  readonly #runs: Runs;
  readonly #isTimeUp: () => boolean;
  readonly #sorting = new Sorting();

  constructor(archive: Archive, state: AuditState, runs: Runs, isTimeUp: () => boolean) {
    this.#archive = archive;
    this.#state = state;
    this.#runs = runs;
    this.#isTimeUp = isTimeUp;
  }

  /** False where the time was up before its end; nothing of it counts as read then, and the next turn goes on. */
  async read(name: { log: string; parked: string | null; at: number }): Promise<boolean> {
    const { log, parked, at: archivedAt } = name;
    const text = await this.#archive.verdict({ log, parked });
    const rules = text === null ? null : parseVerdict(text);
    const archived = await this.#archive.open(log);
    if (rules === null || archived === null) {
      this.#keep({
        ...EMPTY,
        log,
        parked,
        archivedAt,
        problem: 'its verdict or its bytes can’t be read',
      });
      return true;
    }
    const isTimeUp = (): boolean => this.#sorting.isFull || this.#isTimeUp();
    const { address, now } = rules.circumstances;
    const under = { ...rules.options, address, clock: () => now } as const;
    const options: Options = { ...under, onBadLine: 'quarantine', maxKeptBytes: 0, isTimeUp };
    const { reading } = this.#state.at;
    const isGoneOn = reading !== null && reading.log === log && reading.parked === parked;
    let before = isGoneOn ? parseJudged(reading.judged, options) : null;
    const number = this.#state.sources.length;
    let [good, last] = isGoneOn && before !== null ? [reading.good, reading.last] : [0, EMPTY.last];
    try {
      for (;;) {
        const judged = await judge(archived, options, before, (verified) => {
          good += 1;
          const { line, offset } = verified.location;
          last = { line, offset };
          for (const fact of factsOf(verified, number))
            this.#sorting.add(formatFact(fact, this.#state.at.kids));
        });
        if (judged.isWhole) {
          this.#end({ log, parked, archivedAt }, archived.identity(), judged, {
            rules,
            good,
            last,
          });
          if (this.#sorting.isFull) await this.flush();
          return true;
        }
        const rest = formatJudged(judged, options);
        this.#state.at.reading = { log, parked, judged: rest, good, last };
        before = parseJudged(rest, options);
        await this.flush();
        if (this.#isTimeUp()) return false;
      }
    } catch (error) {
      if (!(error instanceof PoisonObjectError)) throw error;
      this.#state.at.reading = null;
      this.#keep({ ...EMPTY, log, parked, archivedAt, problem: error.message });
      return true;
    }
  }

  #end(
    name: Pick<Source, 'log' | 'parked' | 'archivedAt'>,
    { sha256, bytes }: Identity,
    { rejectedTotal, refusals, next, tree, kids: signers }: Judged,
    { rules, good, last }: Pick<Source, 'good' | 'last'> & { readonly rules: Rules },
  ): void {
    const refused = rejectedTotal === 0 ? null : refusals;
    const problem =
      sha256 !== name.log
        ? 'the archive holds other bytes under its name'
        : refused !== name.parked
          ? 'its verdict does not hold: other lines of it are refused'
          : null;
    const kids = rules.options.keys.map(({ kid }) => kid);
    this.#state.at.reading = null;
    this.#keep({
      ...name,
      bytes,
      lines: next.number - 1,
      good,
      kids,
      signers: [...signers],
      root: tree.root(),
      last,
      problem,
      isDone: false,
    });
  }

  /** What was read becomes a run, and what is known of it is saved. */
  async flush(): Promise<void> {
    const { at } = this.#state;
    if (!this.#sorting.isEmpty) {
      const number = randomInt(MAX_RUN);
      await this.#runs.write(number, this.#sorting.take());
      at.runs = [...at.runs, { number, level: 0 }];
    }
    for (let old = toMerge(at.runs); old.length > 0; old = toMerge(at.runs)) {
      const level = Math.max(...old.map((run) => run.level)) + 1;
      const number = randomInt(MAX_RUN);
      await this.#runs.write(number, this.#runs.from(old, ''));
      at.runs = [...at.runs.filter((run) => !old.includes(run)), { number, level }];
    }
    await this.#state.save();
  }

  #keep(source: Source): void {
    this.#state.sources.push(source);
  }
}

const EMPTY = {
  bytes: 0,
  lines: 0,
  good: 0,
  kids: [],
  signers: [],
  root: null,
  last: { line: 0, offset: 0 },
  problem: null,
  isDone: false,
} satisfies Partial<Source>;
