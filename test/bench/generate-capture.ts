/**
 * Writes the capture that the bench runs on: by default 2,000,000 packets of 100,000 flows, as a busy Docker host has
 * them: 250 containers; 60 % of the flows TCP, 15 % DNS look-ups of one question and one answer, 25 % other UDP; a
 * tenth is IPv6. Every flow comes up once at the start, then in any order, in trains of 1 to 8 packets; all but the
 * look-ups, which are answered at once by one of four resolvers, live to the end.
 * The same arguments give the same bytes.
 *
 *   tsx test/bench/generate-capture.ts FILE [PACKETS] [FLOWS]
 */
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

export interface GenerateOptions {
  readonly path: string;
  readonly packets?: number;
  readonly flows?: number;
  readonly seed?: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_RECORD_BYTES = 16 + 14 + 40 + 32 + 1460;
const START_SECS = 1_790_000_000;
const MICROS_BETWEEN_PACKETS = 10;
const CLIENTS = 250;
const ZONES = 200;
const ZONES_PER_CLIENT = 8;
const HOSTS_PER_ZONE = 20;
const MAX_TRAIN = 8;
const DNS_STEPS = 2;
const RESOLVERS = 4;

const TCP = 6;
const UDP = 17;
const SYN = 0x02;
const SYN_ACK = 0x12;
const ACK = 0x10;
const PSH_ACK = 0x18;

/** Returns the number of bytes written. */
export function generateCapture(options: GenerateOptions): number {
  const packets = options.packets ?? 2_000_000;
  const flows = options.flows ?? 100_000;
  const random = xorshift(options.seed ?? 0x2545f491);
  const writer = new RecordWriter(options.path, random);
  const steps = new Uint16Array(flows);
  const clientSeq = new Uint32Array(flows);
  const serverSeq = new Uint32Array(flows);

  let flow = -1;
  let begun = 0;
  let train = 0;
  for (let n = 0; n < packets; n++) {
    if (begun > 0 && kindOf(flow) === 'dns' && !isSpent(flow, steps)) {
      // The answer to the question before.
    } else if (begun < flows) {
      // Every flow comes up once before any is chosen again, so that there are as many as was asked for.
      flow = begun++;
    } else if (train-- <= 0) {
      do flow = random() % flows;
      while (isSpent(flow, steps));
      train = random() % MAX_TRAIN;
    }
    const step = steps[flow]!++;
    writer.begin(START_SECS, n * MICROS_BETWEEN_PACKETS);
    switch (kindOf(flow)) {
      case 'tcp':
        writer.tcp(flow, step, clientSeq, serverSeq);
        break;
      case 'dns':
        writer.dns(flow, step);
        break;
      case 'udp':
        writer.udp(flow, step);
    }
    writer.end();
  }
  return writer.close();
}

function kindOf(flow: number): 'tcp' | 'dns' | 'udp' {
  const share = flow % 20;
  if (share < 12) return 'tcp';
  return share < 15 ? 'dns' : 'udp';
}

function serverOf(flow: number): number {
  if (kindOf(flow) === 'dns') return 0xc633_6435 + (flow % RESOLVERS);
  return flow % 2 === 0 ? 0xc633_6400 | (flow % 251) : 0x0a00_0000 | (flow % 9973);
}

/** A look-up is over with its answer. */
function isSpent(flow: number, steps: Uint16Array): boolean {
  return kindOf(flow) === 'dns' && steps[flow]! >= DNS_STEPS;
}

/** Marsaglia's xorshift32. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

class RecordWriter {
  readonly #fd: number;
  readonly #random: () => number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #record = 0;
  #at = 0;
  #written = 0;

  constructor(path: string, random: () => number) {
    this.#fd = fs.openSync(path, 'w');
    this.#random = random;
    // Payload that does not compress to nothing and is not zero; whatever is not written over stays.
    for (let i = 0; i < BUFFER_BYTES; i++) this.#buffer[i] = random();
    this.#u32le(0xa1b2c3d4);
    this.#u32le(0x0004_0002);
    this.#u32le(0);
    this.#u32le(0);
    this.#u32le(65_535);
    this.#u32le(1);
  }

  begin(sec: number, micros: number): void {
    if (BUFFER_BYTES - this.#at < MAX_RECORD_BYTES) this.#flush();
    this.#record = this.#at;
    this.#u32le(sec + Math.floor(micros / 1_000_000));
    this.#u32le(micros % 1_000_000);
    this.#at += 8;
  }

  end(): void {
    const length = this.#at - this.#record - 16;
    this.#view.setUint32(this.#record + 8, length, true);
    this.#view.setUint32(this.#record + 12, length, true);
  }

  close(): number {
    this.#flush();
    fs.closeSync(this.#fd);
    return this.#written;
  }

  /** Handshake, then requests and answers with bare acknowledgements between them. */
  tcp(flow: number, step: number, clientSeq: Uint32Array, serverSeq: Uint32Array): void {
    const fromClient = step < 3 ? step !== 1 : step % 4 < 2;
    const flags = step === 0 ? SYN : step === 1 ? SYN_ACK : step % 2 === 0 ? ACK : PSH_ACK;
    const payload =
      flags !== PSH_ACK ? 0 : fromClient ? 60 + (this.#random() % 540) : 200 + (this.#random() % 1260);
    const header = flags === SYN || flags === SYN_ACK ? 24 : 20;
    const mine = fromClient ? clientSeq : serverSeq;
    const theirs = fromClient ? serverSeq : clientSeq;
    this.#ip(flow, TCP, header + payload, fromClient);
    this.#ports(flow, 443, fromClient);
    this.#u32(mine[flow]!);
    this.#u32(flags === SYN ? 0 : theirs[flow]!);
    this.#u16(((header / 4) << 12) | flags);
    this.#u16(64_240);
    this.#u32(0);
    if (header === 24) this.#u32(0x0204_05b4);
    this.#at += payload;
    mine[flow] = mine[flow]! + (header === 24 ? 1 : payload);
  }

  udp(flow: number, step: number): void {
    const payload = 20 + (this.#random() % (flow % 3 === 0 ? 1200 : 180));
    this.#ip(flow, UDP, 8 + payload, step % 2 === 0);
    this.#ports(flow, flow % 3 === 0 ? 4433 : 51_820, step % 2 === 0);
    this.#u16(8 + payload);
    this.#u16(0);
    this.#at += payload;
  }

  /** A query, then its answer. Each client asks for hosts of a few zones of its own. */
  dns(flow: number, step: number): void {
    const isQuery = step % 2 === 0;
    const client = flow % CLIENTS;
    const host = `h${Math.floor(flow / 7) % HOSTS_PER_ZONE}`;
    const zone = `zone${(client * 3 + (Math.floor(flow / CLIENTS) % ZONES_PER_CLIENT)) % ZONES}`;
    const message = 12 + 1 + host.length + 1 + zone.length + 5 + 4 + (isQuery ? 0 : 16);
    this.#ip(flow, UDP, 8 + message, isQuery);
    this.#ports(flow, 53, isQuery);
    this.#u16(8 + message);
    this.#u16(0);
    this.#u16(flow & 0xffff);
    this.#u16(isQuery ? 0x0100 : 0x8180);
    this.#u16(1);
    this.#u16(isQuery ? 0 : 1);
    this.#u32(0);
    this.#label(host);
    this.#label(zone);
    this.#label('com');
    this.#u8(0);
    this.#u16(1);
    this.#u16(1);
    if (isQuery) return;
    this.#u16(0xc00c);
    this.#u16(1);
    this.#u16(1);
    this.#u32(300);
    this.#u16(4);
    this.#u32(0xc6336400 | (flow & 0xff));
  }

  /** Ethernet and IP: clients in 172.30.0.0/16 or fd00::/8, servers in 198.51.100.0/24 and 10.0.0.0/8, or 2001:db8::/32. */
  #ip(flow: number, protocol: number, length: number, fromClient: boolean): void {
    const isV6 = flow % 10 === 9;
    const client = 0xac1e_0002 + (flow % CLIENTS);
    const server = serverOf(flow);
    this.#mac(fromClient ? 1 : 0x0200_0000 | client);
    this.#mac(fromClient ? 0x0200_0000 | client : 1);
    this.#u16(isV6 ? 0x86dd : 0x0800);
    if (isV6) {
      this.#u32(0x6000_0000);
      this.#u16(length);
      this.#u16((protocol << 8) | 64);
      this.#ipv6(fromClient ? 0xfd00_0001 : 0x2001_0db8, fromClient ? client : server);
      this.#ipv6(fromClient ? 0x2001_0db8 : 0xfd00_0001, fromClient ? server : client);
      return;
    }
    const header = this.#at;
    this.#u16(0x4500);
    this.#u16(20 + length);
    this.#u16(flow & 0xffff);
    this.#u16(0x4000);
    this.#u16((64 << 8) | protocol);
    this.#u16(0);
    this.#u32(fromClient ? client : server);
    this.#u32(fromClient ? server : client);
    this.#view.setUint16(header + 10, this.#checksum(header));
  }

  #checksum(header: number): number {
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += this.#view.getUint16(header + i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return ~sum & 0xffff;
  }

