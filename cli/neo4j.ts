import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { neo4jStatus, startNeo4j, stopNeo4j } from '../lib/local/neo4j.ts';
import type { Command } from './command.ts';
import { NEO4J_HOME, tell } from './database.ts';

export const neo4j: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    process.stdout.write('usage: custody neo4j start|stop|status\n');
    return 0;
  }
  switch (positionals[0] ?? '') {
    case 'start': {
      const server = await startNeo4j({ home: NEO4J_HOME, detached: true, onProgress: tell });
      process.stdout.write(`${server.uri}\n`);
      return 0;
    }
    case 'stop':
      process.stdout.write((await stopNeo4j(NEO4J_HOME)) ? 'stopped\n' : 'not running\n');
      return 0;
    case 'status': {
      const { running, uri } = await neo4jStatus(NEO4J_HOME);
      process.stdout.write(running ? `running at ${uri}\n` : 'not running\n');
      return running ? 0 : 1;
    }
    default:
      throw new ConfigError('USAGE', ['custody neo4j takes start, stop or status']);
  }
};
