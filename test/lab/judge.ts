/**
 * Compares what the agent said about flows with who really sent their packets. A flow is right when it names the one
 * sender of all its packets; ambiguous when it names nobody and all real senders are among its candidates; everything
 * else is wrong. Packets that no flow accounts for are missing.
 */
import type { PublicFlow } from '../../src/model/serialize.ts';
import type { LabelledPacket } from './packets.ts';

export interface Verdict {
  readonly right: number;
  readonly ambiguous: number;
  /** Named another, or somebody where several sent. */
  readonly wrong: readonly string[];
  /** Called unknown, or anything but a container. */
  readonly unnamed: readonly string[];
  /** Labelled packets in no flow. */
  readonly missing: readonly string[];
  /** The end that did not move (a listener), named otherwise than it is. */
  readonly peers: readonly string[];
}

export interface World {
  /** By interface: what was captured there. */
  readonly packets: ReadonlyMap<string, readonly LabelledPacket[]>;
  /** Listeners by address: their containers' names. */
  readonly peers: ReadonlyMap<string, string>;
}

export function judge(flows: readonly PublicFlow[], world: World): Verdict {
  let right = 0;
  let ambiguous = 0;
  const wrong: string[] = [];
  const unnamed: string[] = [];
  const peers: string[] = [];
  const accounted = new Set<LabelledPacket>();
  const packetsOf = byConversation(world.packets);
  for (const flow of flows) {
    const senders = new Set<string>();
    for (const packet of packetsOf.get(keyOfFlow(flow)) ?? []) {
      if (packet.time < micros(flow.start) || packet.time > micros(flow.end)) continue;
      accounted.add(packet);
      if (packet.label !== undefined) senders.add(packet.label);
    }
    if (senders.size === 0) continue;
    const peer = world.peers.get(flow.resp.ip);
    if (flow.resp.workload?.name !== peer) peers.push(`${describe(flow)}: the listener is ${peer}`);
    const named = flow.orig.workload?.name;
    const candidates = flow.orig.attribution.candidates ?? [];
    const story = `${describe(flow)}: sent by ${[...senders].join(', ')}`;
    if (named !== undefined) {
      if (senders.size === 1 && senders.has(named)) right++;
      else wrong.push(story);
    } else if (flow.orig.attribution.confidence !== 'ambiguous') unnamed.push(story);
    else if ([...senders].every((sender) => candidates.includes(sender))) ambiguous++;
    else wrong.push(story);
  }
  const missing = [...world.packets].flatMap(([name, packets]) =>
    packets
      .filter((packet) => packet.label !== undefined && !accounted.has(packet))
      .map((packet) => `${name} ${packet.protocol} ${packet.src} -> ${packet.dst}: ${packet.label}`),
  );
  return { right, ambiguous, wrong, unnamed, missing, peers };
}

/** A table and, below, what went wrong. */
export function verdictText({ right, ambiguous, wrong, unnamed, missing, peers }: Verdict): string {
  const rows: [string, number][] = [
    ['right', right],
    ['ambiguous', ambiguous],
    ['wrong', wrong.length],
    ['unnamed', unnamed.length],
    ['missing', missing.length],
    ['peer misnamed', peers.length],
  ];
  const table = rows.map(([word, count]) => `  ${word.padEnd(14)}${String(count).padStart(6)}`);
  const stories = Object.entries({ wrong, unnamed, missing, peers }).flatMap(([word, list]) =>
    list.slice(0, 8).map((story) => `  ${word}: ${story}`),
  );
  return [...table, ...stories].join('\n');
}

function byConversation(packets: World['packets']): Map<string, LabelledPacket[]> {
  const all = new Map<string, LabelledPacket[]>();
  for (const [name, list] of packets) {
    for (const packet of list) {
      const key = keyOf(name, packet.protocol, [packet.src, packet.srcPort], [packet.dst, packet.dstPort]);
      const known = all.get(key);
      if (known === undefined) all.set(key, [packet]);
      else known.push(packet);
    }
  }
  return all;
}

function keyOfFlow(flow: PublicFlow): string {
  const { orig, resp, protocol } = flow;
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  const end = ({ ip, port }: PublicFlow['orig']): [string, number] => [ip, hasPorts ? (port ?? 0) : 0];
  return keyOf(flow.interface, protocol, end(orig), end(resp));
}

function keyOf(name: string, protocol: string, ...ends: [string, number][]): string {
  return [name, protocol, ...ends.map((end) => end.join(' ')).sort()].join('|');
}

/** Microseconds of the public time text. */
function micros(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`) * 1000 + Number(text.slice(20, 26));
}

function describe({ interface: name, protocol, orig, resp, start, end, reason }: PublicFlow): string {
  const { method, confidence, reason: why, candidates } = orig.attribution;
  const said = orig.workload?.name ?? `${confidence} [${candidates?.join(', ') ?? ''}]`;
  return `${name} ${protocol} ${orig.ip}:${orig.port} (${orig.mac}) -> ${resp.workload?.name ?? resp.ip}:${resp.port} ${start}..${end.slice(11)} ${reason}: said ${said} by ${method}${why === undefined ? '' : ` (${why})`}`;
}
