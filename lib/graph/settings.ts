import { ConfigError } from '../errors.ts';

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

/** The variables that name a database: those of the file that Aura hands out. */
type Neo4jEnvironment = Readonly<
  Partial<
    Record<'NEO4J_URI' | 'NEO4J_USERNAME' | 'NEO4J_PASSWORD' | 'NEO4J_DATABASE', string | undefined>
  >
>;

/**
 * The database that the environment, or whatever `from` names, describes; null where it names none.
 * Beyond loopback only an encrypted connection with a verified certificate will do.
 */
export function graphSettings(
  env: Neo4jEnvironment,
  from = 'the environment',
): GraphSettings | null {
  const { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password } = env;
  if (!uri) return null;
  const problems: string[] = [];
  if (!isSafe(uri))
    problems.push(
      `NEO4J_URI of ${from} has to begin with neo4j+s:// or bolt+s://; without encryption only loopback is talked to`,
    );
  if (!username) problems.push(`NEO4J_URI is set, but NEO4J_USERNAME is not, in ${from}`);
  if (!password) problems.push(`NEO4J_URI is set, but NEO4J_PASSWORD is not, in ${from}`);
  if (problems.length > 0 || !username || !password)
    throw new ConfigError('DATABASE_SETTINGS_INVALID', problems);
  const database = env.NEO4J_DATABASE;
  return { uri, username, password, ...(database ? { database } : {}) };
}

function isSafe(uri: string): boolean {
  if (/^(?:neo4j|bolt)\+s:\/\//.test(uri)) return true;
  // Nothing but a port may follow the host: in bolt://localhost:7687@example.com it is example.com.
  const host = /^(?:neo4j|bolt):\/\/(\[[^\]]*\]|[^/:?#]*)(?::\d+)?(?:[/?#]|$)/.exec(uri)?.[1];
  return host !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/i.test(host);
}

/** How `input` and `output` are kept: as text, as hash and size, or not at all. */
export type Payload = 'inline' | 'hash' | 'none';

/** {@link ConfigError} for any other word. */
export function payload(env: { readonly CUSTODY_PAYLOAD?: string | undefined }): Payload {
  const named = env.CUSTODY_PAYLOAD || 'inline';
  if (named === 'inline' || named === 'hash' || named === 'none') return named;
  throw new ConfigError('SETTING_INVALID', ['CUSTODY_PAYLOAD is inline, hash or none']);
}
