import { generateKeyPairSync, randomInt, sign, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkpointText, parseCheckpoint } from '../../lib/tlog/checkpoint.ts';
import {
  cosignedText,
  cosignedTree,
  openNote,
  parseNote,
  rawEd25519,
  readVerifierKey,
  signatureLine,
  verifierKey,
  type OpenedNote,
  type Problem,
  type SignatureType,
  type VerifierKey,
} from '../../lib/tlog/note.ts';
import { openCheckpoint, parsePolicy, type Policy } from '../../lib/tlog/policy.ts';
import { parseTlogProof, tlogProofText, verifyTlogProof } from '../../lib/tlog/tlog-proof.ts';
import { inclusionProof, leafHash, TreeHasher, type HashReader } from '../../lib/tlog/tree.ts';
import { atDepth } from '../support/depth.ts';

/** The example of c2sp.org/signed-note. */
const EXAMPLE_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const EXAMPLE_NOTE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`;

/** A key and what signs with it. */
interface Pair {
  readonly key: VerifierKey;
  readonly line: (text: string, time?: bigint) => string;
}

function believed<T extends object>(value: T | Problem): T {
  if ('problem' in value) throw new Error(value.problem);
  return value;
}

function pairOf(name: string, type: SignatureType): Pair {
  const { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject } =
    type === 'cosignature-ml-dsa-44'
      ? generateKeyPairSync('ml-dsa-44')
      : generateKeyPairSync('ed25519');
  const raw =
    rawEd25519(publicKey) ?? publicKey.export({ type: 'spki', format: 'der' }).subarray(-1_312);
  const key = believed(verifierKey(name, type, raw));
  return {
    key,
    line(text, time = 1_700_000_000n) {
      if (type === 'ed25519') return signatureLine(key, sign(null, Buffer.from(text), privateKey));
      const message =
        type === 'cosignature' ? cosignedText(time, text) : cosignedTree(name, time, text);
      if (message === null) throw new Error('this is no checkpoint');
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(time);
      return signatureLine(key, Buffer.concat([stamp, sign(null, message, privateKey)]));
    },
  };
}

function open(text: string | Buffer, ...keys: VerifierKey[]): OpenedNote | Problem {
  const note = parseNote(Buffer.from(text));
  return 'problem' in note ? note : openNote(note, keys);
}

const LOG = pairOf('example.com/log', 'ed25519');
const W1 = pairOf('witness.example/w1', 'cosignature');
const W2 = pairOf('witness.example/w2', 'cosignature-ml-dsa-44');
const TEXT = checkpointText({ origin: LOG.key.name, size: 1, root: leafHash(Buffer.from('a')) });
const NOTE = `${TEXT}\n${LOG.line(TEXT)}${W1.line(TEXT)}${W2.line(TEXT)}`;

function policyOf(...lines: string[]): Policy {
  return believed(parsePolicy(Buffer.from(lines.join('\n'))));
}

test('the example of c2sp.org/signed-note is opened by its key', () => {
  const key = believed(readVerifierKey(EXAMPLE_KEY));
  expect(key.vkey).toBe(EXAMPLE_KEY);
  expect(believed(open(EXAMPLE_NOTE, key)).text).toBe('This is an example message.\n');
});

test('a verifier key with another id, name, type or length is none', () => {
  for (const vkey of [
    EXAMPLE_KEY.replace('530d903a', '530d903b'),
    EXAMPLE_KEY.replace('foo', 'bar'),
    EXAMPLE_KEY.replace('+Aek', '+Auk'),
    EXAMPLE_KEY.replace('530d903a', '530D903A'),
    `${EXAMPLE_KEY}\n`,
    `${EXAMPLE_KEY}=`,
    'example.com/foo+530d903a+AQ==',
    'example.com/foo',
    '',
  ])
    expect('problem' in readVerifierKey(vkey), vkey).toBe(true);
});

test('a log’s signature and both kinds of cosignature hold, with the times of these', () => {
  const opened = believed(open(NOTE, LOG.key, W1.key, W2.key));
  expect(opened.signed.map(({ name, time }) => [name, time])).toEqual([
    ['example.com/log', null],
    ['witness.example/w1', 1_700_000_000n],
    ['witness.example/w2', 1_700_000_000n],
  ]);
  expect(believed(open(NOTE, W2.key)).signed).toHaveLength(1);
});

test('no note is opened of which a bit was flipped', () => {
  const bytes = Buffer.from(NOTE);
  const accepted: number[] = [];
  for (let round = 0; round < atDepth(3_000); round += 1) {
    const at = randomInt(bytes.length);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(8));
    const opened = open(changed, LOG.key, W1.key, W2.key);
    // A name or an id that is another is a stranger’s, and is passed over.
    if (!('problem' in opened) && (opened.text !== TEXT || opened.signed.length > 2))
      accepted.push(at);
  }
  expect(accepted).toEqual([]);
});

test('a signature of a given key that does not hold spoils the note, a stranger’s is passed over', () => {
  const other = TEXT.replace('\n1\n', '\n2\n');
  expect(open(`${other}\n${LOG.line(other)}${W1.line(TEXT)}`, LOG.key, W1.key)).toEqual({
    problem: 'the signature of witness.example/w1 does not hold',
  });
  expect(
    believed(open(`${other}\n${LOG.line(other)}${W1.line(TEXT)}`, LOG.key)).signed,
  ).toHaveLength(1);
  expect(open(NOTE, pairOf('example.com/log', 'ed25519').key)).toEqual({
    problem: 'none of the given keys signed the note',
  });
});

test('what is no note by c2sp.org/signed-note is none here', () => {
  const [line] = [LOG.line(TEXT)];
  for (const [why, text] of [
    ['no signature', `${TEXT}\n`],
    ['no blank line', `${TEXT}${line}`],
    ['no last LF', NOTE.slice(0, -1)],
    ['a control character', NOTE.replace('example', 'exam\tple')],
    ['a CR', NOTE.replace('\n', '\r\n')],
    ['a hyphen for the dash', NOTE.replace('— ', '- ')],
    ['two spaces', NOTE.replace('— ', '—  ')],
    ['base64 without padding', NOTE.replaceAll('=\n', '\n')],
    ['a plus in a name', `${TEXT}\n${line.replace('com/log', 'com+log')}`],
    ['too many signatures', `${TEXT}\n${line.repeat(101)}`],
  ] as const)
    expect('problem' in parseNote(Buffer.from(text)), why).toBe(true);
  expect('problem' in parseNote(Buffer.from(NOTE, 'latin1'))).toBe(true);
  expect('problem' in parseNote(Buffer.from(`${TEXT}\n${line.repeat(100)}`))).toBe(false);
});

test('a checkpoint has one spelling', () => {
  expect(parseCheckpoint(TEXT)).toMatchObject({ origin: 'example.com/log', size: 1 });
  expect(parseCheckpoint(`${TEXT}extension\n`)).toMatchObject({ size: 1 });
  for (const text of [
    TEXT.slice(0, -1),
    TEXT.replace('\n1\n', '\n01\n'),
    TEXT.replace('\n1\n', '\n-1\n'),
    TEXT.replace('\n1\n', '\n1e3\n'),
    TEXT.replace('\n1\n', '\n9007199254740992\n'),
    TEXT.replace('example.com/log', ''),
    TEXT.replace('=\n', '\n'),
    `${TEXT}\n`,
    'a\n1\n',
  ])
    expect(parseCheckpoint(text), text).toBeNull();
});

test('a policy believes its logs, and counts its witnesses by its groups', () => {
  const w3 = pairOf('w3.example', 'cosignature');
  const lines = [
    '# who is believed',
    ` log\t${LOG.key.vkey} https://log.example `,
    `witness W1 ${W1.key.vkey} https://w1.example`,
    `witness W2 ${W2.key.vkey}`,
    `witness W3 ${w3.key.vkey}`,
    'group two 2 W1 W2 W3',
  ];
  const policy = policyOf(...lines, 'quorum two');
  expect(policy.witnesses.map(({ url }) => url)).toEqual(['https://w1.example', null, null]);
  const note = believed(parseNote(Buffer.from(NOTE)));
  expect(believed(openCheckpoint(note, policy))).toMatchObject({
    checkpoint: { size: 1 },
    cosigned: [{ witness: 'W1' }, { witness: 'W2' }],
    isQuorum: true,
  });
  const isQuorum = (...rest: string[]): boolean =>
    believed(openCheckpoint(note, policyOf(...lines.slice(0, -1), ...rest))).isQuorum;
  expect(isQuorum('quorum none')).toBe(true);
  expect(isQuorum('quorum W3')).toBe(false);
  expect(isQuorum('group all all W1 W2 W3', 'quorum all')).toBe(false);
  expect(isQuorum('group g 1 W3 W2', 'group h all g W1', 'quorum h')).toBe(true);
  expect(isQuorum('group g any W3', 'group h any g W1', 'quorum h')).toBe(true);
});

