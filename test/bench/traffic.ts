/**
 * Captures of one kind of traffic each, with the inventory of the host they were taken on: short connections to the
 * outside, look-ups, short connections inside. Ordinary traffic, which no detector ought to find anything in; what is
 * measured is what it takes to find nothing. The same kind gives the same bytes.
 */
import { writeFileSync } from 'node:fs';
import {
  answer,
  bytes,
  type CapturedFrame,
  concat,
  dnsQuery,
  dnsResponse,
  dockerMac,
  hex,
  pcapFile,
  QTYPE,
  tcpFrame,
  u16,
  udpFrame,
} from '../support/packet-builder.ts';

export const KINDS = ['outward', 'look-ups', 'inside'] as const;
export type Kind = (typeof KINDS)[number];

/** Connections, or look-ups. */
const COUNT = 20_000;
/** They begin within so long, evenly: half an hour of a busy host. */
const SPAN_MICROS = 1_800_000_000;
const START_MICROS = 1_790_000_000_000_000;
const NETWORKS = 5;
const CONTAINERS_EACH = 20;
const SITES = 200;
const RTT_MICROS = 400;
/** Of each TLS or HTTP answer, so that a connection is 12 packets. */
const ANSWER_SEGMENTS = 3;
const SEGMENT_BYTES = 1200;

interface Client {
  readonly network: number;
  readonly ip: string;
  readonly mac: string;
}

/** Containers of five networks: the first of each serves the others. */
const CLIENTS: readonly Client[] = Array.from({ length: NETWORKS * CONTAINERS_EACH }, (_, i) => {
  const network = i % NETWORKS;
  const ip = `172.30.${network}.${2 + Math.floor(i / NETWORKS)}`;
  return { network, ip, mac: dockerMac(ip) };
});

const gatewayIp = (network: number): string => `172.30.${network}.1`;
const siteIp = (site: number): string => `198.51.100.${1 + site}`;
const siteName = (site: number): string => `api-${site % 7}.site-${site}.com`;

/** Writes PATH and, beside it, the inventory. */
export function generateTraffic(kind: Kind, path: string, inventoryPath: string): void {
  const frames: CapturedFrame[] = [];
  for (let i = 0; i < COUNT; i++) {
    const at = START_MICROS + Math.floor((i * SPAN_MICROS) / COUNT);
    switch (kind) {
      case 'outward':
        addOutward(frames, i, at);
        break;
      case 'look-ups':
        addLookUp(frames, i, at, `h${i % 23}.zone-${i % 389}.com`);
        break;
      case 'inside':
        addInside(frames, i, at);
    }
  }
  frames.sort((a, b) => a.timeMicros - b.timeMicros);
  writeFileSync(path, pcapFile(frames));
  writeFileSync(inventoryPath, inventory());
}

/** A name is asked for first, by each container once: who connects to what nobody resolved is another matter. */
function addOutward(frames: CapturedFrame[], i: number, at: number): void {
  const client = CLIENTS[i % CLIENTS.length]!;
  const round = Math.floor(i / CLIENTS.length);
  // Twenty sites for each container, in turn.
  const site = (i * 7 + (round % 20) * 11) % SITES;
  const router = { ip: siteIp(site), mac: dockerMac(gatewayIp(client.network)) };
  if (round < 20) addLookUp(frames, i, at, siteName(site), siteIp(site));
  const says = i % 4 === 0 ? request(siteName(site)) : clientHello(siteName(site));
  addConnection(frames, i, at + 4 * RTT_MICROS, client, router, i % 4 === 0 ? 80 : 443, says);
}

function addInside(frames: CapturedFrame[], i: number, at: number): void {
  const client = CLIENTS[i % CLIENTS.length]!;
  const members = CLIENTS.filter(({ network }) => network === client.network);
  const isServer = members[0] === client;
  // The server asks each of its members how it is; the members ask the server, one of its three ports each.
  const peer = isServer ? members[1 + (Math.floor(i / CLIENTS.length) % (members.length - 1))]! : members[0]!;
  const port = isServer ? 8080 : [80, 5432, 6379][i % 3]!;
  addConnection(frames, i, at, client, peer, port, request('backend'));
}

