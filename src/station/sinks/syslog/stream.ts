/**
 * Syslog over TCP (RFC 6587, octet counting) and TLS (RFC 5425, the same framing). Nobody acknowledges a message: it
 * counts as delivered when the kernel took it. So what was given to a connection shortly before it broke is sent again
 * on the next one; better twice than never.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { SinkError } from '../sink.ts';
import { connectionFailure } from './failure.ts';
import { type Peer, peerName, type SyslogTransport } from './transport.ts';

/** What was sent so long before a connection broke may not have been read by then. */
const UNSURE_MS = 5000;
const MAX_UNSURE_BYTES = 1_048_576;
const KEEP_ALIVE_MS = 30_000;
/** With TLS 1.3 a server judges our certificate after the handshake; its first ticket says that it took it. */
const VERDICT_MS = 250;
const GOODBYE_MS = 1000;

interface Sent {
  readonly frame: Buffer;
  readonly at: number;
}

export class StreamTransport implements SyslogTransport {
  readonly name: string;
  readonly #peer: Peer;
  readonly #tls: (() => ConnectionOptions) | undefined;
  #socket: Socket | undefined;
  /** Of durable messages, the latest. */
  #sent: Sent[] = [];
  #sentBytes = 0;
  #unsure: readonly Buffer[] = [];

  /** `tls`: asked at each connection, so that renewed certificates need no restart. */
  constructor(peer: Peer, tls?: () => ConnectionOptions) {
    this.name = peerName(tls === undefined ? 'tcp' : 'tls', peer);
    this.#peer = peer;
    this.#tls = tls;
  }

  async check(signal: AbortSignal): Promise<string> {
    const socket = await this.#connect(signal);
    const certificate = this.#tls === undefined ? undefined : (socket as TLSSocket).getPeerCertificate();
    socket.destroy();
    if (certificate === undefined) return this.name;
    return `${this.name}, certificate of ${certificate.subject.CN ?? 'no name'} valid until ${certificate.valid_to}`;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    await this.#open(signal);
  }

  async send(messages: readonly Buffer[], isDurable: boolean, signal: AbortSignal): Promise<void> {
    const socket = await this.#open(signal);
    const frames = messages.map(octetCounted);
    await this.#write(socket, [...this.#unsure, ...frames], signal);
    const kept = [...this.#unsure, ...(isDurable ? frames : [])];
    this.#unsure = [];
    this.#remember(kept);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.destroyed) return;
    // A receiver that has read everything ends its side too; we do not wait long for one that does not.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
    socket.destroy();
  }

  async #open(signal: AbortSignal): Promise<Socket> {
    // That the peer closed is in the kernel, but not told before the loop has turned.
    await nextTurn();
    await nextTurn();
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    if (this.#socket !== undefined) this.#onGone(this.#socket);
    const socket = await this.#connect(signal);
    this.#socket = socket;
    socket.on('close', () => this.#onGone(socket));
    // A receiver has nothing to say; its end is the end.
    socket.on('end', () => socket.destroy());
    socket.resume();
    return socket;
  }

  #onGone(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const since = performance.now() - UNSURE_MS;
    this.#unsure = [...this.#unsure, ...this.#sent.filter(({ at }) => at >= since).map(({ frame }) => frame)];
    this.#sent = [];
    this.#sentBytes = 0;
  }

  #remember(frames: readonly Buffer[]): void {
    const at = performance.now();
    for (const frame of frames) {
      this.#sent.push({ frame, at });
      this.#sentBytes += frame.length;
    }
    let stale = 0;
    while (stale < this.#sent.length) {
      const { frame, at: sentAt } = this.#sent[stale]!;
      if (sentAt >= at - UNSURE_MS && this.#sentBytes <= MAX_UNSURE_BYTES) break;
      this.#sentBytes -= frame.length;
      stale += 1;
    }
    this.#sent.splice(0, stale);
  }

  /** Resolves once the kernel has all of it. */
  async #write(socket: Socket, frames: readonly Buffer[], signal: AbortSignal): Promise<void> {
    await this.#inTime(socket, signal, (resolve, reject) => {
      socket.write(Buffer.concat(frames), (error) => (error == null ? resolve() : reject(error)));
    });
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    const { host, port } = this.#peer;
    const options = { host, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, noDelay: true };
    if (this.#tls === undefined) {
      const socket = connectTcp(options).on('error', ignore);
      await this.#inTime(socket, signal, (resolve) => socket.once('connect', resolve));
      return socket;
    }
    const socket = connectTls({ ...options, minVersion: 'TLSv1.2', ...this.#tls() }).on('error', ignore);
    await this.#inTime(socket, signal, (resolve) => {
      socket.once('session', () => resolve());
      socket.once('secureConnect', () => {
        if (socket.getProtocol() === 'TLSv1.3') setTimeout(resolve, VERDICT_MS);
        else resolve();
      });
    });
    // Within the event of a ticket OpenSSL is still reading: what is written there stays where it is.
    await nextTurn();
    return socket;
  }

  /** A socket that failed, hung or was given up is destroyed: half a frame may be on it. */
  async #inTime(
    socket: Socket,
    signal: AbortSignal,
    act: (resolve: () => void, reject: (error: Error) => void) => void,
  ): Promise<void> {
    const { timeoutMs } = this.#peer;
    const timeout = AbortSignal.timeout(timeoutMs);
    const ended = AbortSignal.any([signal, timeout]);
    let onEnded = () => {};
    let onError = (_error: Error) => {};
    let onClose = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        onError = reject;
        onEnded = () =>
          reject(new Error(timeout.aborted ? `no answer within ${timeoutMs} ms` : 'the agent stops'));
        onClose = () => reject(new Error('the connection was closed'));
        socket.on('error', onError);
        socket.on('close', onClose);
        ended.addEventListener('abort', onEnded, { once: true });
        if (ended.aborted) onEnded();
        else act(resolve, reject);
      });
    } catch (error) {
      socket.destroy();
      throw connectionFailure(error, this.name);
    } finally {
      ended.removeEventListener('abort', onEnded);
      socket.off('error', onError);
      socket.off('close', onClose);
    }
  }
}

/** Never without a listener: an error that nobody listens for ends the process. */
function ignore(): void {}

/** RFC 6587, 3.4.1: its length in bytes, a space, the message. */
function octetCounted(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `, 'ascii'), message]);
}

/** A file named in the options, or what to do about it. */
export function fileFailed(option: string, path: string, error: unknown): SinkError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const message = `cannot read ${option} ${path}: ${code}; check that it exists and the station's user may read it`;
  return new SinkError('SINK_MISCONFIGURED', 'act', message);
}
