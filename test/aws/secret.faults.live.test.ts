import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { secretGraphSettings } from '../../lib/aws/secret.ts';
import { ConfigError, safeDescription, TransientError } from '../../lib/errors.ts';
import { openGraph, type Graph } from '../../lib/graph/connection.ts';
import { database } from '../../lib/graph/database.ts';
import { neo4jLogin } from '../support/neo4j-login.ts';
import { StubAws } from '../support/stub-aws.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:neo4j-AbCdEf';
const CANARY = 'canary-5c1f';

const KILL = `
CALL dbms.listConnections() YIELD connectionId, username
WHERE username = $name
WITH collect(connectionId) AS ids
CALL dbms.killConnections(ids) YIELD connectionId
RETURN count(connectionId) AS killed
`;

let stub: StubAws;
let system: Graph;
let admin: Graph;
let users = 0;

beforeAll(async () => {
  stub = await StubAws.start();
  Object.assign(process.env, stub.environment);
  admin = openGraph(neo4jLogin);
  system = openGraph({ ...neo4jLogin, database: 'system' });
});
beforeEach(() => {
  stub.fault = () => null;
  stub.requests.length = 0;
  stub.secrets.clear();
});
afterAll(async () => {
  for (let user = 1; user <= users; user += 1)
    await system[database].run(`DROP USER custody${user} IF EXISTS`);
  await system.close();
  await admin.close();
  await stub.close();
});

function secret(members: unknown): void {
  stub.secrets.set(ARN, typeof members === 'string' ? members : JSON.stringify(members));
}

async function failure(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => null,
    (error: unknown) => error,
  );
}

/** A pool that was opened with the secret of a user of its own. */
async function running(isInUse = true): Promise<{ readonly name: string; readonly graph: Graph }> {
  const name = `custody${(users += 1)}`;
  await system[database].run(`CREATE USER ${name} SET PASSWORD $password CHANGE NOT REQUIRED`, {
    password: `first ${CANARY}`,
  });
  named(name, `first ${CANARY}`);
  const graph = openGraph(await secretGraphSettings(ARN));
  onTestFinished(() => graph.close());
  if (isInUse) await Promise.all(Array.from({ length: 4 }, () => ask.read(graph)));
  return { name, graph };
}

function named(username: string, password: string): void {
  secret({ NEO4J_URI: neo4jLogin.uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password });
}

/** The password holds from now on, and every connection of before ends. */
async function rotate(name: string, password: string): Promise<void> {
  await system[database].run(`ALTER USER ${name} SET PASSWORD $password CHANGE NOT REQUIRED`, {
    password,
  });
  await killConnections(name);
}

async function killConnections(name: string): Promise<void> {
  await admin[database].run(KILL, { name });
}

const ask = {
  read: (graph: Graph) => graph[database].read((tx) => tx.run('RETURN 1')),
  write: (graph: Graph) => graph[database].write((tx) => tx.run('RETURN 1')),
  run: (graph: Graph) => graph[database].run('RETURN 1'),
  verify: (graph: Graph) => graph.verify(),
} as const;

test('the four members of a secret are the settings', async () => {
  const members = {
    NEO4J_URI: 'neo4j+s://db.example.com',
    NEO4J_USERNAME: 'u',
    NEO4J_PASSWORD: CANARY,
  };
  secret({ ...members, NEO4J_DATABASE: 'lineage', AURA_INSTANCEID: 'x', number: 5 });
  const login = { uri: members.NEO4J_URI, username: 'u', password: CANARY };
  expect(await secretGraphSettings(ARN)).toMatchObject({ ...login, database: 'lineage' });
  secret(members);
  expect(await secretGraphSettings(ARN)).toEqual({
    ...login,
    renew: expect.any(Function) as unknown,
  });
  expect(stub.requests).toHaveLength(2);
});