function addLookUp(frames: CapturedFrame[], i: number, at: number, name: string, address?: string): void {
  const client = CLIENTS[i % CLIENTS.length]!;
  const server = { ip: '198.51.100.253', mac: dockerMac(gatewayIp(client.network)) };
  const sport = portOf(i);
  const id = i & 0xffff;
  // Of what is looked up for its own sake, one in twenty does not exist.
  const isMissing = address === undefined && i % 20 === 19;
  const answers = isMissing ? [] : [answer.a(address ?? `198.51.100.${1 + (i % 200)}`)];
  const question = { name, type: QTYPE.A, id };
  const there = { src: client.ip, dst: server.ip, srcMac: client.mac, dstMac: server.mac };
  const back = { src: server.ip, dst: client.ip, srcMac: server.mac, dstMac: client.mac };
  const reply = dnsResponse({ ...question, answers, rcode: isMissing ? 3 : 0 });
  frames.push({ frame: udpFrame({ ...there, sport, dport: 53 }, dnsQuery(question)), timeMicros: at });
  frames.push({ frame: udpFrame({ ...back, sport: 53, dport: sport }, reply), timeMicros: at + RTT_MICROS });
}

/** Twelve packets: a handshake, a request, three segments of an answer, and both sides close. */
function addConnection(
  frames: CapturedFrame[],
  i: number,
  at: number,
  client: { readonly ip: string; readonly mac: string },
  server: { readonly ip: string; readonly mac: string },
  dport: number,
  says: Uint8Array,
): void {
  const sport = portOf(i);
  const body = new Uint8Array(SEGMENT_BYTES);
  body.set(dport === 443 ? hex('160303 04ab 020004a7 0303') : Buffer.from('HTTP/1.1 200 OK\r\n'));
  let time = at;
  let seq = 1000 + i;
  let ack = 9000 + i;
  const there = (flags: string, payload?: Uint8Array): void => {
    const ends = { src: client.ip, dst: server.ip, srcMac: client.mac, dstMac: server.mac };
    frames.push({ frame: tcpFrame({ ...ends, sport, dport, flags, seq, ack }, payload), timeMicros: time });
    seq += (payload?.length ?? 0) + (/[SF]/.test(flags) ? 1 : 0);
    time += RTT_MICROS;
  };
  const back = (flags: string, payload?: Uint8Array): void => {
    const ends = { src: server.ip, dst: client.ip, srcMac: server.mac, dstMac: client.mac };
    const turned = { sport: dport, dport: sport, flags, seq: ack, ack: seq };
    frames.push({ frame: tcpFrame({ ...ends, ...turned }, payload), timeMicros: time });
    ack += (payload?.length ?? 0) + (/[SF]/.test(flags) ? 1 : 0);
    time += RTT_MICROS;
  };
  there('S');
  back('SA');
  there('A');
  there('PA', says);
  back('A');
  for (let segment = 0; segment < ANSWER_SEGMENTS; segment++) back('PA', body);
  there('A');
  there('FA');
  back('FA');
  there('A');
}

/** A container's connections follow each other on different ports. */
function portOf(i: number): number {
  return 32_768 + (i % 28_000);
}

function request(host: string): Uint8Array {
  return Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench\r\n\r\n`);
}

/** TLS 1.3, RFC 8446 section 4.1.2: no more than what carries the name. */
function clientHello(host: string): Uint8Array {
  const name = Buffer.from(host);
  const serverName = concat(u16(name.length + 3), bytes(0), u16(name.length), name);
  const extensions = concat(u16(0), u16(serverName.length), serverName);
  const body = concat(
    hex('0303'),
    new Uint8Array(32),
    bytes(0),
    hex('0002 1301 01 00'),
    u16(extensions.length),
    extensions,
  );
  const handshake = concat(bytes(1, 0), u16(body.length), body);
  return concat(hex('16 0301'), u16(handshake.length), handshake);
}

/** As `bridgewatch map --json` prints it. */
function inventory(): string {
  const id = (kind: string, i: number): string => (kind + i.toString(16).padStart(4, '0')).padEnd(64, '0');
  const networks = Array.from({ length: NETWORKS }, (_, n) => ({
    kind: 'network',
    id: id('d', n),
    name: `net-${n}`,
    driver: 'bridge',
    internal: false,
    bridge: `br-${id('d', n).slice(0, 12)}`,
    subnets: [`172.30.${n}.0/24`],
    gateways: [gatewayIp(n)],
  }));
  const containers = CLIENTS.map(({ network, ip, mac }, i) => ({
    kind: 'container',
    containerId: id('c', i),
    name: `app-${i}`,
    image: 'app:1',
    composeProject: `project-${network}`,
    composeService: `service-${i}`,
    networkMode: `net-${network}`,
    networks: [`net-${network}`],
    endpoints: [
      {
        networkId: id('d', network),
        containerId: id('c', i),
        ips: [ip],
        mac,
        from: START_MICROS - 1_000_000,
      },
    ],
  }));
  return [...networks, ...containers].map((record) => `${JSON.stringify(record)}\n`).join('');
}
