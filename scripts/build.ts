import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { buildPage } from '../lib/page/build.ts';
import { MOST_BYTES } from './most-bytes.ts';

// The Neo4j driver and the AWS SDK are CommonJS in part and ask for node: modules at run time.
const REQUIRE = `import{createRequire}from'node:module';const require=createRequire(import.meta.url);`;

// A helper function of TypeScript, which each of the driver's files defines anew: `var __read = (this && …`.
const HELPER = /^var (__\w+) = \(this && this\.\1\) \|\| [^]*?^\}.*;$/gm;

// Of the driver what nothing here asks for: reactive sessions, and RxJS with them; mapping of records to
// objects; profiles of encryption on the client's side.
const UNUSED =
  /(?:-rx|mapping\.(?:rulesfactories|decorators)|encryption-profile|local-key-encapsulation)\.js$/;

// Of each bundle that asks the graph it saves 171 kB of reactive sessions, 18 kB of what else is unused,
// and 101 kB of helpers in 170 files, which stand once in tslib: from there the compiler itself
// takes them under `importHelpers`. In a driver that is built otherwise it finds nothing to leave out, and
// the limits of `most-bytes.ts` are passed. A helper that is used and not in tslib fails the build. With the bundles
// that this makes, test/functions/bundle.live.test.ts asks a real database.
const leanDriver: Plugin = {
  name: 'lean-driver',
  setup(building) {
    building.onLoad({ filter: /\/neo4j-driver[a-z-]*\/lib\/.*\.js$/ }, async ({ path }) => {
      if (UNUSED.test(path)) return { contents: 'module.exports = {};' };
      const text = await readFile(path, 'utf8');
      return { contents: text.replace(HELPER, "import { $1 } from 'tslib';") };
    });
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
  alias: {
    '@aws-sdk/credential-provider-node': join(import.meta.dirname, 'environment-credentials.ts'),
  },
  plugins: [leanDriver],
  logLevel: 'warning',
});

// Beside the bundle of functions/page.ts, which serves it.
const page = join(values.out, 'web');
await buildPage(page);

for (const [path, { bytes }] of Object.entries(metafile.outputs))
  if (path.endsWith('.mjs')) tell(path, bytes);
for (const file of await readdir(page)) tell(join(page, file), (await stat(join(page, file))).size);

function tell(path: string, bytes: number): void {
  const most = MOST_BYTES[parse(path).name] ?? 0;
  const size = `${path}: ${bytes.toLocaleString('en')} bytes`;
  if (bytes <= most) process.stdout.write(`${size}\n`);
  else {
    process.exitCode = 1;
    process.stderr.write(`${size}, more than the ${most.toLocaleString('en')} that it may have\n`);
  }
}
