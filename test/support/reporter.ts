import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Ends a run with the line that CI reads; what could not even be collected counts as failed. */
export default class ClosingLine implements Reporter {
  #count = { passed: 0, failed: 0, skipped: 0, pending: 0 };

  onInit(): void {
    // On exit, because vitest and the global teardown still print after the last reporter.
    process.once('exit', (code) => {
      const { passed, failed, skipped, pending } = this.#count;
      // A globalSetup that throws reaches no reporter: only the exit code tells.
      const line = `${passed} passed, ${code === 0 ? failed : Math.max(failed, 1)} failed`;
      const tail = skipped + pending > 0 ? `, ${skipped + pending} skipped` : '';
      process.stdout.write(`\n${line}${tail}\n`);
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
