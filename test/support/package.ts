import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { holding } from '../../lib/local/start-lock.ts';
import { PATH } from './ministack.ts';

const run = promisify(execFile);

/** Runs a command and answers what it printed; that is in the error where it failed. */
export async function runTool(
  command: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<string> {
  try {
    const running = run(command, argv, { env, timeout: 300_000 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${argv.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, {
      cause: error,
    });
  }
}

/** `npm run package` into a folder of the caller's, without credentials; answers what was printed. */
export async function packageInto(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  stage = 'prod',
): Promise<string> {
  const env = { PATH, HOME: folder };
  const params = Object.entries(settings).map(([name, value]) => `--param=${name}=${value}`);
  const argv = ['package', '--package', folder, '--stage', stage, ...params];
  await rm(folder, { recursive: true, force: true });
  await mkdir('.custody', { recursive: true });
  // Whoever builds empties dist first.
  return holding('.custody/package.lock', async () => {
    const built = await runTool('node', ['scripts/build.ts'], env);
    return built + (await runTool('serverless', argv, env));
  });
}
