import { parseArgs } from 'node:util';
import { contentsText } from '../lib/contents-text.ts';
import type { Incomplete } from '../lib/http/answers/completeness.ts';
import type { LineageAnswer, LineageEdge, LineageNode } from '../lib/http/answers/lineage.ts';
import { lineageRoute } from '../lib/http/routes/lineage.ts';
import { LINK_WORDS, LINKS } from '../lib/links.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { completeness, pages, stillMissing } from './questions.ts';
import { print, printJson } from './terminal.ts';

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
    print(
      'usage: custody lineage --inference ID | --dataset HASH | --model NAME --commit COMMIT',
      '         [--direction up|down|both] [--depth N] [--as-of TIME] [--json]',
    );
    return 0;
  }
  const { json, 'as-of': asOf, help: _, ...question } = values;
  await withGraph(async (graph) => {
    const nodes: LineageNode[] = [];
    const edges: LineageEdge[] = [];
    const missing: Incomplete[] = [];
    const basis = { exact: 0, onlyVersion: 0, inferred: 0 };
    let last: LineageAnswer | undefined;
    for await (const page of pages(graph, lineageRoute, { ...question, asOf })) {
      nodes.push(...page.nodes);
      edges.push(...page.edges);
      missing.push(...(page.incomplete ?? []));
      for (const how of ['exact', 'onlyVersion', 'inferred'] as const)
        basis[how] += page.basis[how];
      last = page;
    }
    const incomplete = stillMissing(missing);
    const complete = incomplete.length === 0;
    const whole = {
      start: last?.start,
      recorded: last?.recorded,
      nodes,
      edges,
      basis,
      complete,
      incomplete,
      asOf: last?.asOf,
    };
    if (json) printJson(whole);
    else for (const line of [...linesOf(nodes, edges), ...completeness(incomplete)]) print(line);
  });
  return 0;
};

/** One line a node, with the link that leads to it and where its envelope stands. */
function linesOf(nodes: readonly LineageNode[], edges: readonly LineageEdge[]): readonly string[] {
  const names = new Map(nodes.map((node) => [node.key, nameOf(node)]));
  const led = new Map<string, LineageEdge>();
  for (const edge of edges)
    for (const key of [edge.from, edge.to]) if (!led.has(key)) led.set(key, edge);
  return nodes.flatMap((node, index) => {
    const at =
      node.kind === 'unrecorded'
        ? 'not recorded'
        : `log ${node.evidence.log} line ${node.evidence.line}${saidOf(node)}`;
    const edge = index === 0 ? undefined : led.get(node.key);
    const how = edge?.kind === 'GENERATED' ? `, ${LINK_WORDS[LINKS[edge.resolution].basis]}` : '';
    const other = edge === undefined ? '' : names.get(edge.from === node.key ? edge.to : edge.from);
    const link = edge === undefined ? '' : `   (${edge.kind}${how}: ${other ?? ''})`;
    return [`${nameOf(node)}${link}`, `    ${at}`];
  });
}

/** Where records say different things of it, how many. */
function saidOf({ contents }: Exclude<LineageNode, { kind: 'unrecorded' }>): string {
  return contents === undefined ? '' : `   (${contentsText(contents)})`;
}

function nameOf(node: LineageNode): string {
  if (node.kind === 'unrecorded') {
    const { subject } = node;
    if (subject.kind === 'dataset') return `dataset ${subject.hash}`;
    return `model ${subject.model.name} ${subject.model.commit}`;
  }
  if (node.kind === 'dataset')
    return `dataset ${node.hash}${node.path === null ? '' : ` ${node.path}`}`;
  return node.kind === 'model' ? `model ${node.name} ${node.commit}` : `inference ${node.id}`;
}
