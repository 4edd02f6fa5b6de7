/**
 * The sockets of /proc/net/{tcp,tcp6,udp,udp6} that wait to be spoken to. The kernel lists TCP listeners before all
 * connections (net/ipv4/tcp_ipv4.c, tcp_get_idx), so a table is read up to the first connection and no further: a proxy
 * with 100,000 of them costs what one without costs.
 */
import { open } from 'node:fs/promises';
import { parseEnd } from './socket-table.ts';

export interface Listening {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` and `::` for any. */
  readonly ip: string;
  readonly port: number;
  readonly inode: number;
}

export interface ListenerTable {
  readonly listeners: readonly Listening[];
  /** False when it was longer than is read: what is missing in it says nothing. */
  readonly isWhole: boolean;
}

/** include/net/tcp_states.h; an unconnected UDP socket is in TCP_CLOSE. */
const LISTEN = '0A';
const CLOSE = '07';
/**
 * net.ipv4.ip_local_port_range, where clients' sockets are bound; the file is not under net/ of another namespace, so its
 * default stands for it.
 */
const EPHEMERAL = { from: 32_768, to: 60_999 } as const;
/** Some 1700 sockets. */
const MAX_BYTES = 256 * 1024;
const CHUNK_BYTES = 16 * 1024;

/** Undefined when it cannot be read. */
export async function readListenerTable(
  path: string,
  protocol: Listening['protocol'],
): Promise<ListenerTable | undefined> {
  const reader = new LineReader(protocol);
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let bytes = 0; bytes <= MAX_BYTES; ) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null);
        if (bytesRead === 0) return { listeners: reader.end(), isWhole: true };
        bytes += bytesRead;
        if (!reader.add(buffer.toString('latin1', 0, bytesRead)))
          return { listeners: reader.listeners, isWhole: true };
      }
      return { listeners: reader.listeners, isWhole: false };
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Of a text that is whole. */
export function listenersIn(text: string, protocol: Listening['protocol']): readonly Listening[] {
  const reader = new LineReader(protocol);
  return reader.add(text) ? reader.end() : reader.listeners;
}

class LineReader {
  readonly listeners: Listening[] = [];
  readonly #protocol: Listening['protocol'];
  #rest = '';

  constructor(protocol: Listening['protocol']) {
    this.#protocol = protocol;
  }

  /** False when nothing that follows can be a listener. */
  add(text: string): boolean {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    return lines.every((line) => this.#line(line));
  }

  end(): readonly Listening[] {
    this.#line(this.#rest);
    return this.listeners;
  }

  #line(line: string): boolean {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const end = parseEnd(local);
    // The line of titles, and what is not understood.
    if (end === undefined) return true;
    const protocol = this.#protocol;
    if (state !== (protocol === 'tcp' ? LISTEN : CLOSE)) return protocol === 'udp';
    const isClients = protocol === 'udp' && end.port >= EPHEMERAL.from && end.port <= EPHEMERAL.to;
    if (!isClients && end.port !== 0) this.listeners.push({ protocol, ...end, inode: Number(inode) });
    return true;
  }
}
