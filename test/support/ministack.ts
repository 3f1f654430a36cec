import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { freePorts } from '../../lib/local/free-port.ts';
import { pythonTools } from './python.ts';

const run = promisify(execFile);

const PACKAGES = ['ministack==1.5.33', 'cryptography==50.0.0', 'cfn-lint==1.58.0'];
const VENV = resolve('.custody/e2e-venv');
const HOME = resolve('.custody/e2e');

// Over plain HTTP the buckets' and queues' own policies would refuse everything.
const CERTIFICATE = `
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'ministack')])
now = datetime.datetime.now(datetime.timezone.utc)
loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
  .serial_number(x509.random_serial_number()).add_extension(loopback, False)
  .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
  .sign(key, hashes.SHA256()))
open(sys.argv[1], 'wb').write(cert.public_bytes(s.Encoding.PEM))
open(sys.argv[2], 'wb').write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
`;

// What a copy has on S3 and not here: the checksum that was asked for, the bucket's default retention,
// and a precondition on its place.
const EMULATOR = `
from ministack import app
from ministack.services import s3
copied = s3._copy_object
def copy_object(bucket, key, headers):
  found = s3._ensure_bucket(bucket)
  refused = found and s3._check_put_preconditions(headers, found['objects'].get(key))
  if refused:
    return refused
  asked = headers.get('x-amz-checksum-algorithm')
  with_sum = {**headers, 'x-amz-sdk-checksum-algorithm': asked} if asked else headers
  status, answered, body = copied(bucket, key, with_sum)
  if status == 200:
    made = found['objects'][key]
    s3._apply_object_lock_from_headers(bucket, key, headers, made.get('version_id'))
    sums = ''.join(f'<Checksum{name}>{sum}</Checksum{name}>' for name, sum in made['checksums'].items())
    body = body.replace(b'</CopyObjectResult>', sums.encode() + b'</CopyObjectResult>')
  return status, answered, body
s3._copy_object = copy_object
app.main()
`;

// The whole group ends when its parent does, even by SIGKILL: the pipe that `cat` reads closes with
// it. SIGTERM to the emulator alone would leave the functions running.
const SUPERVISED = '"$0" -c "$1" </dev/null & cat >/dev/null; kill -s KILL 0';

export const REGION = 'eu-central-1';
export const ACCOUNT = '000000000000';
const ROOT = { accessKeyId: 'test', secretAccessKey: 'test' };

export interface MiniStack {
  readonly endpoint: string;
  /** For the clients of the AWS SDK; root, which the emulator lets do everything. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: typeof ROOT;
  };
  /** The whole environment of a command that shall talk to the emulator and to nothing else. */
  readonly environment: NodeJS.ProcessEnv;
  /** What it and its functions printed. */
  readonly logFile: string;
  stop(): void;
}

/** Node 24 of node_modules first: the emulator runs the functions with the `node` that it finds. */
export const PATH = [resolve('node_modules/.bin'), '/usr/local/bin', '/usr/bin', '/bin'].join(
  delimiter,
);

/** What cfn-lint finds in a template, one finding a line; the empty text when it is clean. */
export async function lintTemplate(file: string): Promise<string> {
  // W3005, a superfluous DependsOn, is how osls writes every template.
  const found = await run(`${VENV}/bin/cfn-lint`, [
    '--ignore-checks=W3005',
    '--format=parseable',
    file,
  ]).catch((error: unknown) => error as { stdout: string; stderr: string });
  return found.stdout + found.stderr;
}

/** AWS on loopback, with IAM enforced. Everything that it started ends with {@link MiniStack.stop}. */
export async function startMiniStack(): Promise<MiniStack> {
  await pythonTools(VENV, PACKAGES);
  const [port] = await freePorts(
    { kind: 'gateway', wanted: 0, usual: 0 },
    { kind: 'spare', wanted: 0, usual: 0 },
  );
  const endpoint = `https://127.0.0.1:${port}`;
  const temporary = `${HOME}/tmp`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  // Its worker is CommonJS; without this, the package.json above it would say otherwise.
  await writeFile(`${temporary}/package.json`, '{"type":"commonjs"}');
  const certificate = `${temporary}/tls.crt`;
  await run(`${VENV}/bin/python`, ['-c', CERTIFICATE, certificate, `${temporary}/tls.key`]);
  setDefaultCACertificates([...getCACertificates(), await readFile(certificate, 'utf8')]);
  const logFile = `${HOME}/ministack.log`;
  const log = await open(logFile, 'w');
  // The functions inherit this environment: nothing of ours may be in it.
  const emulator = spawn('sh', ['-c', SUPERVISED, `${VENV}/bin/python`, EMULATOR], {
    cwd: temporary,
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    env: {
      PATH,
      HOME: temporary,
      TMPDIR: temporary,
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      MINISTACK_REGION: REGION,
      MINISTACK_ACCOUNT_ID: ACCOUNT,
      AUTH: 'true',
      USE_SSL: '1',
      MINISTACK_SSL_CERT: certificate,
      MINISTACK_SSL_KEY: `${temporary}/tls.key`,
      LAMBDA_EXECUTOR: 'local',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    },
  });
  await once(emulator, 'spawn');
  await log.close();
  const group = -(emulator.pid ?? 0);
  const stop = (): void => {
    process.off('exit', stop);
    try {
      if (group !== 0) process.kill(group, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  process.once('exit', stop);
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`${endpoint}/_ministack/ready`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) break;
    if (tries === 300) {
      stop();
      throw new Error(`MiniStack did not start; see ${logFile}`);
    }
    await pause(100);
  }
  return {
    endpoint,
    client: { endpoint, region: REGION, credentials: ROOT },
    environment: {
      PATH,
      HOME: temporary,
      AWS_ENDPOINT_URL: endpoint,
      NODE_EXTRA_CA_CERTS: certificate,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
      SLS_AWS_MONITORING_FREQUENCY: '250',
    },
    logFile,
    stop,
  };
}
