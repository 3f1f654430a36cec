import { parseArgs } from 'node:util';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { completeness, pages, stillMissing, type Missing } from './questions.ts';

interface Node {
  readonly kind: 'dataset' | 'model' | 'inference';
  readonly key: string;
  readonly hash?: string;
  readonly path?: string | null;
  readonly name?: string;
  readonly commit?: string;
  readonly id?: string;
  readonly evidence: { readonly source: string; readonly line: number };
}

interface Edge {
  readonly kind: 'USED_IN' | 'GENERATED';
  readonly from: string;
  readonly to: string;
  readonly resolution?: string;
}

interface Page {
  readonly start: string;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly next: string | null;
  readonly basis: Readonly<Record<string, number>>;
  readonly incomplete?: readonly Missing[];
  readonly asOf: string;
}

export const lineage: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      inference: { type: 'string' },
      dataset: { type: 'string' },
      model: { type: 'string' },
      commit: { type: 'string' },
      direction: { type: 'string' },
      depth: { type: 'string' },
      'as-of': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      'usage: custody lineage --inference ID | --dataset HASH | --model NAME --commit COMMIT\n' +
        '         [--direction up|down|both] [--depth N] [--as-of TIME] [--json]\n',
    );
    return 0;
  }
  const { json, 'as-of': asOf, help: _, ...question } = values;
  await withGraph(async (graph) => {
    const nodes: Node[] = [];
    const edges: Edge[] = [];
    const missing: Missing[] = [];
    const basis: Record<string, number> = {};
    let last: Page | undefined;
    for await (const page of pages<Page>(graph, '/v1/lineage', { ...question, asOf })) {
      nodes.push(...page.nodes);
      edges.push(...page.edges);
      missing.push(...(page.incomplete ?? []));
      for (const [name, count] of Object.entries(page.basis))
        basis[name] = (basis[name] ?? 0) + count;
      last = page;
    }
    const incomplete = stillMissing(missing);
    const complete = incomplete.length === 0;
    const whole = {
      start: last?.start,
      nodes,
      edges,
      basis,
      complete,
      incomplete,
      asOf: last?.asOf,
    };
    if (json) process.stdout.write(`${JSON.stringify(whole)}\n`);
    else process.stdout.write(told(nodes, edges) + completeness(incomplete));
  });
  return 0;
};

/** One line a node, with the link that leads to it and where its envelope stands. */
function told(nodes: readonly Node[], edges: readonly Edge[]): string {
  const names = new Map(nodes.map((node) => [node.key, nameOf(node)]));
  const led = new Map<string, Edge>();
  for (const edge of edges)
    for (const key of [edge.from, edge.to]) if (!led.has(key)) led.set(key, edge);
  return nodes
    .map((node, index) => {
      const at = `${node.evidence.source} line ${node.evidence.line}`;
      const edge = index === 0 ? undefined : led.get(node.key);
      const how = edge?.resolution === undefined ? '' : `, ${edge.resolution}`;
      const other =
        edge === undefined ? '' : names.get(edge.from === node.key ? edge.to : edge.from);
      const link = edge === undefined ? '' : `   (${edge.kind}${how}: ${other ?? ''})`;
      return `${nameOf(node)}${link}\n    ${at}\n`;
    })
    .join('');
}

function nameOf({ kind, hash, path, name, commit, id }: Node): string {
  if (kind === 'dataset') return `dataset ${hash ?? ''}${path === null ? '' : ` ${path ?? ''}`}`;
  return kind === 'model' ? `model ${name ?? ''} ${commit ?? ''}` : `inference ${id ?? ''}`;
}
