import {
  constants,
  createHash,
  privateDecrypt,
  randomBytes,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** A request as a fault sees it. */
export interface StubRequest {
  /** `s3:HEAD`, `s3:GET`, `s3:PUT`, `s3:COPY` (whole or a part), `s3:POST`, `s3:DELETE`, `kms:GetPublicKey`, `sqs:SendMessage`, … */
  readonly action: string;
  /** Of S3: `bucket/key`; of the others the JSON or the form that was sent. */
  readonly target: string;
  readonly range: string | null;
  /** How many with that action came before it. */
  readonly nth: number;
}

/** What goes wrong with one request; `null`: nothing. */
export type Fault =
  | null
  /** An error answer: of S3 as XML, of the others as JSON. */
  | { readonly status: number; readonly code: string; readonly message?: string }
  /** The body ends after so many bytes: with a reset, as if complete, or never. */
  | { readonly cutAfter: number; readonly how: 'reset' | 'end' | 'stall' }
  /** The body is damaged on its way, which its checksum betrays. */
  | { readonly checksum: 'wrong' }
  /** What is answered of a copy has no checksum. */
  | { readonly checksum: 'unsaid' }
  /** The answer says that it holds other bytes than were asked for. */
  | { readonly contentRange: string }
  /** Nothing is answered, and the connection stays open or is reset. */
  | { readonly silence: 'hang' | 'reset' }
  /** The effect takes place; the answer gets lost. */
  | { readonly lost: 'answer' };

export interface StubObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly versionId: string | null;
  readonly modified: Date;
  /** SHA-256, base64; composite where it was made of parts. */
  readonly checksum: string;
}

export interface StubKey {
  readonly publicKey: KeyObject;
  readonly privateKey?: KeyObject;
  readonly usage: string;
  readonly algorithms: readonly string[];
}

/**
 * An endpoint for the real SDK clients that does on demand what emulators don't: break, stall, refuse
 * and lose. It knows no more of S3, SQS, SNS, KMS and Secrets Manager than the functions use.
 */
