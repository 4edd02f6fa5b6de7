/**
 * The sockets of a network namespace as /proc/net/{tcp,tcp6,udp,udp6} list them (Linux Documentation/networking/
 * proc_net_tcp.rst): local and remote end, state, inode. Lines that are not understood are left out.
 */
import { formatIp, V4_MAPPED_WORD } from '../../model/ip.ts';

export interface SocketRow {
  readonly ip: string;
  readonly port: number;
  readonly peerIp: string;
  /** 0: not connected. */
  readonly peerPort: number;
  /** Not 0; the kernel writes that for sockets that no process holds any more. */
  readonly inode: number;
}

/** Undefined when the table is longer than `maxChars`: a host with that many sockets is not searched for each flow. */
export function parseSockets(table: string, maxChars: number): SocketRow[] | undefined {
  if (table.length > maxChars) return undefined;
  const rows: SocketRow[] = [];
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    const [here, there] = [parseEnd(local), parseEnd(remote)];
    if (here === undefined || there === undefined || !(Number(inode) > 0)) continue;
    rows.push({
      ip: here.ip,
      port: here.port,
      peerIp: there.ip,
      peerPort: there.port,
      inode: Number(inode),
    });
  }
  return rows;
}

/** `0200A8C0:1F90`: 32-bit words as the processor has them in memory, and the port as a number. */
export function parseEnd(text: string | undefined): { ip: string; port: number } | undefined {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text ?? '');
  if (match === null) return undefined;
  const words = match[1]!.match(/.{8}/g)!.map((word) => fromMemory(Number.parseInt(word, 16)));
  const [w0, w1, w2, w3] = words.length === 1 ? [0, 0, V4_MAPPED_WORD, words[0]!] : words;
  return { ip: formatIp(w0!, w1!, w2!, w3!), port: Number.parseInt(match[2]!, 16) };
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function fromMemory(word: number): number {
  if (!IS_LITTLE_ENDIAN) return word;
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