  #ports(flow: number, serverPort: number, fromClient: boolean): void {
    const clientPort = 20_000 + (Math.floor(flow / CLIENTS) % 40_000);
    this.#u16(fromClient ? clientPort : serverPort);
    this.#u16(fromClient ? serverPort : clientPort);
  }

  #mac(low: number): void {
    this.#u16(0x0242);
    this.#u32(low);
  }

  #ipv6(prefix: number, low: number): void {
    this.#u32(prefix);
    this.#u32(0);
    this.#u32(0);
    this.#u32(low);
  }

  #label(text: string): void {
    this.#u8(text.length);
    for (let i = 0; i < text.length; i++) this.#u8(text.charCodeAt(i));
  }

  #u8(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  #u16(value: number): void {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  #u32le(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #flush(): void {
    this.#written += fs.writeSync(this.#fd, this.#buffer, 0, this.#at);
    this.#at = 0;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [path, packets, flows] = process.argv.slice(2);
  if (path === undefined) {
    console.error('usage: tsx test/bench/generate-capture.ts FILE [PACKETS] [FLOWS]');
    process.exit(2);
  }
  const bytes = generateCapture({
    path,
    ...(packets !== undefined && { packets: Number(packets) }),
    ...(flows !== undefined && { flows: Number(flows) }),
  });
  console.log(`${path}: ${bytes} bytes`);
}
