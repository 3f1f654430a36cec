import { once } from 'node:events';
import type { Server } from 'node:net';

/** Lets a server listen on loopback only, on any free port where it is 0; resolves to the port, and rejects where that is taken. */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
