import neo4j, {
  type AuthToken,
  type AuthTokenManager,
  type Driver,
  type ManagedTransaction,
  type Session,
} from 'neo4j-driver';
import { ConfigError, TransientError } from '../errors.ts';
import { VERSION } from '../version.ts';

/** The four settings of the file that Aura hands out. */
export interface GraphSettings {
  readonly uri: string;
  readonly username: string;
  readonly password: string;
  /** The user's home database when absent. */
  readonly database?: string;
  /** Asked for the login that holds now, when the server has refused the one before. */
  readonly renew?: () => Promise<Pick<GraphSettings, 'username' | 'password'>>;
}

/** An open connection pool to one Neo4j database. */
export interface Graph {
  /** Resolves when the database answers; {@link ConfigError} when it refuses the login, {@link TransientError} when it can't be reached. */
  verify(): Promise<void>;
  /** Runs a unit of work that may be run again from its start, even after its COMMIT took effect. */
  write<T>(work: (tx: ManagedTransaction) => Promise<T>): Promise<T>;
  read<T>(work: (tx: ManagedTransaction) => Promise<T>): Promise<T>;
  /** Runs one statement in a transaction of its own, as schema changes need. */
  run(statement: string, parameters?: Record<string, unknown>): Promise<Row[]>;
  close(): Promise<void>;
}

/** One row of an answer, by column name. */
export type Row = Record<string, unknown>;

/** A transaction that outlives this is ended by the server, so that a dead writer can't hold the write lock (docs/graph.md, G-30). */
const TRANSACTION_TIMEOUT_MS = 120_000;

/** Opens nothing yet: the first statement, or `verify`, connects. */
export function openGraph(settings: GraphSettings): Graph {
  const driver = connect(settings);
  const session = (): Session =>
    driver.session(settings.database === undefined ? {} : { database: settings.database });
  async function within<T>(use: (open: Session) => Promise<T>): Promise<T> {
    const open = session();
    try {
      return await use(open);
    } catch (error) {
      throw translated(error);
    } finally {
      await open.close();
    }
  }
  return {
    verify: () =>
      within(async (open) => {
        await open.run('RETURN 1');
      }),
    write: (work) => within((open) => open.executeWrite(work, { timeout: TRANSACTION_TIMEOUT_MS })),
    read: (work) => within((open) => open.executeRead(work, { timeout: TRANSACTION_TIMEOUT_MS })),
    run: (statement, parameters = {}) =>
      within(async (open) => rows(await open.run(statement, parameters))),
    close: () => driver.close(),
  };
}

function connect(settings: GraphSettings): Driver {
  try {
    return neo4j.driver(settings.uri, login(settings), {
      userAgent: `custody/${VERSION}`,
      disableLosslessIntegers: true,
      maxConnectionPoolSize: 10,
      // Aura ends idle connections after an hour; a thawed Lambda holds dead sockets.
      maxConnectionLifetime: 50 * 60_000,
      connectionLivenessCheckTimeout: 30_000,
      connectionTimeout: 15_000,
      maxTransactionRetryTime: 30_000,
      telemetryDisabled: true,
      notificationFilter: { minimumSeverityLevel: 'OFF' },
    });
  } catch (error) {
    throw new ConfigError(
      ['NEO4J_URI is not an address of Neo4j (neo4j+s://…, bolt+s://…, bolt://127.0.0.1:…)'],
      { cause: error },
    );
  }
}

/** With `renew`, the driver runs again what was refused, with the new login. */
function login({ username, password, renew }: GraphSettings): AuthToken | AuthTokenManager {
  const first = neo4j.auth.basic(username, password);
  if (renew === undefined) return first;
  let held: AuthToken | null = first;
  return neo4j.authTokenManagers.basic({
    async tokenProvider() {
      const token = held;
      held = null;
      if (token !== null) return token;
      const now = await renew();
      return neo4j.auth.basic(now.username, now.password);
    },
  });
}

/** The rows of a driver's answer as plain objects. */
export function rows(result: { records: { toObject(): Row }[] }): Row[] {
  return result.records.map((record) => record.toObject());
}

/** True when what was to be created is there already; the transaction has been rolled back. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof neo4j.Neo4jError &&
    error.code === 'Neo.ClientError.Schema.ConstraintValidationFailed'
  );
}

function translated(error: unknown): unknown {
  if (!(error instanceof neo4j.Neo4jError)) return error;
  if (error.code.startsWith('Neo.ClientError.Security'))
    return new ConfigError(['Neo4j refused the login: check NEO4J_USERNAME and NEO4J_PASSWORD'], {
      cause: error,
    });
  if (neo4j.isRetryableError(error) || error.code === 'ServiceUnavailable')
    return new TransientError(
      `Neo4j could not be reached or could not finish (${error.code}); nothing half-done was kept, try again`,
      { cause: error },
    );
  return error;
}
