import { resolve } from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { DEPTH } from './test/support/depth.ts';
import { LongestFirst } from './test/support/longest-first.ts';
import { IS_LEFT_OUT, NEWER, ON_NEWER } from './test/support/newer-neo4j.ts';

// What the tests start lives for seconds: it shall start soon rather than get faster and faster. Of two
// cores that several servers share, the simplest collector takes least.
process.env['JAVA_TOOL_OPTIONS'] ??= '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';
process.env['NODE_COMPILE_CACHE'] ??= resolve('.custody/compile-cache');

const LIVE = ['test/**/*.live.test.ts'];
const WEB = ['test/**/*.web.test.ts'];
const E2E = ['test/**/*.e2e.test.ts'];
/** Takes minutes to build, and says the same each time. */
const FULL_ONLY = ['test/tlog/verifiers.e2e.test.ts'];

const project = (
  name: string,
  include: readonly string[],
  test: TestProjectInlineConfiguration['test'] = {},
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include: [...include], ...test },
});

export default defineConfig({
  test: {
    reporters: ['default', './test/support/reporter.ts'],
    pool: 'forks',
    globalSetup: ['test/support/neo4j-servers.ts'],
    testTimeout: 480_000,
    hookTimeout: 600_000,
    // Each of them waits for a server, a browser or an emulator half of its time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('e2e', E2E, DEPTH === 'full' ? {} : { exclude: FULL_ONLY }),
      project('live', LIVE),
      ...(DEPTH === 'full' && !IS_LEFT_OUT
        ? [
            project('live-newer', ON_NEWER, {
              // Whether it plans and answers alike takes fewer random sets than what is right.
              env: { CUSTODY_TEST_NEO4J: NEWER, CUSTODY_TEST_DEPTH: 'quick' },
            }),
          ]
        : []),
      project('unit', ['test/**/*.test.ts'], { exclude: [...LIVE, ...WEB, ...E2E] }),
      project('web', WEB),
    ],
  },
});
