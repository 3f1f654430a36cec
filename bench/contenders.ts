import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { database } from '../lib/graph/database.ts';
import { GraphWriter } from '../lib/graph/write/writer.ts';
import { Batches } from '../lib/ingest/batches.ts';
import { ingestObject } from '../lib/ingest/ingest.ts';
import { judge, Lines, type IngestOptions } from '../lib/ingest/judge.ts';
import { localArchive } from '../lib/local/log-archive.ts';
import { storedFile } from '../lib/object/file.ts';
import { openEnvelope } from '../lib/trust/envelope.ts';
import { LineFramer } from '../lib/trust/lines.ts';
import { PassageFramer } from '../lib/trust/passage.ts';
import { isRefusal } from '../lib/trust/rejection.ts';
import { Signers } from '../lib/trust/signers.ts';
import { verifyLines, type VerifiedRecord } from '../lib/trust/verify.ts';
import { pythonTools } from '../test/support/python.ts';
import { writeObject } from '../test/support/write-object.ts';
import { cpuOf, ran } from './accounts.ts';
import { beginning, FIRST_LINES, logKey, modelName, MODELS, signedLog } from './logs.ts';
import { startServer, type Server } from './server.ts';

const ROOT = join(import.meta.dirname, '..');
const BATCH = 1_000;
const LINE_BYTES = 720;
const HERE = { address: 'file:///bench', now: Date.now() };
const PYTHON = ['cryptography==50.0.2', 'neo4j==6.4.1'];
const timestamp = '2026-01-01T00:00:00Z';

/** What one run took; `serverMs` and `clientMs` are CPU. */
export interface Measured {
  readonly records: number;
  readonly milliseconds: number;
  readonly clientMs: number;
  readonly serverMs: number;
}

/** One way to do the work, made ready once and run in each round. */
export type Contender = () => Promise<Measured>;

const CREATE = `
UNWIND $rows AS row
MATCH (m:Model {name: row.model, commit: 'c'})
CREATE (m)-[:GENERATED]->(:Inference {id: row.id, input: row.input, output: row.output, timestamp: row.timestamp})
`;

const CREATE_MODELS = `UNWIND $names AS name CREATE (:Model {name: name, commit: 'c'})`;

const key = logKey();
const options: IngestOptions = { keys: [key.key], onBadLine: 'reject' };

/** The contenders of a bench by name, with what they share: two servers, and logs. */
export class Contenders {
  readonly #inferences: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'custody-bench-'));
  readonly #servers = new Map<string, Server>();
  #runs = 0;

