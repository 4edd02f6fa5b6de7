/**
 * Syslog over UDP (RFC 5426): one datagram a message, no receipt. The socket is connected, so that the kernel tells of a
 * host that answers "nobody listens here"; everything else that becomes of a datagram is known to nobody.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { connectionFailure } from './failure.ts';
import { type Peer, peerName, type SyslogTransport } from './transport.ts';

/** So many at once, then time for the receiver's buffer, and for a refusal to come back. */
const BURST = 50;
const PAUSE_MS = 20;

export class UdpTransport implements SyslogTransport {
  readonly name: string;
  readonly #peer: Peer;
  #socket: Socket | undefined;
  #failure: Error | undefined;

  constructor(peer: Peer) {
    this.name = peerName('udp', peer);
    this.#peer = peer;
  }

  async check(): Promise<string> {
    const { address } = await this.#resolve();
    return `${this.name} (${address}); UDP does not tell whether anybody listens`;
  }

  async prepare(): Promise<void> {
    await this.#open();
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const socket = await this.#open();
    try {
      for (let i = 0; i < messages.length; i += BURST) {
        await Promise.all(messages.slice(i, i + BURST).map((message) => sent(socket, message)));
        await pause(PAUSE_MS);
        if (this.#failure !== undefined) throw this.#failure;
      }
    } catch (error) {
      await this.close();
      throw connectionFailure(error, this.name);
    }
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#failure = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== undefined) return this.#socket;
    const { address, family } = await this.#resolve();
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(this.#peer.port, address, resolve);
      });
    } catch (error) {
      socket.close();
      throw connectionFailure(error, this.name);
    }
    socket.on('error', (error) => {
      this.#failure = error;
    });
    this.#socket = socket;
    return socket;
  }

  /** Anew with each socket: an address may change. */
  async #resolve(): Promise<{ address: string; family: number }> {
    try {
      return await lookup(this.#peer.host);
    } catch (error) {
      throw connectionFailure(error, this.name);
    }
  }
}

function sent(socket: Socket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, (error) => (error == null ? resolve() : reject(error)));
  });
}
