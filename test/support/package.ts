import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
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
  await rm(folder, { recursive: true, force: true });
  const built = await runTool('node', ['scripts/build.ts'], env);
  const params = Object.entries(settings).map(([name, value]) => `--param=${name}=${value}`);
  const argv = ['package', '--package', folder, '--stage', stage, ...params];
  return built + (await runTool('serverless', argv, env));
}
