import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A virtual environment with exactly these packages, made once; the folder of its commands. */
export async function pythonTools(folder: string, packages: readonly string[]): Promise<string> {
  const mark = `${folder}/installed`;
  const wanted = packages.join(' ');
  if ((await readFile(mark, 'utf8').catch(() => '')) === wanted) return `${folder}/bin`;
  await rm(folder, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', folder]).catch((error: unknown) => {
    throw new Error(
      'these tests need Python 3.10 or newer with its venv module: `python3 -m venv` failed',
      { cause: error },
    );
  });
  await run(
    `${folder}/bin/python`,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
    { timeout: 600_000 },
  );
  await writeFile(mark, wanted);
  return `${folder}/bin`;
}
