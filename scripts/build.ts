import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { buildPage } from '../lib/page/build.ts';

// A bundle is fetched and parsed on every cold start. The Neo4j driver is the greater half of most.
const MOST_BYTES: Readonly<Record<string, number>> = {
  ingest: 1_200_000,
  evidence: 1_200_000,
  report: 1_200_000,
  check: 700_000,
  sweep: 700_000,
  page: 100_000,
  app: 150_000,
};
const MOST_BYTES_OTHERWISE = 600_000;

// The Neo4j driver and the AWS SDK are CommonJS in part and ask for node: modules at run time.
const REQUIRE = `import{createRequire}from'node:module';const require=createRequire(import.meta.url);`;

// The driver's reactive sessions, which nothing here opens: 170 kB with RxJS, which only they use.
const withoutReactiveSessions: Plugin = {
  name: 'without-reactive-sessions',
  setup(building) {
    building.onLoad({ filter: /\/neo4j-driver\/lib\/[a-z-]+-rx\.js$/ }, () => ({
      contents: 'module.exports = {};',
    }));
  },
};

// What TypeScript puts at the head of each of the driver's files, one function after the other.
const HELPER = /^var (__\w+) = \(this && this\.\1\) \|\| [^]*?^\}.*;$/gm;

// The driver's 170 files bring those functions each for itself: 100 kB that stand here once.
const withHelpersOnce: Plugin = {
  name: 'with-helpers-once',
  setup(building) {
    const helpers = new Map<string, string>();
    building.onLoad({ filter: /\/neo4j-driver[a-z-]*\/lib\/.*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text.replace(HELPER, (helper: string, name: string) => {
        // A file whose helper reads otherwise keeps its own.
        if ((helpers.get(name) ?? helper) !== helper) return helper;
        helpers.set(name, helper);
        return `var ${name} = require('helper:${name}');`;
      });
      return { contents };
    });
    building.onResolve({ filter: /^helper:/ }, ({ path }) => ({
      path: path.slice('helper:'.length),
      namespace: 'helper',
    }));
    building.onLoad({ filter: /./, namespace: 'helper' }, ({ path: name }) => {
      const helper = helpers.get(name) ?? '';
      const others = new Set([...helper.matchAll(/__\w+/g)].map(([other]) => other));
      const needed = [...others].filter((other) => other !== name && helpers.has(other));
      const requires = needed.map((other) => `var ${other} = require('helper:${other}');`);
      return { contents: [...requires, helper, `module.exports = ${name};`].join('\n') };
    });
  },
};

// Lambda hands its role's credentials over in the environment; the other ways to find some: 110 kB.
const withEnvironmentCredentials: Plugin = {
  name: 'with-environment-credentials',
  setup(building) {
    building.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ path }) => ({
      path,
      namespace: 'environment',
    }));
    building.onLoad({ filter: /./, namespace: 'environment' }, () => ({
      contents: `export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';`,
      resolveDir: process.cwd(),
    }));
  },
};

const { values } = parseArgs({
  options: {
    functions: { type: 'string', default: 'functions' },
    out: { type: 'string', default: 'dist' },
  },
});

await rm(values.out, { recursive: true, force: true });
await mkdir(values.out, { recursive: true });
const files = (await readdir(values.functions)).filter((file) => file.endsWith('.ts')).sort();
const { metafile } = await build({
  entryPoints: files.map((file) => join(values.functions, file)),
  outdir: values.out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  banner: { js: REQUIRE },
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  plugins: [withoutReactiveSessions, withHelpersOnce, withEnvironmentCredentials],
  logLevel: 'warning',
});

// Beside the bundle of functions/page.ts, which serves it.
const page = join(values.out, 'web');
await buildPage(page);

for (const [path, { bytes }] of Object.entries(metafile.outputs))
  if (path.endsWith('.mjs')) tell(path, bytes);
for (const file of await readdir(page)) tell(join(page, file), (await stat(join(page, file))).size);

function tell(path: string, bytes: number): void {
  const most = MOST_BYTES[parse(path).name] ?? MOST_BYTES_OTHERWISE;
  const size = `${path}: ${bytes.toLocaleString('en')} bytes`;
  if (bytes <= most) process.stdout.write(`${size}\n`);
  else {
    process.exitCode = 1;
    process.stderr.write(`${size}, more than the ${most.toLocaleString('en')} that it may have\n`);
  }
}