export class StubAws {
  readonly requests: StubRequest[] = [];
  readonly objects = new Map<string, StubObject[]>();
  readonly keys = new Map<string, StubKey>();
  readonly secrets = new Map<string, string>();
  /** Bodies in the order in which they were sent. */
  readonly messages: string[] = [];
  /** Parts of multipart uploads that are open, by upload and number. */
  readonly uploads = new Map<string, Map<number, Buffer>>();
  readonly visibilities: { readonly handle: string; readonly seconds: number }[] = [];
  /** Asked before each request takes effect. */
  fault: (request: StubRequest) => Fault | Promise<Fault> = () => null;
  /** A range is ignored and the whole object sent, as RFC 9110 allows. */
  ignoresRanges = false;
  /** Requests whose answers have neither ended nor been given up. */
  open = 0;
  readonly #server: Server;
  readonly #counts = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<StubAws> {
    const server = createServer();
    const stub = new StubAws(server);
    server.on('request', (request, response) => {
      stub.open += 1;
      response.once('close', () => (stub.open -= 1));
      stub.#answer(request, response).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What a process needs in its environment to talk to this stub. */
  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'stub',
      AWS_SECRET_ACCESS_KEY: 'stub',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  /** Returns the version; an unversioned object is overwritten. */
  put(
    place: string,
    content: string | Uint8Array,
    isVersioned = true,
    checksum = sha256(Buffer.from(content)).toString('base64'),
  ): string | null {
    const bytes = Buffer.from(content);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const versionId = isVersioned ? randomUUID() : null;
    const before = isVersioned ? (this.objects.get(place) ?? []) : [];
    this.objects.set(place, [
      ...before,
      { bytes, etag, versionId, modified: new Date(), checksum },
    ]);
    return versionId;
  }

  /** The text of an object's latest version; null where there is none. */
  text(place: string): string | null {
    return this.objects.get(place)?.at(-1)?.bytes.toString('utf8') ?? null;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = unchunked(request, Buffer.concat(chunks));
    const url = new URL(request.url ?? '/', this.url);
    const operation = request.headers['x-amz-target'];
    const isSns = request.headers['content-type'] === 'application/x-www-form-urlencoded';
    const isS3 = typeof operation !== 'string' && !isSns;
    const place = decodeURIComponent(url.pathname.slice(1));
    const form = isSns ? new URLSearchParams(body.toString('utf8')) : null;
    const [service = '', name = ''] = typeof operation === 'string' ? operation.split('.') : [];
    const action =
      form !== null
        ? `sns:${form.get('Action') ?? ''}`
        : isS3
          ? `s3:${'x-amz-copy-source' in request.headers ? 'COPY' : (request.method ?? '')}`
          : `${SERVICES[service] ?? service}:${name}`;
    const nth = this.#counts.get(action) ?? 0;
    this.#counts.set(action, nth + 1);
    const seen: StubRequest = {
      action,
      target: isS3 ? place : body.toString('utf8'),
      range: request.headers.range ?? null,
      nth,
    };
    this.requests.push(seen);
    const fault = await this.fault(seen);
    if (fault !== null && 'silence' in fault) {
      if (fault.silence === 'reset') response.destroy();
      return;
    }
    if (fault !== null && 'status' in fault) {
      error(response, isS3 || isSns, fault.status, fault.code, fault.message);
      return;
    }
    const answer = fault !== null && 'lost' in fault ? new Swallowed(response) : response;
    if (isS3) this.#s3(request, url, place, body, answer, fault);
    else if (form !== null) this.#sns(form, answer);
    else this.#json(action, JSON.parse(seen.target) as Record<string, unknown>, answer);
  }

  #s3(
    request: IncomingMessage,
    url: URL,
    place: string,
    body: Buffer,
    response: Answer,
    fault: Fault,
  ): void {
    const versions = this.objects.get(place) ?? [];
    if (request.method === 'PUT' && 'x-amz-copy-source' in request.headers) {
      this.#copy(request, url, place, response, fault);
      return;
    }
    if (request.method === 'DELETE' && !url.searchParams.has('uploadId')) {
      this.objects.delete(place);
      response.writeHead(204, {}).end();
      return;
    }
    if (request.method === 'POST' || request.method === 'DELETE') {
      this.#multipart(request, url, place, response);
      return;
    }
    if (request.method === 'PUT') {
      if (request.headers['if-none-match'] === '*' && versions.length > 0) {
        error(response, true, 412, 'PreconditionFailed');
        return;
      }
      const wanted = request.headers['if-match'];
      if (wanted !== undefined && wanted !== versions.at(-1)?.etag) {
        error(response, true, 412, 'PreconditionFailed');
        return;
      }
      this.put(place, body);
      response.writeHead(200, { etag: versions.at(-1)?.etag ?? '"x"' }).end();
      return;
    }
    if (url.searchParams.get('list-type') === '2') {
      this.#list(url, place, response);
      return;
    }
    const wanted = url.searchParams.get('versionId');
    const object =
      wanted === null ? versions.at(-1) : versions.find((of) => of.versionId === wanted);
    if (object === undefined) {
      error(response, true, 404, wanted === null ? 'NoSuchKey' : 'NoSuchVersion');
      return;
    }
    const match = request.headers['if-match'];
    if (match !== undefined && match !== object.etag) {
      error(response, true, 412, 'PreconditionFailed');
      return;
    }
    const version = object.versionId === null ? {} : { 'x-amz-version-id': object.versionId };
    const checksum256 =
      request.headers['x-amz-checksum-mode'] === 'ENABLED' && request.headers.range === undefined
        ? { 'x-amz-checksum-sha256': object.checksum }
        : {};
    const isHead = request.method === 'HEAD';
    const modified = { 'last-modified': object.modified.toUTCString() };
    const headers = { etag: object.etag, ...modified, ...version, ...(isHead ? checksum256 : {}) };
    const size = object.bytes.length;
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'content-length': size }).end();
      return;
    }
    const range = this.ignoresRanges
      ? null
      : /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] ?? size) + 1, size);
    if (range !== null && start >= size) {
      error(response, true, 416, 'InvalidRange');
      return;
    }
    const part = object.bytes.subarray(start, end);
    const contentRange =
      fault !== null && 'contentRange' in fault
        ? fault.contentRange
        : `bytes ${start}-${end - 1}/${size}`;
    const partial = range === null ? {} : { 'content-range': contentRange };
    const isDamaged = fault !== null && 'checksum' in fault && fault.checksum === 'wrong';
    const checksum = isDamaged ? { 'x-amz-checksum-crc32': checksumOf(part) } : {};
    // A body that just ends is only possible where no length was announced.
    const announced =
      fault !== null && 'cutAfter' in fault && fault.how === 'end'
        ? {}
        : { 'content-length': part.length };
    response.writeHead(range === null ? 200 : 206, {
      ...headers,
      ...partial,
      ...checksum,
      ...announced,
    });
    if (fault === null || !('cutAfter' in fault)) {
      response.end(isDamaged ? damaged(part) : part);
      return;
    }
    response.write(part.subarray(0, fault.cutAfter), () => {
      if (fault.how === 'reset') response.destroy();
      if (fault.how === 'end') response.end();
    });
    if (fault.cutAfter === 0) (response as ServerResponse).flushHeaders?.();
  }

  /** CopyObject, and UploadPartCopy where the address names an upload. */
  #copy(request: IncomingMessage, url: URL, place: string, response: Answer, fault: Fault): void {
    const from = new URL(String(request.headers['x-amz-copy-source']), 'http://s3/');
    const versions = this.objects.get(decodeURIComponent(from.pathname.slice(1))) ?? [];
    const wanted = from.searchParams.get('versionId');
    const source =
      wanted === null ? versions.at(-1) : versions.find((of) => of.versionId === wanted);
    if (source === undefined) {
      error(response, true, 404, wanted === null ? 'NoSuchKey' : 'NoSuchVersion');
      return;
    }
    const isThere = request.headers['if-none-match'] === '*' && this.objects.has(place);
    const match = request.headers['x-amz-copy-source-if-match'];
    if (isThere || (match !== undefined && match !== source.etag)) {
      error(response, true, 412, 'PreconditionFailed');
      return;
    }
    const isDamaged = fault !== null && 'checksum' in fault && fault.checksum === 'wrong';
    const upload = this.uploads.get(url.searchParams.get('uploadId') ?? '');
    if (upload === undefined && url.searchParams.has('uploadId')) {
      error(response, true, 404, 'NoSuchUpload');
      return;
    }
    const [, start, end] =
      /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'])) ?? [];
    const range = source.bytes.subarray(Number(start ?? 0), Number(end ?? Infinity) + 1);
    const bytes = isDamaged ? damaged(range) : range;
    const checksum = sha256(bytes).toString('base64');
    const etag = createHash('md5').update(bytes).digest('hex');
    const result = upload === undefined ? 'CopyObjectResult' : 'CopyPartResult';
    let version: Record<string, string> = {};
    if (upload === undefined) version = { 'x-amz-version-id': this.put(place, bytes) ?? 'null' };
    else upload.set(Number(url.searchParams.get('partNumber')), bytes);
    response.writeHead(200, { 'content-type': 'application/xml', ...version });
    const isSaid = fault === null || !('checksum' in fault) || isDamaged;
    const said = isSaid ? `<ChecksumSHA256>${checksum}</ChecksumSHA256>` : '';
    response.end(`<${result}><ETag>"${etag}"</ETag>${said}</${result}>`);
  }

  /** CreateMultipartUpload, CompleteMultipartUpload and AbortMultipartUpload. */
  #list(url: URL, bucket: string, response: Answer): void {
    const prefix = `${bucket.replace(/\/$/, '')}/${url.searchParams.get('prefix') ?? ''}`;
    const most = Number(url.searchParams.get('max-keys') ?? 1_000);
    const places = [...this.objects.keys()].filter((place) => place.startsWith(prefix)).sort();
    const keys = places.slice(0, most).map((place) => place.slice(place.indexOf('/') + 1));
    const isUrl = url.searchParams.get('encoding-type') === 'url';
    const spell = (key: string): string => (isUrl ? encodeURIComponent(key) : key);
    const listed = keys.map((key) => `<Contents><Key>${spell(key)}</Key></Contents>`);
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(`<ListBucketResult>${listed.join('')}</ListBucketResult>`);
  }

  #multipart(request: IncomingMessage, url: URL, place: string, response: Answer): void {
    const xml = { 'content-type': 'application/xml' };
    if (url.searchParams.has('uploads')) {
      const upload = randomUUID();
      this.uploads.set(upload, new Map());
      const inner = `<UploadId>${upload}</UploadId>`;
      response.writeHead(200, xml);
      response.end(`<InitiateMultipartUploadResult>${inner}</InitiateMultipartUploadResult>`);
      return;
    }
    const id = url.searchParams.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload === undefined) {
      error(response, true, 404, 'NoSuchUpload');
      return;
    }
    if (request.method === 'DELETE') {
      this.uploads.delete(id);
      response.writeHead(204, {}).end();
      return;
    }
    if (request.headers['if-none-match'] === '*' && this.objects.has(place)) {
      error(response, true, 412, 'PreconditionFailed');
      return;
    }
    this.uploads.delete(id);
    const parts = [...upload].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    const hashes = parts.map((bytes) => sha256(bytes));
    const checksum = `${sha256(...hashes).toString('base64')}-${parts.length}`;
    const version = this.put(place, Buffer.concat(parts), true, checksum) ?? 'null';
    response.writeHead(200, { ...xml, 'x-amz-version-id': version });
    const inner = `<ETag>"x-${parts.length}"</ETag><ChecksumSHA256>${checksum}</ChecksumSHA256>`;
    response.end(`<CompleteMultipartUploadResult>${inner}</CompleteMultipartUploadResult>`);
  }

  #sns(form: URLSearchParams, response: Answer): void {
    this.messages.push(form.get('Message') ?? '');
    const result = `<PublishResult><MessageId>${randomUUID()}</MessageId></PublishResult>`;
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(`<PublishResponse>${result}</PublishResponse>`);
  }

  #json(action: string, input: Record<string, unknown>, response: Answer): void {
    const reply = (value: unknown): void => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(value));
    };
    if (action === 'secretsmanager:GetSecretValue') {
      const SecretString = this.secrets.get(String(input['SecretId']));
      if (SecretString === undefined) error(response, false, 400, 'ResourceNotFoundException');
      else reply({ ARN: input['SecretId'], SecretString });
    } else if (action === 'sqs:SendMessage') {
      const text = String(input['MessageBody']);
      this.messages.push(text);
      const MD5OfMessageBody = createHash('md5').update(text).digest('hex');
      reply({ MessageId: randomUUID(), MD5OfMessageBody });
    } else if (action === 'sqs:ChangeMessageVisibility') {
      const seconds = Number(input['VisibilityTimeout']);
      this.visibilities.push({ handle: String(input['ReceiptHandle']), seconds });
      reply({});
    } else {
      const key = this.keys.get(String(input['KeyId']));
      if (key === undefined) error(response, false, 400, 'NotFoundException');
      else if (action === 'kms:GetPublicKey')
        reply({
          KeyId: input['KeyId'],
          KeyUsage: key.usage,
          SigningAlgorithms: key.algorithms,
          PublicKey: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        });
      else if (key.privateKey === undefined) error(response, false, 400, 'DisabledException');
      else {
        const message = Buffer.from(String(input['Message']), 'base64');
        const isRaw = input['MessageType'] === 'RAW';
        const signature = isRaw
          ? sign(null, message, key.privateKey)
          : signDigest(message, key.privateKey);
        reply({ KeyId: input['KeyId'], Signature: signature.toString('base64') });
      }
    }
  }
}

