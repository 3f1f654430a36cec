/**
 * The cold import of a query function: its bundle against the same function unbundled, with
 * node_modules and Node's type stripping. Every import is a process of its own.
 * `node bench/bundle.ts [rounds] [imports a round]`
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { machine, millisecondsText, quantile, ratioText } from './ratios.ts';

const [rounds = 7, imports = 10] = process.argv.slice(2).map(Number);
const FUNCTION = 'inferences';
const IMPORT =
  'const start = performance.now(); await import(process.argv[1]); process.stdout.write(`${performance.now() - start}`)';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'custody-bundle-'));
try {
  execFileSync(process.execPath, [join(root, 'scripts/build.ts'), '--out', folder], { cwd: root });
  const contenders = [join(folder, `${FUNCTION}.mjs`), join(root, 'functions', `${FUNCTION}.ts`)];
  console.log(`${machine()}, ${imports} imports of each in a round`);
  const ratios: number[] = [];
  const medians: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const times: [number[], number[]] = [[], []];
    for (let count = 0; count < imports; count += 1)
      for (const [index, path] of contenders.entries()) times[index]?.push(await imported(path));
    // The first one warms up the page cache.
    if (round === 0) continue;
    const [bundled, unbundled] = [quantile(times[0], 0.5), quantile(times[1], 0.5)];
    medians[0].push(bundled);
    medians[1].push(unbundled);
    ratios.push(bundled / unbundled);
  }
  console.log(
    `import of ${FUNCTION}: bundled against unbundled ${ratioText(ratios)}: ${medians.map(millisecondsText).join(', ')}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** As Lambda starts it: with the options of serverless.yml. */
async function imported(path: string): Promise<number> {
  const { stdout } = await run(
    process.execPath,
    ['--enable-source-maps', '--input-type=module', '--eval', IMPORT, path],
    { env: { CUSTODY_NEO4J_SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:1:secret:neo4j' } },
  );
  return Number(stdout);
}
