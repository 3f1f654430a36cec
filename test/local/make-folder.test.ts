import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { PROCESS } from '../support/process.ts';

test('where the working folder is gone, making a folder in it comes to an end', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'custody-gone-'));
  const module = resolve('lib/local/make-folder.ts');
  const script = `import { rmSync } from 'node:fs';
    import { makeFolder } from ${JSON.stringify(module)};
    process.cwd();
    rmSync(${JSON.stringify(cwd)}, { recursive: true });
    await makeFolder('.custody/receipts').then(() => console.log('made'), () => console.log('refused'));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd,
    env: PROCESS,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stdout.trim()).toMatch(/^made$|^refused$/);
});