const URI = 'neo4j+s://db.example.com';
test.each([
  [{}, ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  [{ NEO4J_PASSWORD: CANARY }, ['NEO4J_URI', 'NEO4J_USERNAME']],
  [{ NEO4J_URI: URI }, ['NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  [{ NEO4J_URI: URI, NEO4J_USERNAME: '', NEO4J_PASSWORD: CANARY }, ['NEO4J_USERNAME']],
  [{ NEO4J_URI: URI, NEO4J_USERNAME: CANARY, NEO4J_PASSWORD: 5 }, ['NEO4J_PASSWORD']],
  [
    { NEO4J_URI: `bolt://${CANARY}`, NEO4J_PASSWORD: CANARY },
    ['NEO4J_URI .* neo4j\\+s://', 'NEO4J_USERNAME'],
  ],
  [CANARY, ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  [`{"NEO4J_PASSWORD": "${CANARY}"`, ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  [`"${CANARY}"`, ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  [`["${CANARY}"]`, ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  ['null', ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
  ['', ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD']],
])(
  'of the secret %j everything that is wrong is named, and nothing of it quoted',
  async (members, problems) => {
    secret(members);
    const error = await failure(secretGraphSettings(ARN));
    expect(error).toBeInstanceOf(ConfigError);
    const each = problems.map((problem) => expect.stringMatching(new RegExp(problem)) as unknown);
    expect(error).toHaveProperty('problems', each);
    expect(inspect(error, { depth: 9 })).toContain(ARN);
    expectSilent(error);
  },
);

function expectSilent(error: unknown): void {
  expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
  expect(JSON.stringify(safeDescription(error))).not.toContain(CANARY);
}

test.each([
  'bolt://db.example.com:7687',
  'neo4j://db.example.com',
  'neo4j+ssc://db.example.com',
  'bolt+ssc://127.0.0.1',
  'http://127.0.0.1',
  'bolt://localhost.example.com',
  'bolt://127.0.0.1.example.com',
  'bolt://127.0.0.1@db.example.com',
  'bolt://localhost:7687@db.example.com',
  'bolt://[::1]:7687@db.example.com',
  'bolt://[::2]',
  'db.example.com',
])('%s is refused: it goes beyond loopback without a verified certificate', async (uri) => {
  secret({ NEO4J_URI: uri, NEO4J_USERNAME: 'u', NEO4J_PASSWORD: CANARY });
  const error = await failure(secretGraphSettings(ARN));
  expect(error).toBeInstanceOf(ConfigError);
  expectSilent(error);
});

test.each(['bolt://127.0.0.1:7687', 'neo4j://localhost', 'bolt://[::1]:7687/', `${URI}:7687`])(
  '%s is taken',
  async (uri) => {
    secret({ NEO4J_URI: uri, NEO4J_USERNAME: 'u', NEO4J_PASSWORD: CANARY });
    expect(await secretGraphSettings(ARN)).toMatchObject({ uri });
  },
);

test.each([
  ['there is no such secret', null],
  ['access is denied', { status: 400, code: 'AccessDeniedException' }],
  ['Secrets Manager fails', { status: 500, code: 'InternalServiceError' }],
  ['requests are throttled', { status: 400, code: 'ThrottlingException' }],
  ['connections are reset', { silence: 'reset' }],
] as const)('while %s, reading the secret fails with a TransientError', async (_, fault) => {
  stub.fault = () => fault;
  const error = await failure(secretGraphSettings(ARN));
  expect(error).toBeInstanceOf(TransientError);
  expect(stub.requests.length).toBeLessThanOrEqual(4);
});

test.each([
  ['read', 'in use'],
  ['write', 'in use'],
  ['read', 'not yet in use'],
  ['write', 'not yet in use'],
  ['run', 'not yet in use'],
  ['verify', 'not yet in use'],
] as const)(
  'a password that is rotated is taken up by the next %s of a pool %s, with one reading of the secret',
  async (how, pool) => {
    const { name, graph } = await running(pool === 'in use');
    for (const [index, nth] of (pool === 'in use' ? ['second', 'third'] : ['second']).entries()) {
      named(name, `${nth} ${CANARY}`);
      await rotate(name, `${nth} ${CANARY}`);
      await ask[how](graph);
      await Promise.all(Array.from({ length: 8 }, () => ask[how](graph)));
      expect(stub.requests).toHaveLength(index + 2);
    }
  },
);

test('a rotation met by many at once may lock the user out for seconds, but no longer', async () => {
  const { name, graph } = await running();
  named(name, `second ${CANARY}`);
  await rotate(name, `second ${CANARY}`);
  const met = await Promise.all(Array.from({ length: 8 }, () => failure(ask.read(graph))));
  for (const error of met)
    expect(error ?? new TransientError('DATABASE_BUSY', '')).toBeInstanceOf(TransientError);
  expect(stub.requests).toHaveLength(2);
  await expect.poll(() => failure(ask.read(graph)), { interval: 500, timeout: 8_000 }).toBeNull();
});

test('a wrong password is the operator’s to mend, and found out at once', async () => {
  const { name, graph } = await running();
  await rotate(name, `second ${CANARY}`);
  const start = performance.now();
  const error = await failure(ask.read(graph));
  expect(performance.now() - start).toBeLessThan(3_000);
  expect(error).toBeInstanceOf(ConfigError);
  expectSilent(error);
  expect(stub.requests).toHaveLength(2);
  // What is mended holds without a restart.
  named(name, `second ${CANARY}`);
  expect(await failure(ask.read(graph))).toBeNull();
});

test('after too many wrong passwords the server’s lock is waited out, not taken for a wrong password', async () => {
  const { name, graph } = await running();
  await rotate(name, `second ${CANARY}`);
  for (let tries = 0; tries < 3; tries += 1)
    expect(await failure(ask.read(graph))).toBeInstanceOf(ConfigError);
  named(name, `second ${CANARY}`);
  const error = await failure(ask.read(graph));
  expect(error).toBeInstanceOf(TransientError);
  expectSilent(error);
  await expect.poll(() => failure(ask.read(graph)), { interval: 500, timeout: 8_000 }).toBeNull();
});

test('while the secret can’t be read again, a refused login is a TransientError', async () => {
  const { name, graph } = await running();
  named(name, `second ${CANARY}`);
  await rotate(name, `second ${CANARY}`);
  stub.fault = () => ({ status: 400, code: 'AccessDeniedException' });
  expect(await failure(ask.read(graph))).toBeInstanceOf(TransientError);
  stub.fault = () => null;
  expect(await failure(ask.read(graph))).toBeNull();
});

test('connections that the server ended are made anew, without another look at the secret', async () => {
  const { name, graph } = await running();
  for (let round = 0; round < 3; round += 1) {
    await killConnections(name);
    await Promise.all(Array.from({ length: 4 }, () => ask.read(graph)));
  }
  expect(stub.requests).toHaveLength(1);
});
