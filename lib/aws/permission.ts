import type { Scope } from '../http/route.ts';
import { membersOf } from '../members.ts';

/**
 * What the caller may do. With a JWT authorizer that is what the token's scopes say. With IAM whoever
 * was let in may read the lineage, and payloads those whose role or user is named in `payloadReaders`,
 * ARNs separated by commas: IAM itself can't tell apart what stands in a query.
 */
export function mayOf(requestContext: object, payloadReaders: string): (scope: Scope) => boolean {
  const authorizer = at(requestContext, 'authorizer');
  const scopes = at(authorizer, 'jwt', 'claims', 'scope');
  if (typeof scopes === 'string') {
    const held = scopes.split(' ');
    return (scope) => held.includes(scope);
  }
  const caller = at(authorizer, 'iam', 'userArn');
  const readers = payloadReaders.split(/[\s,]+/).filter((arn) => arn !== '');
  const isReader = typeof caller === 'string' && readers.includes(principalOf(caller));
  return (scope) => typeof caller === 'string' && (scope === 'payload:read' ? isReader : true);
}

/** Of a session the role: `arn:aws:sts::1:assumed-role/R/session` is `arn:aws:iam::1:role/R`. */
function principalOf(arn: string): string {
  const session = /^arn:([^:]+):sts::(\d+):assumed-role\/(.+)\/[^/]+$/.exec(arn);
  return session === null ? arn : `arn:${session[1]}:iam::${session[2]}:role/${session[3]}`;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((of, name) => membersOf(of)[name], value);
}
