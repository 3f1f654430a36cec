import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { secretGraphSettings } from '../aws/secret.ts';
import { openTelemetry } from '../aws/telemetry.ts';
import { stack, type Environment } from '../config.ts';
import { openGraph } from '../graph/connection.ts';
import { once } from '../once.ts';
import type { Resource } from './route.ts';
import { ROUTES } from './routes.ts';
import { server } from './serve.ts';

/** The handler of an HTTP API (payload format 2.0) for all routes of one resource. */
export function httpHandler(
  resource: Resource,
  env: Environment,
): (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2> {
  const { neo4jSecretArn } = stack(env, ['neo4jSecretArn']);
  const telemetry = openTelemetry();
  const graph = once(async () => openGraph(await secretGraphSettings(neo4jSecretArn)));
  const serve = server(
    ROUTES.filter((route) => route.resource === resource),
    graph,
    (error, { path, requestId }) => telemetry.error('request.failed', error, { path, requestId }),
  );
  return async ({ rawPath, rawQueryString, requestContext }) => {
    const { status, headers, body } = await serve({
      method: requestContext.http.method,
      path: rawPath,
      query: rawQueryString,
      requestId: requestContext.requestId,
    });
    return { statusCode: status, headers: { ...headers }, body };
  };
}