test.each([
  ['no quorum', [`log ${LOG.key.vkey}`]],
  ['two of them', ['quorum none', 'quorum none']],
  ['a group without members', ['group g all', 'quorum g']],
  ['a threshold of none', [`witness a ${W1.key.vkey}`, 'group g 0 a', 'quorum g']],
  ['a threshold beyond all', [`witness a ${W1.key.vkey}`, 'group g 2 a', 'quorum g']],
  [
    'a member in two groups',
    [`witness a ${W1.key.vkey}`, 'group g 1 a', 'group h 1 a', 'quorum g'],
  ],
  ['a member twice', [`witness a ${W1.key.vkey}`, 'group g 1 a a', 'quorum g']],
  ['a member from below', ['group g 1 a', `witness a ${W1.key.vkey}`, 'quorum g']],
  ['a witness called none', [`witness none ${W1.key.vkey}`, 'quorum none']],
  ['a name twice', [`witness a ${W1.key.vkey}`, `witness a ${W2.key.vkey}`, 'quorum a']],
  ['a key twice', [`witness a ${W1.key.vkey}`, `witness b ${W1.key.vkey}`, 'quorum a']],
  ['a log’s key for a witness', [`witness a ${LOG.key.vkey}`, 'quorum a']],
  ['a witness’s key for a log', [`log ${W1.key.vkey}`, 'quorum none']],
  ['a control character', ['quorum none\r']],
  ['another word', ['threshold 2', 'quorum none']],
])('a policy with %s is none', (_, lines) => {
  expect('problem' in parsePolicy(Buffer.from(lines.join('\n')))).toBe(true);
});

