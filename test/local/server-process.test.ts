import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isServer } from '../../lib/local/server-process.ts';

const HOME = '/nowhere/home';
const STARTED = 100;
const LOOKS = 20;

// As a server is started: a copy of the shell, which then becomes the server.
const SCRIPT = '"$@" </dev/null >/dev/null & echo $!; wait';
const SERVER = ['sh', '-c', 'sleep 20; :', `--home-dir=${HOME}`];

test('a server is one from the moment that it has a process, also while that becomes another program', async () => {
  const seen: boolean[] = [];
  for (let nth = 0; nth < STARTED; nth += 1) {
    const shell = spawn('sh', ['-c', SCRIPT, HOME, ...SERVER], { detached: true });
    const [line] = (await once(shell.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    for (let look = 0; look < LOOKS; look += 1) seen.push(await isServer(pid, HOME));
    process.kill(-(shell.pid ?? pid), 'SIGKILL');
    await once(shell, 'close');
    await expect.poll(() => isServer(pid, HOME), { timeout: 30_000 }).toBe(false);
  }
  expect(seen.filter((is) => !is)).toHaveLength(0);
  expect(await isServer(process.pid, HOME)).toBe(false);
});
