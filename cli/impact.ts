import { parseArgs } from 'node:util';
import { contentsText } from '../lib/contents-text.ts';
import { counted } from '../lib/counted.ts';
import type { Incomplete } from '../lib/http/answers/completeness.ts';
import type { ImpactItem, ImpactSummary } from '../lib/http/answers/impact.ts';
import { impactRoute } from '../lib/http/routes/lineage.ts';
import { LINK_WORDS, LINKS } from '../lib/links.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { completeness, pages, stillMissing } from './questions.ts';
import { isReaderGone, print, printJson } from './terminal.ts';

export const impact: Command = async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      dataset: { type: 'string' },
      model: { type: 'string' },
      commit: { type: 'string' },
      kid: { type: 'string' },
      'as-of': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(
      'usage: custody impact --dataset HASH | --model NAME --commit COMMIT | --kid KID',
      '         [--as-of TIME] [--json]   one affected inference a line; of a key also the other records that it signed',
    );
    return 0;
  }
  const { json, 'as-of': asOf, help: _, ...question } = values;
  await withGraph(async (graph) => {
    const missing: Incomplete[] = [];
    let count = 0;
    // A key may have signed records of datasets and models, too.
    const what = values.kid === undefined ? 'inference' : 'item';
    for await (const page of pages(graph, impactRoute, { ...question, asOf })) {
      missing.push(...(page.incomplete ?? []));
      count += page.items.length;
      // A recall may be of any size: each page is told as it comes.
      if (json) page.items.forEach(printJson);
      else print(...summaryLines(page.summary), ...page.items.map(itemText));
      if (isReaderGone()) return;
    }
    const incomplete = stillMissing(missing);
    const trailer = { count, complete: incomplete.length === 0, incomplete };
    if (json) printJson(trailer);
    else print(counted(count, what), ...completeness(incomplete));
  });
  return 0;
};

function summaryLines(summary: ImpactSummary | null): readonly string[] {
  if (summary === null) return [];
  const named = summary.models.map(
    ({ name, commit, inferenceCount, contents }) =>
      `  ${name} ${commit}: ${counted(inferenceCount, 'inference')}${saidOf(contents)}`,
  );
  return [counted(summary.modelCount, 'model version'), ...named, ...keyLines(summary)];
}

function keyLines({ signed, onCompromisedKeys }: ImpactSummary): readonly string[] {
  const rests = (count: number): string => `${count} of those ${count === 1 ? 'rests' : 'rest'}`;
  const lines: string[] = [];
  if (signed !== null) {
    const datasets = counted(signed.datasets, 'dataset');
    const models = counted(signed.models, 'model');
    const inferences = counted(signed.inferences, 'inference');
    lines.push(`it signed ${datasets}, ${models} and ${inferences}`);
    if (signed.onCompromisedKeys > 0)
      lines.push(`${rests(signed.onCompromisedKeys)} on compromised keys alone`);
  }
  if (onCompromisedKeys !== null && onCompromisedKeys > 0)
    lines.push(
      `${counted(onCompromisedKeys, 'inference')} of these versions on compromised keys alone`,
    );
  return lines;
}

function itemText(item: ImpactItem): string {
  const said = `${item.recordedAt}${saidOf(item.contents)}`;
  if (item.kind === 'dataset') return `dataset ${item.hash}   ${said}`;
  if (item.kind === 'model') return `model ${item.name} ${item.commit}   ${said}`;
  const { id, model, resolution } = item;
  const version = model === null ? '-' : `${model.name} ${model.commit}`;
  return `${id}   ${version}   ${LINK_WORDS[LINKS[resolution].basis]}   ${said}`;
}

/** Where records say different things of it, how many. */
function saidOf(contents: ImpactItem['contents']): string {
  return contents === undefined ? '' : `   (${contentsText(contents)})`;
}
