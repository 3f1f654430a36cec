import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RULES } from '../../lib/compliance/rules.ts';
import { VARIABLES } from '../../lib/config.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

test('README.md names exactly the variables that lib/config.ts reads', () => {
  const named = [...readme.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);
  expect(named).toEqual(VARIABLES);
});

test('docs/operations.md names exactly the settings that serverless.yml takes', () => {
  const template = readFileSync('serverless.yml', 'utf8');
  const defaults = template.slice(template.indexOf('\nparams:'), template.indexOf('\ncustom:'));
  const settings = [...defaults.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
  const operations = readFileSync('docs/operations.md', 'utf8');
  const named = [...operations.matchAll(/^ {3}\| `(\w+)` /gm)].map(([, name]) => name);
  expect(named).toEqual(settings);
});

test('README.md lists exactly the compliance rules, with what each is counted among', () => {
  const section = readme.split('## Compliance rules')[1]?.split('\n## ')[0] ?? '';
  const listed = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const rules = RULES.map(({ id, title, of, severity }) => [
    '',
    `\`${id}\``,
    title,
    of,
    severity,
    '',
  ]);
  expect(listed).toEqual(rules);
});
