import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The COMMIT message of Bolt (structure B0, signature 12) in a chunk of its own. */
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12, 0x00, 0x00]);

/** Stands between the driver and a real Neo4j, and does what networks do. */
export class BoltProxy {
  /** Takes part in nothing but counting: packets from the driver, COMMITs among them. */
  packets = 0;
  commits = 0;
  /** The server commits; its answer never arrives, and the connection breaks. */
  losesReplyOf: (commit: number) => boolean = () => false;
  /** Called before a packet goes on to the server; where it says `lose` the packet never does. */
  onPacket: (nth: number) => 'pass' | 'lose' = () => 'pass';
  /** Nobody is there. */
  isDown = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
  }

  static async start(uri: string): Promise<BoltProxy> {
    const server = createServer();
    const proxy = new BoltProxy(server, new URL(uri));
    server.on('connection', (client) => proxy.#join(client));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get uri(): string {
    return `bolt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What a thawed container finds: every connection it had is dead. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.breakAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    if (this.isDown) {
      client.destroy();
      return;
    }
    const server = connect(Number(this.#target.port), this.#target.hostname);
    let isReplyLost = false;
    let tail = Buffer.alloc(0);
    const end = (): void => {
      for (const socket of [client, server]) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (data) => {
      this.packets += 1;
      if (this.onPacket(this.packets) === 'lose') {
        end();
        return;
      }
      // A message may be cut anywhere.
      const seen = Buffer.concat([tail, data]);
      tail = Buffer.from(seen.subarray(-COMMIT.length + 1));
      for (let at = seen.indexOf(COMMIT); at !== -1; at = seen.indexOf(COMMIT, at + 1)) {
        this.commits += 1;
        isReplyLost ||= this.losesReplyOf(this.commits);
      }
      server.write(data);
    });
    server.on('data', (data) => {
      if (!isReplyLost) client.write(data);
      // Its answer is here, so the COMMIT has taken effect; a moment more for what was pipelined before it.
      else void pause(30).then(end);
    });
  }
}
