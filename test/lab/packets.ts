/**
 * What tcpdump wrote, read with nothing of the agent's: times, ends and the label that speaker.c put into the payload.
 * Only as much of the formats as the lab's own traffic needs: classic pcap, Ethernet, IPv4 without options, IPv6
 * without extension headers.
 */
import { readFileSync } from 'node:fs';

export interface LabelledPacket {
  /** Microseconds since the epoch. */
  readonly time: number;
  readonly srcMac: string;
  readonly dstMac: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'icmp6';
  readonly src: string;
  readonly dst: string;
  /** 0 for ICMP. */
  readonly srcPort: number;
  readonly dstPort: number;
  /** Who spoke first in this exchange, as it says itself; undefined for packets without a label. */
  readonly label: string | undefined;
}

const PROTOCOLS: Readonly<Record<number, LabelledPacket['protocol']>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp6',
};
const GLOBAL_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

export function readPackets(file: string): LabelledPacket[] {
  const bytes = readFileSync(file);
  if (bytes.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${file} is no little-endian microsecond pcap`);
  const packets: LabelledPacket[] = [];
  for (let at = GLOBAL_HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const time = bytes.readUInt32LE(at) * 1e6 + bytes.readUInt32LE(at + 4);
    const length = bytes.readUInt32LE(at + 8);
    at += RECORD_HEADER_BYTES;
    const packet = readFrame(bytes.subarray(at, at + length), time);
    if (packet !== undefined) packets.push(packet);
    at += length;
  }
  return packets;
}

function readFrame(frame: Buffer, time: number): LabelledPacket | undefined {
  const isV4 = frame.readUInt16BE(12) === 0x0800;
  if (!isV4 && frame.readUInt16BE(12) !== 0x86dd) return undefined;
  const protocol = PROTOCOLS[frame[isV4 ? 23 : 20]!];
  if (protocol === undefined) return undefined;
  const size = isV4 ? 4 : 16;
  const from = isV4 ? 26 : 22;
  const l4 = frame.subarray(from + 2 * size);
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  return {
    time,
    srcMac: mac(frame.subarray(6, 12)),
    dstMac: mac(frame.subarray(0, 6)),
    protocol,
    src: address(frame.subarray(from, from + size)),
    dst: address(frame.subarray(from + size, from + 2 * size)),
    srcPort: hasPorts ? l4.readUInt16BE(0) : 0,
    dstPort: hasPorts ? l4.readUInt16BE(2) : 0,
    label: /bw:([^;]+);/.exec(l4.toString('latin1'))?.[1],
  };
}

function mac(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** RFC 5952: by the platform's own URL parser, not by ours. */
function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}
