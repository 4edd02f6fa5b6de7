/**
 * The DNS questions that a container really sent, as tcpdump wrote them in its network namespace, read with nothing of
 * the agent's: the ruler that an agent which overlooks questions cannot bend. Ethernet, IPv4, UDP and plain questions
 * only (RFC 1035, 4.1), which is what the tools of the lab send.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { waitFor } from './run.ts';

export interface Question {
  /** Microseconds since the epoch. */
  readonly time: number;
  /** Lower case, without the root's dot; one character a byte. */
  readonly name: string;
}

export interface Witness {
  /** All so far of names in this zone, in the order they were sent. */
  questions(zone: string): Question[];
  stop(): Promise<void>;
}

/** Watches one interface of a container: `lo` for what goes to 127.0.0.11, `eth0` for what crosses the bridge. */
export async function startWitness(lab: Lab, container: string, link: 'lo' | 'eth0'): Promise<Witness> {
  const file = join(lab.dir, `${container}-${link}.pcap`);
  const pid = await lab.docker(['inspect', '--format', '{{.State.Pid}}', container]);
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`];
  const filter = link === 'lo' ? 'udp and host 127.0.0.11' : 'udp port 53';
  const tcpdump = lab.spawn('host', [
    ...inside,
    ...['tcpdump', '-Z', 'root', '--immediate-mode', '-U', '-n', '-i', link, '-w', file, filter],
  ]);
  await waitFor('tcpdump to listen', () => {
    if (!tcpdump.running()) throw new Error(tcpdump.output());
    return tcpdump.output().includes('listening on');
  });
  return {
    questions: (zone) => readQuestions(file).filter(({ name }) => name.endsWith(`.${zone}`)),
    stop: () => tcpdump.stop('SIGINT'),
  };
}

const GLOBAL_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;

export function readQuestions(file: string): Question[] {
  const bytes = readFileSync(file);
  if (bytes.length < GLOBAL_HEADER_BYTES) return [];
  if (bytes.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${file} is no little-endian microsecond pcap`);
  const questions: Question[] = [];
  for (let at = GLOBAL_HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const time = bytes.readUInt32LE(at) * 1e6 + bytes.readUInt32LE(at + 4);
    const length = bytes.readUInt32LE(at + 8);
    at += RECORD_HEADER_BYTES;
    const ip = bytes.subarray(at + ETHERNET_BYTES, at + length);
    const name = questionIn(ip.subarray(((ip[0] ?? 0) & 15) * 4 + UDP_BYTES));
    if (name !== undefined) questions.push({ time, name });
    at += length;
  }
  return questions;
}

/** QR and opcode clear, one question, no answer, no authority; a name without pointers that ends within the message. */
function questionIn(message: Buffer): string | undefined {
  if (message.length < 17 || (message[2]! & 0xf8) !== 0) return undefined;
  if (message.readUInt16BE(4) !== 1 || message.readUInt32BE(6) !== 0) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    if (length === 0) return labels.join('.').toLowerCase();
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}
