import neo4j, {
  type AuthToken,
  type AuthTokenManager,
  type Driver,
  type Session,
} from 'neo4j-driver';
import { ConfigError, OutOfTimeError, TransientError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { database, type Database } from './database.ts';
import { rows, type Row } from './rows.ts';
import type { GraphSettings } from './settings.ts';

/** An open connection pool to one Neo4j database; what is done with it is done by lib/graph alone. */
export interface Graph {
  /** Resolves when the database answers; {@link ConfigError} when it refuses the login, {@link TransientError} when it can't be reached. */
  verify(): Promise<void>;
  close(): Promise<void>;
  readonly [database]: Database;
}

type Mode = 'READ' | 'WRITE';

/** When the server ends what was begun, in milliseconds. */
interface TimeLimits {
  /** A dead writer can't hold the write lock longer (docs/graph.md, G-30). */
  readonly transactionMs: number;
  /** Of one question; an answer may take several. */
  readonly questionMs: number;
}

const TIME_LIMITS: TimeLimits = { transactionMs: 120_000, questionMs: 5_000 };

/** Opens nothing yet: the first statement, or `verify`, connects. */
export function openGraph(
  settings: GraphSettings,
  {
    transactionMs = TIME_LIMITS.transactionMs,
    questionMs = TIME_LIMITS.questionMs,
  }: Partial<TimeLimits> = {},
): Graph {
  const login = new Login(settings);
  const driver = connect(settings.uri, login);
  const named = settings.database === undefined ? {} : { database: settings.database };
  async function once<T>(mode: Mode, use: (open: Session) => Promise<T>): Promise<T> {
    await using open = driver.session({ ...named, defaultAccessMode: mode });
    return await use(open);
  }
  async function within<T>(
    mode: Mode,
    use: (open: Session) => Promise<T>,
    isLimited = mode === 'READ',
  ): Promise<T> {
    const { token } = login;
    try {
      return await once(mode, use).catch(async (error: unknown) => {
        // A refused login has done nothing yet.
        if (isRefusal(error) && (await login.isRenewed(token))) return once(mode, use);
        throw error;
      });
    } catch (error) {
      throw translate(error, isLimited);
    }
  }
  return {
    verify: () =>
      within('READ', async (open) => {
        await open.run('RETURN 1');
      }),
    close: () => driver.close(),
    [database]: {
      write: (work, limit) =>
        within(
          'WRITE',
          (open) => open.executeWrite(work, { timeout: limit ?? transactionMs }),
          limit !== undefined,
        ),
      read: (work) => within('READ', (open) => open.executeRead(work, { timeout: transactionMs })),
      ask: (statement, parameters = {}) =>
        within('READ', (open) => alone(open, statement, parameters, questionMs)),
      look: (statement, parameters) =>
        within('READ', (open) => alone(open, statement, parameters, transactionMs, true), false),
      run: (statement, parameters = {}) =>
        within('WRITE', async (open) => rows(await open.run(statement, parameters))),
    },
  };
}

/** One statement that reads, in a transaction that travels with it; tried again once, or as often as the driver would. */
async function alone(
  open: Session,
  statement: string,
  parameters: Row,
  timeout: number,
  isPatient = false,
): Promise<Row[]> {
  const run = async (): Promise<Row[]> => rows(await open.run(statement, parameters, { timeout }));
  // The driver tries again for its own transactions only; a reader may be asked twice.
  return run().catch(async (error: unknown) => {
    if (!(error instanceof neo4j.Neo4jError) || !neo4j.isRetryableError(error)) throw error;
    if (!isPatient) return run();
    return rows(await open.executeRead((tx) => tx.run(statement, parameters), { timeout }));
  });
}

function connect(uri: string, login: Login): Driver {
  try {
    return neo4j.driver(uri, login, {
      userAgent: `custody/${VERSION}`,
      disableLosslessIntegers: true,
      maxConnectionPoolSize: 10,
      // Aura ends idle connections after an hour; a thawed Lambda holds dead sockets.
      maxConnectionLifetime: 50 * 60_000,
      connectionLivenessCheckTimeout: 30_000,
      connectionTimeout: 15_000,
      // Whoever calls tries again later, too.
      maxTransactionRetryTime: 15_000,
      telemetryDisabled: true,
      notificationFilter: { minimumSeverityLevel: 'OFF' },
    });
  } catch (error) {
    throw new ConfigError(
      'DATABASE_SETTINGS_INVALID',
      ['NEO4J_URI is not an address of Neo4j (neo4j+s://…, bolt+s://…, bolt://127.0.0.1:…)'],
      { cause: error },
    );
  }
}

/**
 * The login that holds. The driver's own managers hear nothing of a new connection that is refused,
 * and would therefore never ask for a rotated password.
 */
class Login implements AuthTokenManager {
  token: AuthToken;
  #username: string;
  #password: string;
  readonly #renew: GraphSettings['renew'];
  #renewing: Promise<boolean> | null = null;

  constructor({ username, password, renew }: GraphSettings) {
    this.#username = username;
    this.#password = password;
    this.token = neo4j.auth.basic(username, password);
    this.#renew = renew;
  }

  getToken(): AuthToken {
    return this.token;
  }

  handleSecurityException(): boolean {
    return false;
  }

  /** True when another login than the refused one holds now; asks for it once, however many wait. */
  async isRenewed(refused: AuthToken): Promise<boolean> {
    if (this.token !== refused) return true;
    this.#renewing ??= this.#askAnew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #askAnew(): Promise<boolean> {
    const now = await this.#renew?.();
    if (now === undefined) return false;
    const { username, password } = now;
    if (username === this.#username && password === this.#password) return false;
    [this.#username, this.#password] = [username, password];
    this.token = neo4j.auth.basic(username, password);
    return true;
  }
}

/** True when what was to be created is there already; the transaction has been rolled back. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof neo4j.Neo4jError &&
    error.code === 'Neo.ClientError.Schema.ConstraintValidationFailed'
  );
}

/** After three wrong passwords in a row the server refuses right ones, too, for five seconds. */
const LOCKED = 'Neo.ClientError.Security.AuthenticationRateLimit';

function isRefusal(error: unknown): boolean {
  return (
    error instanceof neo4j.Neo4jError &&
    (error.code === 'Neo.ClientError.Security.Unauthorized' || error.code === LOCKED)
  );
}

/** How codes begin of a transaction that the server has ended, as when it waited too long for the write lock. */
const ENDED: readonly string[] = [
  'Neo.ClientError.Transaction.LockClientStopped',
  'Neo.ClientError.Transaction.Terminated',
  'Neo.ClientError.Transaction.TransactionTimedOut',
];

/** `isLimited`: who asked knows that there is only so much time. */
function translate(error: unknown, isLimited: boolean): unknown {
  if (!(error instanceof neo4j.Neo4jError)) return error;
  if (error.code === LOCKED)
    return new TransientError(
      'DATABASE_LOGIN_LOCKED',
      'Neo4j takes no login for some seconds, after too many wrong ones; try again',
      { cause: error },
    );
  if (error.code.startsWith('Neo.ClientError.Security'))
    return new ConfigError(
      'DATABASE_LOGIN_REFUSED',
      ['Neo4j refused the login: check NEO4J_USERNAME and NEO4J_PASSWORD'],
      {
        cause: error,
      },
    );
  const isEnded = ENDED.some((code) => error.code.startsWith(code));
  if (isEnded && isLimited)
    return new OutOfTimeError('TIME_BUDGET', 'Neo4j ended a transaction that took too long', {
      cause: error,
    });
  // Of a write nothing was kept, and another time those that it waited for may be done.
  if (isEnded || neo4j.isRetryableError(error) || error.code === 'ServiceUnavailable') {
    // The server's codes begin with its name; the driver's own tell of the connection.
    const isReached = error.code.startsWith('Neo.');
    return new TransientError(
      isReached ? 'DATABASE_BUSY' : 'DATABASE_UNREACHABLE',
      `Neo4j could not ${isReached ? 'finish' : 'be reached'} (${error.code}); nothing half-done was kept, try again`,
      { cause: error },
    );
  }
  return error;
}
