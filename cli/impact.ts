import { parseArgs } from 'node:util';
import { counted } from '../lib/counted.ts';
import type { Command } from './command.ts';
import { withGraph } from './database.ts';
import { completeness, pages, stillMissing, type Missing } from './questions.ts';

interface Page {
  readonly summary: {
    readonly modelCount: number;
    readonly models: readonly {
      readonly name: string;
      readonly commit: string;
      readonly inferenceCount: number;
    }[];
  } | null;
  readonly items: readonly {
    readonly id: string;
    readonly model: { readonly name: string; readonly commit: string } | null;
    readonly resolution: string;
    readonly recordedAt: string;
  }[];
  readonly next: string | null;
  readonly incomplete?: readonly Missing[];
}

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
    process.stdout.write(
      'usage: custody impact --dataset HASH | --model NAME --commit COMMIT | --kid KID\n' +
        '         [--as-of TIME] [--json]   one affected inference a line\n',
    );
    return 0;
  }
  const { json, 'as-of': asOf, help: _, ...question } = values;
  await withGraph(async (graph) => {
    const missing: Missing[] = [];
    let count = 0;
    for await (const page of pages<Page>(graph, '/v1/impact', { ...question, asOf })) {
      missing.push(...(page.incomplete ?? []));
      count += page.items.length;
      // A recall may be of any size: each page is told as it comes.
      const lines = page.items.map((item) => (json ? JSON.stringify(item) : told(item)));
      const head = json || page.summary === null ? '' : summaryOf(page.summary);
      process.stdout.write(head + lines.map((line) => `${line}\n`).join(''));
    }
    const incomplete = stillMissing(missing);
    const trailer = { count, complete: incomplete.length === 0, incomplete };
    if (json) process.stdout.write(`${JSON.stringify(trailer)}\n`);
    else process.stdout.write(`${counted(count, 'inference')}\n${completeness(incomplete)}`);
  });
  return 0;
};

function summaryOf({ modelCount, models }: NonNullable<Page['summary']>): string {
  const named = models.map(
    ({ name, commit, inferenceCount }) =>
      `  ${name} ${commit}: ${counted(inferenceCount, 'inference')}\n`,
  );
  return `${counted(modelCount, 'model version')}\n${named.join('')}`;
}

function told({ id, model, resolution, recordedAt }: Page['items'][number]): string {
  const version = model === null ? '-' : `${model.name} ${model.commit}`;
  return `${id}   ${version}   ${resolution}   ${recordedAt}`;
}
