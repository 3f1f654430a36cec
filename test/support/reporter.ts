import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';
import { DEPTH } from './depth.ts';
import { IS_LEFT_OUT, NEWER, ON_NEWER } from './newer-neo4j.ts';

/** Ends a run with the line that CI reads; what could not even be collected counts as failed. */
export default class ClosingLine implements Reporter {
  #count = { passed: 0, failed: 0, skipped: 0, pending: 0 };

  onInit({ projects }: Vitest): void {
    const isLeftOut = IS_LEFT_OUT && projects.some(({ name }) => name === 'live');
    // On exit, because vitest and the global teardown still print after the last reporter.
    process.once('exit', (code) => {
      const { passed, failed, pending } = this.#count;
      const skipped = this.#count.skipped + (isLeftOut ? ON_NEWER.length : 0);
      // A globalSetup that throws reaches no reporter: only the exit code tells.
      const line = `${passed} passed, ${code === 0 ? failed : Math.max(failed, 1)} failed`;
      const tail = skipped + pending > 0 ? `, ${skipped + pending} skipped` : '';
      const depth = DEPTH === 'full' ? '' : ' (CUSTODY_TEST_DEPTH=full goes ten times as deep)';
      process.stdout.write(`\nDepth: ${DEPTH}${depth}\n`);
      if (isLeftOut)
        process.stdout.write(
          `LEFT OUT: ${ON_NEWER.length} test files on Neo4j ${NEWER}, which needs Java 21 or newer\n`,
        );
      process.stdout.write(`${line}${tail}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    this.#count = count;
  }
}