  constructor(inferences: number) {
    this.#inferences = inferences;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** In the order in which they take their turns: a replay comes behind its first ingest. */
  readonly makers: Readonly<Record<string, () => Promise<Contender>>> = {
    command: () => this.#command(true),
    replay: () => this.#command(false),
    batches: () => this.#python('batches.py', this.#inferences),
    'round trips': () => this.#python('round-trips.py', Math.min(4_000, this.#inferences)),
    'writing alone': () => this.#writing(),
    create: () => this.#creating(),
    signatures: () => signatures(this.#inferences, LINE_BYTES),
    openssl: () => Promise.resolve(openssl),
    strict: () => this.#strict(),
    'one pass': () => this.#onePass(),
    'reading, 900 B': () => reading(this.#inferences / 6, 900),
    'signatures, 900 B': () => signatures(this.#inferences / 6, 900),
    'reading, 8 KB': () => reading(this.#inferences / 12, 8_192),
    'signatures, 8 KB': () => signatures(this.#inferences / 12, 8_192),
  };

  async server(name: 'custody' | 'plain'): Promise<Server> {
    const known = this.#servers.get(name);
    if (known !== undefined) return known;
    const server = await startServer(name, name);
    this.#servers.set(name, server);
    return server;
  }

  /** A folder that nobody has used: an archive keeps what it was given once. */
  #fresh(): string {
    this.#runs += 1;
    return mkdtempSync(join(this.#folder, `${this.#runs}-`));
  }

  /** Ingests the log by the command, from its start to its end; or does so once more. */
  async #command(isFirst: boolean): Promise<Contender> {
    const server = await this.server('custody');
    const log = await signedLog(this.#inferences, LINE_BYTES);
    return async () => {
      if (isFirst) {
        await server.wipe();
        this.#commandFolder = this.#fresh();
      }
      const before = await server.size();
      const measured = await commanded(server, [join(ROOT, log)], this.#commandFolder);
      // `records` are those that came into being: none in a replay.
      const made = (await server.size()) - before;
      if (isFirst ? made < this.#inferences : made > 0)
        throw new Error(`${made} nodes and relationships were made`);
      return { ...measured, records: this.#inferences };
    };
  }

  #commandFolder = '';

  async #python(script: string, inferences: number): Promise<Contender> {
    const server = await this.server('plain');
    const tools = await pythonTools(join(ROOT, '.custody', 'bench', 'python'), PYTHON);
    const whole = await signedLog(this.#inferences, LINE_BYTES);
    const log = await beginning(whole, FIRST_LINES + inferences);
    return async () => {
      await server.wipe();
      const path = join(import.meta.dirname, 'python', script);
      return timed(server, inferences, () =>
        ran([join(tools, 'python'), path, key.publicPath, log], { env: server.environment }),
      );
    };
  }

  /** The writing of records that are verified already. */
  async #writing(): Promise<Contender> {
    const server = await this.server('custody');
    const path = await signedLog(this.#inferences, LINE_BYTES);
    const bytes = readFileSync(path);
    const log = createHash('sha256').update(bytes).digest('hex');
    return async () => {
      const records = recordsOf(bytes, log);
      await server.wipe();
      return timed(server, records.length, () =>
        writeObject(new GraphWriter(server.graph), { uri: 'file:///log', log, records }, BATCH),
      );
    };
  }

  /** The plainest thing that could be done with as many rows, which nobody had to verify. */
  async #creating(): Promise<Contender> {
    const { graph, ...server } = await this.server('plain');
    const rows = Array.from({ length: this.#inferences }, (_, index) => ({
      id: `inference-${index}`,
      model: modelName(index % MODELS),
      input: JSON.stringify({ applicant: index, text: 'x'.repeat(120) }),
      output: JSON.stringify({ score: index / 7 }),
      timestamp,
    }));
    return async () => {
      await server.wipe();
      const names = Array.from({ length: MODELS }, (_, index) => modelName(index));
      await graph[database].write((tx) => tx.run(CREATE_MODELS, { names }));
      let at = 0;
      const worker = async (): Promise<void> => {
        while (at < rows.length) {
          const batch = rows.slice(at, (at += BATCH));
          // In one order for both workers, else they would wait for each other's models.
          batch.sort((a, b) => (a.model < b.model ? -1 : 1));
          await graph[database].write((tx) => tx.run(CREATE, { rows: batch }));
        }
      };
      return timed(server, rows.length, () => Promise.all([worker(), worker()]));
    };
  }

  async #strict(): Promise<Contender> {
    const server = await this.server('custody');
    const log = await signedLog(this.#inferences, LINE_BYTES);
    return async () => {
      await server.wipe();
      const archive = localArchive(this.#fresh());
      const stores = { sink: new GraphWriter(server.graph), archive };
      return timed(server, this.#inferences, () => ingestObject(storedFile(log), stores, options));
    };
  }

  /** The same but for its promise: each batch is written as soon as it is verified, and nothing is archived. */
  async #onePass(): Promise<Contender> {
    const server = await this.server('custody');
    const path = await signedLog(this.#inferences, LINE_BYTES);
    const bytes = readFileSync(path);
    const log = createHash('sha256').update(bytes).digest('hex');
    const lines = FIRST_LINES + this.#inferences;
    const source = {
      uri: 'file:///one-pass',
      sha256: log,
      bytes: bytes.length,
      lines,
      rejected: 0,
      rejections: [],
      seal: null,
    };
    return async () => {
      await server.wipe();
      return timed(server, this.#inferences, async () => {
        const sink = new GraphWriter(server.graph);
        const start = { number: 0, offset: 0 };
        const send = new Batches(
          (batch) => sink.apply(batch),
          source,
          { log, parked: null },
          start,
        );
        for await (const passage of new Lines(storedFile(path), options))
          for (const [line, result] of verifyLines(
            passage,
            log,
            options.keys,
            new Signers(),
            HERE,
          )) {
            if (isRefusal(result)) throw new Error(result.detail);
            await send.reach(line);
            send.add(result);
          }
        await send.end('accepted');
      });
    };
  }
}

/** `custody ingest` of these files, in a folder whose archive is its own; its start is part of it. */
export async function commanded(
  server: Pick<Server, 'environment' | 'cpuMs'>,
  files: readonly string[],
  cwd: string,
): Promise<Measured & { readonly peakMegabytes: number }> {
  const cli = join(ROOT, 'cli', 'custody.mjs');
  const keyPath = join(ROOT, key.publicPath);
  let peakMegabytes = 0;
  const measured = await timed(server, files.length, async () => {
    const all = ['ingest', '--key', keyPath, ...files] as const;
    const run = await ran([process.execPath, '--max-semi-space-size=4', cli, ...all], {
      env: server.environment,
      cwd,
    });
    ({ peakMegabytes } = run);
    return run;
  });
  return { ...measured, peakMegabytes };
}

/** Of this process, or of the one that `act` has run. */
async function timed(
  server: Pick<Server, 'cpuMs'>,
  records: number,
  act: () => Promise<unknown>,
): Promise<Measured> {
  const [server0, own0] = [server.cpuMs(), cpuOf(process.pid)];
  const start = performance.now();
  const result = await act();
  const milliseconds = performance.now() - start;
  const clientMs = isRun(result) ? result.cpuMs : cpuOf(process.pid) - own0;
  return { records, milliseconds, clientMs, serverMs: server.cpuMs() - server0 };
}

function isRun(value: unknown): value is { readonly cpuMs: number } {
  return typeof value === 'object' && value !== null && 'cpuMs' in value;
}

const NO_SERVER = { cpuMs: () => 0 };

/** Every signature of a log, of which all else is done before. */
async function signatures(inferences: number, lineBytes: number): Promise<Contender> {
  const bytes = readFileSync(await signedLog(Math.round(inferences), lineBytes));
  const signed = new LineFramer().push(bytes).map((line) => {
    const envelope = openEnvelope(line.bytes);
    if (isRefusal(envelope)) throw new Error(envelope.detail);
    return [Buffer.from(envelope.signedData, 'utf8'), envelope.signature] as const;
  });
  return () =>
    timed(NO_SERVER, signed.length, () => {
      for (const [data, signature] of signed)
        if (!key.key.verify(data, signature)) throw new Error('a signature does not hold');
      return Promise.resolve();
    });
}

/** The first reading of a log: framed, checked, verified and parsed. */
async function reading(inferences: number, lineBytes: number): Promise<Contender> {
  const path = await signedLog(Math.round(inferences), lineBytes);
  return () =>
    timed(NO_SERVER, FIRST_LINES + Math.round(inferences), async () => {
      const { rejectedTotal } = await judge(
        storedFile(path),
        { ...options, maxKeptBytes: 0 },
        null,
      );
      if (rejectedTotal > 0) throw new Error('a line was refused');
    });
}

/** As many RSA-2048 verifications as OpenSSL's own benchmark makes in a second of CPU. */
async function openssl(): Promise<Measured> {
  const { stdout } = await ran(['openssl', 'speed', '-mr', '-seconds', '2', 'rsa2048']);
  // +F2:<index>:<bits>:<signatures a second>:<verifications a second>, of CPU
  const records = Number(/^\+F2:\d+:2048:[^:]+:([\d.]+)/m.exec(stdout)?.[1]);
  return { records, milliseconds: 1000, clientMs: 1000, serverMs: 0 };
}

function recordsOf(bytes: Buffer, log: string): VerifiedRecord[] {
  const framer = new PassageFramer();
  const verified: VerifiedRecord[] = [];
  for (const passage of [framer.push(bytes), framer.end()])
    for (const [, result] of verifyLines(passage, log, options.keys, new Signers(), HERE)) {
      if (isRefusal(result)) throw new Error(result.detail);
      verified.push(result);
    }
  return verified;
}
