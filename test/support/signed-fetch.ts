import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../lib/aws/secret-string.ts';

/** An access key of an IAM user. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** GET, signed as an HTTP API under IAM expects it. */
export async function signedFetch(
  url: string,
  region: string,
  credentials: Credentials,
): Promise<Response> {
  const { protocol, hostname, port, host, pathname, searchParams } = new URL(url);
  const signer = new SignatureV4({ service: 'execute-api', region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    method: 'GET',
    protocol,
    hostname,
    port: Number(port),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { host },
  });
  return fetch(url, { headers });
}
