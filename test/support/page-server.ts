import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransientError } from '../../lib/errors.ts';
import type { ReadEnvelope } from '../../lib/evidence.ts';
import type { Graph } from '../../lib/graph/connection.ts';
import { problem } from '../../lib/http/problem.ts';
import { ROUTES } from '../../lib/http/routes.ts';
import { server, type Serve } from '../../lib/http/serve.ts';
import { listen, type LocalServer } from '../../lib/local/listen.ts';
import { buildPage } from '../../lib/page/build.ts';
import { pageFiles, type ServeFile } from '../../lib/page/files.ts';

/** Page and API as `custody start` serves them; both the server and its database can be taken away. */
export class PageServer {
  readonly url: string;
  readonly failures: unknown[] = [];
  hasDatabase = true;
  readonly #folder: string;
  readonly #files: ServeFile;
  readonly #serve: Serve;
  #web: LocalServer;

  static async start(graph: Graph, readEnvelope: ReadEnvelope): Promise<PageServer> {
    const failures: unknown[] = [];
    const answered = server({
      routes: ROUTES,
      graph: () => Promise.resolve(graph),
      readEnvelope,
      ring: () => Promise.resolve([]),
      onFailure: (error) => failures.push(error),
    });
    const folder = mkdtempSync(join(tmpdir(), 'custody-page-'));
    await buildPage(folder);
    const files = await pageFiles(folder);
    const started: { it?: PageServer } = {};
    const serve: Serve = async (request) =>
      started.it?.hasDatabase === false
        ? problem(
            new TransientError('DATABASE_UNREACHABLE', 'the database is gone'),
            request.requestId,
          )
        : answered(request);
    const web = await listen(serve, files, 0);
    started.it = new PageServer(folder, files, serve, web, failures);
    return started.it;
  }

  private constructor(
    folder: string,
    files: ServeFile,
    serve: Serve,
    web: LocalServer,
    failures: unknown[],
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#serve = serve;
    this.#web = web;
    this.url = web.url;
    this.failures = failures;
  }

  async stop(): Promise<void> {
    await this.#web.close();
  }

  /** At the same address as before. */
  async startAgain(): Promise<void> {
    this.#web = await listen(this.#serve, this.#files, Number(new URL(this.url).port));
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
