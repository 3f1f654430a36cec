import { join } from 'node:path';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { problem, RequestError } from '../lib/http/problem.ts';
import { once } from '../lib/once.ts';
import { pageFiles } from '../lib/page/files.ts';

// The build puts the files of the page beside the bundle.
const files = once(() => pageFiles(join(import.meta.dirname, 'web')));

export async function handler({
  rawPath,
  requestContext: { requestId },
}: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const file = await files();
  const notFound = new RequestError('ROUTE_UNKNOWN', 'There is nothing at this path.');
  const { status, headers, body } = file(rawPath) ?? problem(notFound, requestId);
  return { statusCode: status, headers: { ...headers }, body };
}