/**
 * RSASSA-PSS over a digest, as KMS signs one: with a salt of 32 bytes. Node signs messages only, so
 * the encoding of RFC 8017, section 9.1.1, is made here.
 */
function signDigest(digest: Buffer, privateKey: KeyObject): Buffer {
  const size = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const salt = randomBytes(32);
  const hash = sha256(Buffer.alloc(8), digest, salt);
  const block = Buffer.concat([Buffer.alloc(size - 66), Buffer.from([1]), salt]);
  const counters = Array.from({ length: Math.ceil(block.length / 32) }, (_, index) =>
    sha256(hash, Buffer.from([0, 0, 0, index])),
  );
  const mask = Buffer.concat(counters);
  const masked = block.map((byte, index) => byte ^ (mask[index] ?? 0));
  masked[0] = (masked[0] ?? 0) & 0x7f;
  const encoded = Buffer.concat([masked, hash, Buffer.from([0xbc])]);
  return privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
}

function sha256(...parts: Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function checksumOf(bytes: Buffer): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return checksum.toString('base64');
}

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

const SERVICES: Readonly<Record<string, string>> = {
  AmazonSQS: 'sqs',
  TrentService: 'kms',
  secretsmanager: 'secretsmanager',
};

type Answer = Pick<ServerResponse, 'writeHead' | 'end' | 'write' | 'destroy'>;

/** Takes an answer and resets the connection in its place. */
class Swallowed {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  writeHead(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  end(): ServerResponse {
    return this.#response.destroy();
  }

  write(): boolean {
    return true;
  }

  destroy(): ServerResponse {
    return this.#response.destroy();
  }
}

function error(
  response: Answer,
  isS3: boolean,
  status: number,
  code: string,
  message = code,
): void {
  response.writeHead(status, {
    'content-type': isS3 ? 'application/xml' : 'application/x-amz-json-1.1',
  });
  response.end(
    isS3
      ? `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
      : JSON.stringify({ __type: code, message }),
  );
}

/** The SDK sends a PUT in chunks with a trailing checksum (aws-chunked). */
function unchunked(request: IncomingMessage, body: Buffer): Buffer {
  if (!String(request.headers['content-encoding'] ?? '').includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at);
    const size = parseInt(body.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
