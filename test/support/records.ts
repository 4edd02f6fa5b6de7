/** Builders for records: a test names what matters to it, everything else has a quiet default. */

import type { DnsAnswer, DnsRecord } from '../../src/model/dns.ts';
import { type Endpoint, NOBODY_HELD } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { ListenerRecord } from '../../src/model/listener.ts';
import type { NeighborRequest } from '../../src/model/neighbor.ts';
import type { Network, Workload } from '../../src/model/network.ts';
import type { NoRouteRecord } from '../../src/model/record.ts';
import type { Micros } from '../../src/model/time.ts';
import type { DnsQuery } from '../../src/sensor/analysis/analyzer.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';

/** 2026-01-01T00:00:00Z: a whole hour, so that windows in tests start at their edge. */
export const T0: Micros = 1_767_225_600_000_000;

export function secs(seconds: number): Micros {
  return T0 + Math.round(seconds * 1_000_000);
}

/** The clock was two hours ahead, and is set right: what happens then is told in seconds from here. */
export const BACK = -7200;

export function setBack(seconds: number): AnalyzerEvent {
  return { on: 'clock-set', step: { from: secs(seconds), to: secs(seconds + BACK) } };
}

export function network(fields: Partial<Network> = {}): Network {
  return {
    id: `id-${fields.name ?? 'back'}`,
    name: 'back',
    driver: 'bridge',
    scope: 'local',
    internal: false,
    bridge: 'br-000000000001',
    subnets: ['172.30.0.0/24', 'fd00:30::/64'],
    gateways: ['172.30.0.1', 'fd00:30::1'],
    options: {},
    labels: {},
    ...fields,
  };
}

export function workload(
  name: string,
  networks: readonly string[] = ['back'],
  fields: Partial<Workload> = {},
) {
  return {
    containerId: `cid-${name}`,
    name,
    image: 'image',
    composeProject: 'shop',
    composeService: name,
    labels: {},
    networkMode: networks[0] ?? 'none',
    networks,
    ...fields,
  } satisfies Workload;
}

/** Made by hand: no Compose project, no service. */
export function loneWorkload(
  name: string,
  networks: readonly string[] = ['bridge'],
  fields: Partial<Workload> = {},
): Workload {
  const { composeProject: _, composeService: __, ...rest } = workload(name, networks, fields);
  return rest;
}

export function container(name: string, ip: string, fields: Partial<Endpoint> = {}): Endpoint {
  return {
    ip,
    scope: 'container',
    workload: workload(name),
    names: [],
    attribution: { method: 'mac+ip', confidence: 'certain' },
    ...fields,
  };
}

/** An address without a container. */
export function address(ip: string, scope: Endpoint['scope'], fields: Partial<Endpoint> = {}): Endpoint {
  return { ip, scope, names: [], attribution: { method: 'range', confidence: 'certain' }, ...fields };
}

export function unattributed(ip: string, fields: Partial<Endpoint> = {}): Endpoint {
  const attribution = { method: 'none', confidence: 'none', reason: 'no such endpoint' } as const;
  return { ip, scope: 'unknown', names: [], attribution, ...fields };
}

let nextUid = 0;

export function flow(fields: Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>): FlowRecord {
  nextUid += 1;
  return {
    kind: 'flow',
    uid: `F${nextUid.toString(36)}`,
    communityId: `1:${nextUid}`,
    start: T0,
    end: fields.start ?? T0,
    interface: 'br-000000000001',
    protocol: 'tcp',
    origBytes: 60,
    respBytes: 0,
    origPackets: 1,
    respPackets: 0,
    connState: 'S0',
    history: fields.protocol === undefined || fields.protocol === 'tcp' ? 'S' : 'D',
    direction: 'unknown',
    coverage: 'whole',
    reason: 'start',
    ...fields,
  };
}

/** The same flow once its responder has spoken. */
export function answered(started: FlowRecord, end: Micros, fields: Partial<FlowRecord> = {}): FlowRecord {
  return {
    ...started,
    end,
    respPackets: 1,
    respBytes: 60,
    connState: 'S1',
    history: started.protocol === 'tcp' ? 'Sh' : 'Dd',
    reason: 'answered',
    ...fields,
  };
}

