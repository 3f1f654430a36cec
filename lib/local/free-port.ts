import { createServer } from 'node:net';
import { ConfigError, TransientError } from '../errors.ts';
import { listenOnLoopback } from './loopback.ts';

/** A use of a port: `wanted` must be free, `usual` is taken when it is free. 0 asks for any. */
export interface PortWish {
  readonly kind: string;
  readonly wanted: number | undefined;
  readonly usual: number;
}

/** Two different free ports of loopback; {@link ConfigError} names every wanted one that is in use. */
export async function freePorts(first: PortWish, second: PortWish): Promise<[number, number]> {
  if (first.wanted !== undefined && first.wanted !== 0 && first.wanted === second.wanted)
    throw new ConfigError('PORT_UNAVAILABLE', [
      `port ${first.wanted} is wanted for Neo4j's ${first.kind} and its ${second.kind}`,
    ]);
  const problems: string[] = [];
  const ports: number[] = [];
  for (const { kind, wanted, usual } of [first, second]) {
    const port = await listenOnce(wanted ?? usual);
    if (port !== null) ports.push(port);
    else if (wanted !== undefined)
      problems.push(`port ${wanted}, wanted for Neo4j's ${kind}, is in use`);
    else ports.push((await listenOnce(0)) ?? noPort());
  }
  if (problems.length > 0) throw new ConfigError('PORT_UNAVAILABLE', problems);
  const [one, two] = ports;
  if (one === undefined || two === undefined) return noPort();
  return one === two ? freePorts(first, second) : [one, two];
}

function noPort(): never {
  throw new TransientError('DATABASE_NOT_STARTED', 'no port is free on loopback');
}

async function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  try {
    return await listenOnLoopback(server, port);
  } catch {
    return null;
  } finally {
    server.close();
  }
}
