import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { openNote, readVerifierKey, type Note, type Problem, type VerifierKey } from './note.ts';

/** A witness as a policy names it. */
export interface Witness {
  /** Has no meaning outside the policy. */
  readonly name: string;
  readonly key: VerifierKey;
  /** Its submission prefix (c2sp.org/tlog-witness), where it is to be asked. */
  readonly url: string | null;
}

/** Whom to believe: any one of the logs, and of the witnesses as many as the quorum says (c2sp.org/tlog-policy). */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly Witness[];
  /** True when that many of the witnesses, by their names here, are enough. */
  isQuorum(witnesses: ReadonlySet<string>): boolean;
}

type Quorum = (witnesses: ReadonlySet<string>) => boolean;

/** What has been read of a policy so far. */
interface Reading {
  readonly logs: VerifierKey[];
  readonly witnesses: Witness[];
  readonly names: Map<string, Quorum>;
  readonly members: Set<string>;
  quorum: Quorum | null;
}

/** Reads a policy; names every line that is wrong at once. */
export function parsePolicy(bytes: Uint8Array): Policy | Problem {
  // Names are octets to a policy, whatever they spell.
  const text = Buffer.from(bytes).toString('latin1');
  const into: Reading = {
    logs: [],
    witnesses: [],
    names: new Map(),
    members: new Set(),
    quorum: null,
  };
  const problems: string[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const problem = readLine(line, into);
    if (problem !== null) problems.push(`line ${at + 1}: ${problem}`);
  }
  const { logs, witnesses, quorum } = into;
  if (quorum === null && problems.length === 0) problems.push('there is no line quorum');
  if (quorum === null || problems.length > 0) return { problem: problems.join('; ') };
  return { logs, witnesses, isQuorum: quorum };
}

function readLine(line: string, into: Reading): string | null {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(line)) return 'it has a control character';
  const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== '');
  if (keyword === undefined || keyword.startsWith('#')) return null;
  switch (keyword) {
    case 'log':
      return readLog(items, into);
    case 'witness':
      return readWitness(items, into);
    case 'group':
      return readGroup(items, into);
    case 'quorum':
      return readQuorum(items, into);
    default:
      return 'it begins with none of log, witness, group, quorum';
  }
}

function readLog(items: readonly string[], { logs }: Reading): string | null {
  const [vkey, , more] = items;
  if (vkey === undefined || more !== undefined) return 'a log is: log <vkey> [<url>]';
  const key = readVerifierKey(utf8(vkey));
  if ('problem' in key) return key.problem;
  if (key.type !== 'ed25519') return 'a log’s key is of the type 1, Ed25519';
  if (isKnown(logs, key)) return 'this log’s key is there already';
  logs.push(key);
  return null;
}

function readWitness(items: readonly string[], { witnesses, names }: Reading): string | null {
  const [name, vkey, url, more] = items;
  if (name === undefined || vkey === undefined || more !== undefined)
    return 'a witness is: witness <name> <vkey> [<url>]';
  if (name === 'none' || names.has(name)) return 'this name is taken';
  const key = readVerifierKey(utf8(vkey));
  if ('problem' in key) return key.problem;
  if (key.type === 'ed25519') return 'a witness’s key is of the type 4 or 6, a cosigner’s';
  const known = witnesses.map((witness) => witness.key);
  if (isKnown(known, key)) return 'this witness’s key is there already';
  witnesses.push({ name, key, url: url === undefined ? null : utf8(url) });
  names.set(name, (cosigned) => cosigned.has(name));
  return null;
}

function readGroup(items: readonly string[], { names, members }: Reading): string | null {
  const [name, threshold, ...group] = items;
  if (name === undefined || threshold === undefined || group.length === 0)
    return 'a group is: group <name> <all, any or a number> <name>…';
  if (name === 'none' || names.has(name)) return 'this name is taken';
  const least =
    threshold === 'all'
      ? group.length
      : threshold === 'any'
        ? 1
        : /^\d{1,9}$/.test(threshold)
          ? Number(threshold)
          : 0;
  if (least < 1 || least > group.length)
    return `a group of ${group.length} asks for all, any, or a number from 1 to ${group.length}`;
  const asked: Quorum[] = [];
  for (const member of group) {
    const known = names.get(member);
    if (known === undefined) return 'a member of the group is not defined above it';
    if (members.has(member)) return 'a member of the group is in a group already';
    members.add(member);
    asked.push(known);
  }
  names.set(name, (cosigned) => asked.filter((one) => one(cosigned)).length >= least);
  return null;
}

function readQuorum([name, more]: readonly string[], into: Reading): string | null {
  if (name === undefined || more !== undefined) return 'a quorum is: quorum <name>';
  if (into.quorum !== null) return 'there is a line quorum already';
  const quorum = name === 'none' ? () => true : into.names.get(name);
  if (quorum === undefined) return 'the quorum is not defined above it';
  into.quorum = quorum;
  return null;
}

/** Two keys are one when they wrap the same public key, whatever they are called. */
function isKnown(keys: readonly VerifierKey[], { publicKey }: VerifierKey): boolean {
  return keys.some((key) => key.publicKey.equals(publicKey));
}

function utf8(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('utf8');
}

/** Who cosigned a checkpoint, and when. */
export interface Cosigned {
  /** As the policy names it. */
  readonly witness: string;
  /** The cosigner’s name. */
  readonly name: string;
  /** Seconds since 1970, as the witness says. */
  readonly time: bigint;
}

/** A checkpoint that a log of the policy signed. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly log: VerifierKey;
  /** Of the policy’s witnesses, each once. */
  readonly cosigned: readonly Cosigned[];
  /** Whether they are enough. */
  readonly isQuorum: boolean;
}

/** Opens a checkpoint; a problem where no log of the policy signed it, or one of the signatures that matter does not hold. */
export function openCheckpoint(note: Note, policy: Policy): OpenedCheckpoint | Problem {
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint === null) return { problem: 'this is no checkpoint' };
  // A log signs under its origin and no other.
  const logs = policy.logs.filter(({ name }) => name === checkpoint.origin);
  if (logs.length === 0) return { problem: `the policy knows no log ${checkpoint.origin}` };
  const opened = openNote(note, [...logs, ...policy.witnesses.map(({ key }) => key)]);
  if ('problem' in opened) return opened;
  const log = opened.signed.find(({ key }) => logs.includes(key))?.key;
  if (log === undefined) return { problem: `the log ${checkpoint.origin} did not sign it` };
  const cosigned = policy.witnesses.flatMap(({ name, key }): Cosigned[] => {
    const held = opened.signed.find((signed) => signed.key === key);
    if (held === undefined || held.time === null) return [];
    return [{ witness: name, name: key.name, time: held.time }];
  });
  const names = new Set(cosigned.map(({ witness }) => witness));
  return { checkpoint, log, cosigned, isQuorum: policy.isQuorum(names) };
}
