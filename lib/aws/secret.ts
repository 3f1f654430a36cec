import { ConfigError, TransientError } from '../errors.ts';
import { openGraph, type Graph } from '../graph/connection.ts';
import { migrate } from '../graph/schema.ts';
import { graphSettings, type GraphSettings } from '../graph/settings.ts';
import { jsonMembers } from '../members.ts';
import { failureCode } from './failure-code.ts';
import { secretString } from './secret-string.ts';

const NEEDED = ['NEO4J_URI', 'NEO4J_USERNAME', 'NEO4J_PASSWORD'] as const;

/**
 * The database of a secret with the four members of the file that Aura hands out. When the database
 * refuses the login the secret is read again, so that a rotated password is taken up while running.
 */
export async function secretGraphSettings(arn: string): Promise<GraphSettings> {
  const settings = await read(arn);
  return { ...settings, renew: () => read(arn) };
}

/**
 * The same database, open and with its schema made. Who writes makes it, and not the deployment: a
 * database that is paused then delays messages and fails no stack.
 */
export async function openMigrated(arn: string): Promise<Graph> {
  const graph = openGraph(await secretGraphSettings(arn));
  try {
    await migrate(graph);
    return graph;
  } catch (error) {
    await graph.close();
    throw error;
  }
}

async function read(arn: string): Promise<GraphSettings> {
  const text = await secretString(arn).catch((error: unknown) => {
    const code = failureCode(error);
    throw new TransientError('SECRET_UNREADABLE', `the secret ${arn} could not be read (${code})`, {
      cause: error,
    });
  });
  const found = texts(text);
  const settings = graphSettings(found, `the secret ${arn}`);
  if (settings !== null) return settings;
  const missing = NEEDED.filter((name) => !found[name]);
  throw new ConfigError(
    'DATABASE_SETTINGS_INVALID',
    missing.map((name) => `the secret ${arn} has no ${name}`),
  );
}

/** The members of a secret that are text. */
function texts(secret: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(jsonMembers(secret)).filter(
      (member): member is [string, string] => typeof member[1] === 'string',
    ),
  );
}