test('a policy that asks for cosigners does not open a checkpoint of another log, or under another name', () => {
  const other = pairOf('example.com/other', 'ed25519');
  const policy = policyOf(`log ${other.key.vkey}`, `witness W1 ${W1.key.vkey}`, 'quorum W1');
  const note = believed(parseNote(Buffer.from(NOTE)));
  expect(openCheckpoint(note, policy)).toEqual({
    problem: 'the policy knows no log example.com/log',
  });
  // The other log signs a checkpoint under this one’s origin.
  const both = policyOf(
    `log ${other.key.vkey}`,
    `log ${LOG.key.vkey}`,
    `witness W1 ${W1.key.vkey}`,
    'quorum W1',
  );
  const forged = believed(parseNote(Buffer.from(`${TEXT}\n${other.line(TEXT)}${W1.line(TEXT)}`)));
  expect(openCheckpoint(forged, both)).toEqual({
    problem: 'the log example.com/log did not sign it',
  });
});

test('a proof holds for its leaf, under a checkpoint with the quorum, and not once a byte of it is another', async () => {
  const leaves = ['a', 'b', 'c', 'd', 'e'].map((text) => Buffer.from(text));
  const read: HashReader = (nodes) =>
    Promise.resolve(
      nodes.map(({ level, index }) => {
        const tree = new TreeHasher();
        for (const leaf of leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
          tree.add(leaf);
        return tree.root();
      }),
    );
  const tree = new TreeHasher();
  for (const leaf of leaves) tree.add(leaf);
  const text = checkpointText({ origin: LOG.key.name, size: 5, root: tree.root() });
  const checkpoint = `${text}\n${LOG.line(text)}${W1.line(text)}`;
  const policy = policyOf(`log ${LOG.key.vkey}`, `witness W1 ${W1.key.vkey}`, 'quorum W1');
  const proof = await inclusionProof(2, 5, read);
  const written = tlogProofText({ extra: Buffer.from('x'), index: 2, proof, checkpoint });
  expect(believed(parseTlogProof(written))).toMatchObject({ index: 2, extra: Buffer.from('x') });
  expect(believed(verifyTlogProof(written, Buffer.from('c'), policy))).toMatchObject({ index: 2 });
  expect('problem' in verifyTlogProof(written, Buffer.from('d'), policy)).toBe(true);
  const alone = tlogProofText({
    extra: null,
    index: 2,
    proof,
    checkpoint: `${text}\n${LOG.line(text)}`,
  });
  expect(verifyTlogProof(alone, Buffer.from('c'), policy)).toEqual({
    problem: 'too few of the policy’s witnesses cosigned the checkpoint',
  });
  // The extra data is nobody’s; every other byte counts.
  const bare = Buffer.from(written.replace('extra eA==\n', ''));
  for (let at = 0; at < bare.length; at += 1) {
    const changed = Buffer.from(bare);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect('problem' in verifyTlogProof(changed.toString('utf8'), Buffer.from('c'), policy)).toBe(
      true,
    );
  }
});
