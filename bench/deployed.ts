import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ingestEnvironment, notification, sqsEvent } from '../test/support/lambda.ts';
import { StubAws } from '../test/support/stub-aws.ts';
import { ran } from './accounts.ts';
import { logKey } from './logs.ts';
import type { Server } from './server.ts';

/** Messages that one invocation is given, as serverless.yml has it. */
const MESSAGES = 1;

/** What the containers took; `peakMegabytes` is the most that one of them held. */
interface WorkedOff {
  readonly milliseconds: number;
  readonly clientMs: number;
  readonly peakMegabytes: number;
}

/** The bundled `ingest` over a stub of AWS on this machine: each container is a process of its own. */
export class Deployed {
  readonly #bundles = mkdtempSync(join(tmpdir(), 'custody-bundle-'));
  readonly #aws: StubAws;
  readonly #server: Server;

  private constructor(aws: StubAws, server: Server) {
    this.#aws = aws;
    this.#server = server;
  }

  static async at(server: Server): Promise<Deployed> {
    const deployed = new Deployed(await StubAws.start(), server);
    const root = join(import.meta.dirname, '..');
    const build = [join(root, 'scripts/build.ts'), '--out', deployed.#bundles];
    execFileSync(process.execPath, build, { cwd: root });
    return deployed;
  }

  async close(): Promise<void> {
    await this.#aws.close();
    rmSync(this.#bundles, { recursive: true });
  }

  /** Objects that are dropped and worked off, from the first container's start to the last one's end. */
  async worksOff(objects: readonly Uint8Array[], containers: number): Promise<WorkedOff> {
    this.#aws.objects.clear();
    const messages = objects.map((bytes, index) => {
      const key = `${index}.jsonl`;
      return notification('logs', key, this.#aws.put(`logs/${key}`, bytes));
    });
    const events = Array.from({ length: Math.ceil(messages.length / MESSAGES) }, (_, index) =>
      sqsEvent(messages.slice(index * MESSAGES, (index + 1) * MESSAGES), 1),
    );
    const start = performance.now();
    const all = await Promise.all(
      Array.from({ length: containers }, (_, nth) =>
        this.#container(events.filter((__, at) => at % containers === nth)),
      ),
    );
    return {
      milliseconds: performance.now() - start,
      // Of all that ended meanwhile: the last one's account has them all.
      clientMs: Math.max(...all.map(({ cpuMs }) => cpuMs)),
      peakMegabytes: Math.max(...all.map(({ peakMegabytes }) => peakMegabytes)),
    };
  }

  #container(events: readonly object[]): ReturnType<typeof ran> {
    const program = [join(import.meta.dirname, 'container.ts'), join(this.#bundles, 'ingest.mjs')];
    return ran([process.execPath, ...program], {
      env: {
        ...ingestEnvironment(this.#aws, this.#server.login, logKey().publicPem),
        // As serverless.yml has it.
        NODE_OPTIONS: '--enable-source-maps --max-semi-space-size=4',
        POWERTOOLS_LOG_LEVEL: 'ERROR',
        POWERTOOLS_METRICS_DISABLED: 'true',
      },
      stdin: JSON.stringify(events),
    });
  }
}
