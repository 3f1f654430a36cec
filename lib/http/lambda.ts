import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { openLog } from '../aws/log.ts';
import { secretGraphSettings } from '../aws/secret.ts';
import { stack, type Environment } from '../config.ts';
import type { ReadEnvelope } from '../evidence.ts';
import { openGraph } from '../graph/connection.ts';
import { once } from '../once.ts';
import type { Route } from './route.ts';
import { mayOf } from './permission.ts';
import { server } from './serve.ts';

/** The handler of an HTTP API (payload format 2.0) for these routes. */
export function httpHandler(
  routes: readonly Route[],
  env: Environment,
  readEnvelope: ReadEnvelope = () => Promise.reject(new Error('no envelopes are read here')),
): (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2> {
  const { neo4jSecretArn } = stack(env, ['neo4jSecretArn']);
  const log = openLog();
  const serve = server({
    routes,
    graph: once(async () => openGraph(await secretGraphSettings(neo4jSecretArn))),
    readEnvelope,
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
      may: mayOf(requestContext, env.CUSTODY_PAYLOAD_READERS ?? ''),
    });
    return { statusCode: status, headers: { ...headers }, body };
  };
}
