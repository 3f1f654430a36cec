import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readKeyFolder, usableKeys, watchKeyFolder } from '../../lib/local/key-folder.ts';
import { testKey } from '../support/test-key.ts';

const [one, other, late] = [testKey(), testKey(), testKey()];

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'custody-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function privatePem(): string {
  return one.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

test('keys lie in .pem, .pub and .crt files, one or more in each, and none in a folder that is not there', async () => {
  const both = `# ours\n${one.publicPem}\n${other.publicPem}`;
  const folder = folderOf({ 'both.PEM': both, 'late.pub': late.publicPem, '.DS_Store': 'x' });
  const kids = usableKeys(await readKeyFolder(folder)).map(({ kid }) => kid);
  expect(kids).toEqual([one, other, late].map(({ key }) => key.kid));
  expect(usableKeys(await readKeyFolder(join(folder, 'nowhere')))).toEqual([]);
});

test('a file that can’t be used is named and left out, and stops no other', async () => {
  const folder = folderOf({
    'broken.pem': 'nonsense',
    'key.jwk': '{}',
    'one.pem': one.publicPem,
    'private.pem': privatePem(),
    'both.pem': one.publicPem + privatePem(),
    'team.crt': '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
    'ssh.pub': 'ssh-rsa AAAA team@example.org',
  });
  const files = await readKeyFolder(folder);
  expect(usableKeys(files).map(({ kid }) => kid)).toEqual([one.key.kid]);
  const problemOf = (name: string): string => {
    const file = files.get(name);
    return file !== undefined && 'problem' in file ? file.problem : '';
  };
  expect(problemOf('broken.pem')).toContain('not a public key');
  expect(problemOf('key.jwk')).toContain('.pem, .pub or .crt');
  expect(problemOf('private.pem')).toContain('private key');
  expect(problemOf('both.pem')).toContain('private key');
  expect(problemOf('ssh.pub')).toContain('ssh-keygen -e -m PKCS8');
  expect(problemOf('team.crt')).toMatch(/a certificate[^]*openssl x509/);
});

test('each file is told once, and again when it has become another or is gone; a new key is heard of', async () => {
  const folder = folderOf({ 'bad.pem': 'nonsense', 'one.pem': one.publicPem });
  const told: string[] = [];
  const onNewKey = vi.fn<() => void>();
  const watched = await watchKeyFolder(folder, (message) => told.push(message), onNewKey);
  onTestFinished(() => watched.close());
  const kid = one.key.kid.slice(0, 12);
  const [bad, good] = [join(folder, 'bad.pem'), join(folder, 'one.pem')];
  expect(told).toEqual([
    `${bad}: left out: this is not a public key in PEM form`,
    `${good}: key ${kid}… (2048 bits)`,
  ]);
  expect(onNewKey).toHaveBeenCalledTimes(1);
  writeFileSync(bad, late.publicPem);
  await vi.waitFor(() => expect(onNewKey).toHaveBeenCalledTimes(2), 20_000);
  expect(told.slice(2)).toEqual([`${bad}: key ${late.key.kid.slice(0, 12)}… (2048 bits)`]);
  rmSync(good);
  await vi.waitFor(() => expect(told.slice(3)).toEqual([`${good}: gone`]), 20_000);
  expect(onNewKey).toHaveBeenCalledTimes(2);
});
