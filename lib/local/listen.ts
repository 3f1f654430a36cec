import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ConfigError, hasCode } from '../errors.ts';
import type { Answer } from '../http/answer.ts';
import { problem, RequestError } from '../http/problem.ts';
import type { Serve } from '../http/serve.ts';
import type { ServeFile } from '../page/files.ts';
import { listenOnLoopback } from './loopback.ts';

/** An HTTP server for this machine alone. */
export interface LocalServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Names of this machine: a web page that has been rebound to 127.0.0.1 comes under another one. */
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** Where `custody start` can be expected to be found. */
const USUAL_PORT = 4477;

/**
 * Two names of 2,048 bytes, percent-encoded, and a cursor are more than the 16 KB that Node takes; what
 * is longer than any parameter may be is still told so by name.
 */
const MAX_HEADER_BYTES = 128 * 1024;

/**
 * Listens on loopback only, on `port` or, where that is taken, on a free one; where it is `wanted`,
 * {@link ConfigError} says that it is taken.
 */
export async function listen(
  serve: Serve,
  file: ServeFile,
  port = USUAL_PORT,
  wanted = false,
): Promise<LocalServer> {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    void answer(request, serve, file).then((answered) => send(response, request, answered));
  });
  const taken = await listenOnLoopback(server, port).catch((error: unknown) => {
    if (port === 0 || !hasCode(error, 'EADDRINUSE')) throw error;
    if (wanted)
      throw new ConfigError('PORT_UNAVAILABLE', [`port ${port}, wanted for the page, is in use`]);
    return listenOnLoopback(server, 0);
  });
  return {
    url: `http://127.0.0.1:${taken}/`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(request: IncomingMessage, serve: Serve, file: ServeFile): Promise<Answer> {
  const requestId = randomUUID();
  // Of two Host headers nobody knows which one the browser went by.
  const [host = '', ...otherHosts] = request.headersDistinct['host'] ?? [];
  if (otherHosts.length > 0 || !LOOPBACK.test(host))
    return problem(
      new RequestError('HOST_REFUSED', 'This server answers to names of this machine only.'),
      requestId,
    );
  const [path = '/', query = ''] = cut(request.url ?? '/');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const served = isRead ? file(path) : null;
  if (served !== null) return served;
  return serve({
    // A HEAD is a GET whose body is left out.
    method: isRead ? 'GET' : (request.method ?? ''),
    path,
    query,
    accepts: request.headers.accept ?? '',
    requestId,
    may: () => true,
  });
}

function cut(url: string): readonly string[] {
  const at = url.indexOf('?');
  return at === -1 ? [url] : [url.slice(0, at), url.slice(at + 1)];
}

function send(response: ServerResponse, request: IncomingMessage, answered: Answer): void {
  const { status, headers, body } = answered;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? '' : body);
}