export function noRoute(fields: Partial<NoRouteRecord> & Pick<NoRouteRecord, 'subject'>): NoRouteRecord {
  return {
    kind: 'no-route',
    time: T0,
    networks: [{ name: 'back', internal: true }],
    family: 'ipv4',
    count: 1,
    intervalSecs: 1,
    ...fields,
  };
}

/** Seen to open within five seconds before its time, on any address of a container. */
export function listener(fields: Partial<ListenerRecord> & Pick<ListenerRecord, 'subject'>): ListenerRecord {
  const { time = T0 } = fields;
  return {
    kind: 'listener',
    time,
    change: 'opened',
    networks: [{ name: 'back', internal: false }],
    protocol: 'tcp',
    address: '0.0.0.0',
    loopback: false,
    after: time - 5_000_000,
    first: time,
    exposed: false,
    published: false,
    ...fields,
  };
}

export interface QuestionFields extends Partial<DnsRecord> {
  /** Labels, leftmost first; text is taken as Latin-1, so that odd bytes can be written as `\xff`. */
  readonly labels: readonly string[];
  readonly options?: DnsQuery['options'];
}

export function question(fields: QuestionFields): DnsRecord {
  const { labels, options: _, ...rest } = fields;
  return {
    kind: 'dns',
    time: T0,
    interface: 'br-000000000001',
    client: container('app', '172.30.0.10'),
    server: address('172.30.0.2', 'lan', { port: 53 }),
    vantage: 'bridge',
    protocol: 'dns',
    transport: 'udp',
    opcode: 'QUERY',
    id: 1,
    query: labels.length === 0 ? '.' : labels.map(presentation).join('.'),
    qtype: 'A',
    qclass: 'IN',
    answers: [],
    flags: ['RD'],
    anomalies: [],
    ...rest,
  };
}

export function askEvent(fields: QuestionFields): AnalyzerEvent {
  const record = question(fields);
  const labels = fields.labels.map((label) => Uint8Array.from(Buffer.from(label, 'latin1')));
  return { on: 'dns-query', query: { time: record.time, record, labels, options: fields.options ?? [] } };
}

/** What the agent sees of one look-up: the question, then the record with its answer. */
export function lookUp(
  fields: QuestionFields,
  rcode?: string,
  addresses: readonly string[] = [],
): AnalyzerEvent[] {
  const record = question(fields);
  const answers = addresses.map(
    (data): DnsAnswer =>
      data.includes(':')
        ? { name: record.query, type: 'AAAA', ttl: 60, bytes: 16, data }
        : { name: record.query, type: 'A', ttl: 60, bytes: 4, data },
  );
  const answeredRecord: DnsRecord = { ...record, answers, ...(rcode === undefined ? {} : { rcode }) };
  return [askEvent(fields), { on: 'dns', record: answeredRecord }];
}

/** RFC 4343: what is no printable ASCII, and the dot inside a label, as `\DDD`. */
function presentation(label: string): string {
  return label.replace(/[^!-~]|[.\\]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`);
}

/** `who` asks the network for the holder of `ip`; nobody holds it, as far as the engine knows. */
export function asksFor(
  who: Endpoint,
  ip: string,
  time: Micros,
  fields: Partial<NeighborRequest> = {},
): AnalyzerEvent {
  return {
    on: 'neighbor-request',
    request: {
      time,
      network: network(),
      interface: 'br-000000000001',
      protocol: ip.includes(':') ? 'ndp' : 'arp',
      sender: who,
      target: vacant(ip),
      isAssigned: false,
      ...fields,
    },
  };
}

/** An address of a Docker network that nobody holds, by the engine's own list. */
export function vacant(ip: string, fields: Partial<Endpoint> = {}): Endpoint {
  const attribution = { method: 'none', confidence: 'none', reason: `${NOBODY_HELD} back then` } as const;
  return { ip, scope: 'unknown', names: [], attribution, ...fields };
}
