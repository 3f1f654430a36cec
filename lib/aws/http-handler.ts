import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { openGraph } from '../graph/connection.ts';
import type { Route } from '../http/route.ts';
import { server, type ServeOptions } from '../http/serve.ts';
import { once } from '../once.ts';
import { openLog } from './log.ts';
import { mayOf } from './permission.ts';
import { secretGraphSettings } from './secret.ts';

/** What a function that answers questions is told of its stack. */
export interface HttpSettings {
  readonly neo4jSecretArn: string;
  /** ARNs of the roles and users that may read payloads, separated by commas. */
  readonly payloadReaders: string;
}

/** The handler of an HTTP API (payload format 2.0) for these routes. */
export function httpHandler(
  routes: readonly Route[],
  { neo4jSecretArn, payloadReaders }: HttpSettings,
  sources: Partial<Pick<ServeOptions, 'readEnvelope' | 'ring' | 'tlog' | 'proofs'>> = {},
): (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2> {
  const log = openLog();
  const serve = server({
    routes,
    graph: once(async () => openGraph(await secretGraphSettings(neo4jSecretArn))),
    readEnvelope: () => Promise.reject(new Error('no envelopes are read here')),
    ...sources,
    onFailure: (error, { path, requestId }) =>
      log.error('request.failed', error, { path, requestId }),
  });
  return async (event) => {
    const { rawPath, rawQueryString, requestContext } = event;
    const { status, headers, body } = await serve({
      method: requestContext.http.method,
      path: rawPath,
      query: rawQueryString,
      accepts: event.headers['accept'] ?? '',
      requestId: requestContext.requestId,
      may: mayOf(requestContext, payloadReaders),
    });
    return { statusCode: status, headers: { ...headers }, body };
  };
}
