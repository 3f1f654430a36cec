import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/errors.ts';
import { neo4jStatus, startNeo4j, stopNeo4j } from '../lib/local/neo4j.ts';
import type { Command } from './command.ts';
import { NEO4J_HOME } from './database.ts';
import { print, tell } from './terminal.ts';

export const neo4j: Command = async (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    print('usage: custody neo4j start|stop|status');
    return 0;
  }
  switch (positionals[0] ?? '') {
    case 'start': {
      const server = await startNeo4j({ home: NEO4J_HOME, detached: true, onProgress: tell });
      print(server.uri);
      return 0;
    }
    case 'stop':
      print((await stopNeo4j(NEO4J_HOME)) ? 'stopped' : 'not running');
      return 0;
    case 'status': {
      const { running, uri } = await neo4jStatus(NEO4J_HOME);
      print(running ? `running at ${uri}` : 'not running');
      return running ? 0 : 1;
    }
    default:
      throw new ConfigError('USAGE', ['custody neo4j takes start, stop or status']);
  }
};
