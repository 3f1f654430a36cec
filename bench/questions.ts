/**
 * Questions through the HTTP handler, in process: the same ones to a small graph and to a large one,
 * and the lineage of an inference against a bare `RETURN 1` of the driver.
 * `node bench/questions.ts [small] [large] [rounds]`, in inferences; the graphs are kept for the next run.
 */
import { join } from 'node:path';
import neo4j from 'neo4j-driver';
import { ROUTES } from '../lib/http/routes.ts';
import { server as serverOf, type Serve } from '../lib/http/serve.ts';
import { memberOf } from '../lib/trust/json.ts';
import { bigGraph, type BigGraph } from './big-graph.ts';
import { inferenceId, modelName, MODELS } from './logs.ts';
import { machine, millisecondsText, quantile, ratioText } from './ratios.ts';

const [small = 100_000, large = 1_000_000, rounds = 7] = process.argv.slice(2).map(Number);
const ASKED = 200;
/** Both the server and this process compile what they run often: as many rounds are passed over. */
const WARM_UP = 6;
/** Pages of fifty, the default. */
const PAGES = Math.min(500, Math.floor(small / 100));

interface Asked {
  readonly inferences: number;
  readonly serve: Serve;
  /** The cursor behind {@link PAGES} pages. */
  readonly cursor: string;
}

type Question = (asked: Asked) => Promise<unknown>;

const QUESTIONS: Readonly<Record<string, Question>> = {
  'lineage of an inference': lineage,
  'inferences, page 1': ({ serve }) => ask(serve, '/v1/inferences'),
  [`inferences, page ${PAGES}`]: ({ serve, cursor }) => ask(serve, '/v1/inferences', { cursor }),
  'one model': ({ serve }) =>
    ask(serve, '/v1/model', { name: modelName(below(MODELS)), commit: 'c' }),
  'models without a dataset': ({ serve }) => ask(serve, '/v1/models', { orphan: 'true' }),
};

console.log(`${machine()}, Neo4j with a heap of 1 GB and a page cache of 256 MB for each graph`);
const graphs: BigGraph[] = [];
try {
  const [few, many] = [await opened(small), await opened(large)];
  toldOfRates(many.rates);
  const two = [await asked(few, small), await asked(many, large)] as const;
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const found = await compared(
      () => question(two[1]),
      () => question(two[0]),
    );
    console.log(`${name}: ${large} against ${small} inferences ${found}`);
  }
  for (const [index, { server, graph: _ }] of graphs.entries()) {
    const driver = neo4j.driver(server.uri, neo4j.auth.basic(server.username, server.password));
    const bare = async (): Promise<void> => {
      const session = driver.session({ defaultAccessMode: neo4j.session.READ });
      await session.run('RETURN 1');
      await session.close();
    };
    const of = two[index] ?? two[0];
    const found = await compared(() => lineage(of), bare);
    console.log(`lineage among ${of.inferences} against RETURN 1 ${found}`);
    await driver.close();
  }
} finally {
  for (const { graph, server } of graphs) {
    await graph.close();
    await server.stop();
  }
}

async function opened(size: number): Promise<BigGraph> {
  const graph = await bigGraph(join('.custody', 'bench', String(size)), size);
  graphs.push(graph);
  return graph;
}

/** The median of a round's answers by turns, and of the rounds their ratio. */
async function compared(a: () => Promise<unknown>, b: () => Promise<unknown>): Promise<string> {
  const ratios: number[] = [];
  const ofA: number[] = [];
  const ofB: number[] = [];
  for (let round = 1 - WARM_UP; round <= rounds; round += 1) {
    const times: [number[], number[]] = [[], []];
    for (let count = 0; count < ASKED; count += 1) {
      times[0].push(await timed(a));
      times[1].push(await timed(b));
    }
    if (round < 1) continue;
    const [midA, midB] = [quantile(times[0], 0.5), quantile(times[1], 0.5)];
    ofA.push(midA);
    ofB.push(midB);
    ratios.push(midA / midB);
  }
  return `${ratioText(ratios)}: ${millisecondsText(ofA)}, ${millisecondsText(ofB)}`;
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function asked({ graph }: BigGraph, inferences: number): Promise<Asked> {
  const serve = serverOf({
    routes: ROUTES,
    graph: () => Promise.resolve(graph),
    readEnvelope: () => Promise.reject(new Error('no envelopes are read here')),
    onFailure: (error) => console.error(error),
  });
  let cursor = '';
  for (let page = 1; page < PAGES; page += 1) {
    const answer = await ask(serve, '/v1/inferences', cursor === '' ? {} : { cursor });
    const next = memberOf(answer, 'next');
    cursor = typeof next === 'string' ? next : '';
  }
  return { inferences, serve, cursor };
}

function lineage({ serve, inferences }: Asked): Promise<unknown> {
  return ask(serve, '/v1/lineage', { inference: inferenceId(below(inferences)) });
}

async function ask(
  serve: Serve,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const { status, body } = await serve({
    method: 'GET',
    path,
    query: new URLSearchParams(query).toString(),
    accepts: 'application/json',
    requestId: 'bench',
    may: () => true,
  });
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body);
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** The first log is the warm-up; a tenth of all is two logs. */
function toldOfRates(rates: readonly number[]): void {
  // The time of two equal logs is that of their mean rate, the harmonic one.
  const together = (a = NaN, b = NaN): number => 2 / (1 / a + 1 / b);
  const first = together(rates[1], rates[2]);
  const last = together(rates.at(-2), rates.at(-1));
  console.log(
    `writing ${large}: ${Math.round(last)} records/s in the last tenth, ${Math.round(first)} in the first behind a warm-up, ratio ${(last / first).toFixed(2)}`,
  );
}
