import { createHash, randomBytes } from 'node:crypto';

/** Where an embedded server listens, on loopback only; HTTP and the Browser are off where there is no port. */
export interface ServerPorts {
  readonly boltPort: number;
  readonly httpPort: number | null;
}

/** What stands in neo4j.conf. */
export function configuration(ports: ServerPorts): string {
  const settings = {
    'server.default_listen_address': '127.0.0.1',
    'server.bolt.listen_address': `127.0.0.1:${ports.boltPort}`,
    'server.bolt.advertised_address': `127.0.0.1:${ports.boltPort}`,
    'server.https.enabled': 'false',
    'dbms.security.auth_enabled': 'true',
    // Any web page can reach loopback: with a limit its wrong passwords would lock out the right one,
    // which is of 144 random bits and can't be guessed.
    'dbms.security.auth_max_failed_attempts': '0',
    'dbms.usage_report.enabled': 'false',
    'client.allow_telemetry': 'false',
    'server.memory.pagecache.size': '256m',
    'db.tx_log.rotation.retention_policy': '256M size',
    ...http(ports),
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** The Browser alone, which asks over Bolt: no other page may read an answer, and it may ask no other host. */
function http({ boltPort, httpPort }: ServerPorts): Readonly<Record<string, string>> {
  if (httpPort === null) return { 'server.http.enabled': 'false' };
  const own = `http://127.0.0.1:${httpPort}`;
  const policy = [
    "default-src 'self'",
    "img-src 'self' data:",
    "style-src 'self' 'unsafe-inline'",
    `connect-src 'self' ws://127.0.0.1:${boltPort}`,
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'server.http.enabled': 'true',
    'server.http.listen_address': `127.0.0.1:${httpPort}`,
    'server.http.advertised_address': `127.0.0.1:${httpPort}`,
    'server.http_enabled_modules': 'BROWSER',
    'dbms.security.http_access_control_allow_origin': own,
    'dbms.security.http_static_content_security_policy_header': policy.join('; '),
    'browser.remote_content_hostname_whitelist': '',
  };
}

const ITERATIONS = 1_024;

/**
 * What stands in data/dbms/auth.ini, as `neo4j-admin dbms set-initial-password` writes it: the user
 * neo4j of a server that starts for the first time has this password from its first moment on.
 */
export function initialLogin(password: string): string {
  const salt = randomBytes(32);
  let hash = Buffer.concat([salt, Buffer.from(password, 'utf8')]);
  for (let round = 0; round < ITERATIONS; round += 1)
    hash = createHash('sha256').update(hash).digest();
  return `neo4j:SHA-256,${hash.toString('hex')},${salt.toString('hex')},${ITERATIONS}:\n`;
}
