/**
 * A pipeline over packets that a test wrote down, with a real flow table, attribution, runner and findings manager:
 * two networks (`data`, internal, and `front`), `db` and `api` on data, `api` and `web` on front.
 */
import { z } from 'zod';
import { batchOf, type MemoryFrame } from '../../capture/memory.ts';
import type { Network } from '../../src/model/network.ts';
import type { AgentRecord, RecordKind } from '../../src/model/record.ts';
import type { AnalyzerDefinition, Handlers } from '../../src/sensor/analysis/analyzer.ts';
import { type DnsConfig, dnsConfig, type FlowsConfig, flowsConfig } from '../../src/sensor/config.ts';
import { createDetection } from '../../src/sensor/detection.ts';
import { Attribution } from '../../src/sensor/docker/attribution.ts';
import { DockerDualHomed } from '../../src/sensor/docker/dual-homed.ts';
import { InventoryState } from '../../src/sensor/docker/inventory-state.ts';
import { findingsConfig } from '../../src/sensor/findings/config.ts';
import { Pipeline, type PipelineOptions } from '../../src/sensor/pipeline.ts';
import type { Tap } from '../../src/sensor/taps/tap.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../support/inventory-facts.ts';
import {
  dockerMac,
  type FrameFields,
  LINKTYPE,
  type TcpFields,
  tcpFrame,
  udpFrame,
} from '../support/packet-builder.ts';

export const IP = {
  db: '172.30.20.2',
  api: '172.30.20.3',
  dataGateway: '172.30.20.1',
  apiFront: '172.30.10.3',
  web: '172.30.10.4',
  outside: '198.51.100.7',
} as const;

/** Made anew for each run, as nothing may be carried over. */
export function inventory(): InventoryState {
  const state = new InventoryState();
  const data = { name: 'data', internal: true, subnets: ['172.30.20.0/24'], gateways: [IP.dataGateway] };
  state.networkSeen(networkFact(data), T0);
  state.networkSeen(
    networkFact({ name: 'front', subnets: ['172.30.10.0/24'], gateways: ['172.30.10.1'] }),
    T0,
  );
  const join = (name: string, network: string, ip: string) =>
    state.connected(
      endpointFact(name, network, [ip], dockerMac(ip)),
      T0 - 60 * SECOND,
      containerFact(name, {
        labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': name },
      }),
    );
  join('db', 'data', IP.db);
  join('api', 'data', IP.api);
  join('api', 'front', IP.apiFront);
  join('web', 'front', IP.web);
  return state;
}

export interface Setup {
  readonly analyzers?: readonly AnalyzerDefinition[];
  readonly flows?: Partial<FlowsConfig>;
  readonly dns?: Partial<DnsConfig>;
  readonly wants?: Partial<PipelineOptions['wants']>;
  readonly outside?: PipelineOptions['outside'];
  readonly expectedTaps?: PipelineOptions['expectedTaps'];
  /** False as for a file of which nobody said what networks it shows. */
  readonly hasNetworks?: boolean;
}

export interface PipelineRun {
  readonly pipeline: Pipeline;
  readonly state: InventoryState;
  readonly records: readonly AgentRecord[];
  /** On the bridge of `data`, unless another is named. */
  tap(network?: string): Tap;
  feed(tap: Tap, frames: readonly MemoryFrame[]): void;
  of<K extends RecordKind>(kind: K): Extract<AgentRecord, { kind: K }>[];
}

export function startPipeline({
  analyzers = [],
  flows = {},
  dns = {},
  wants = {},
  outside,
  expectedTaps,
  hasNetworks = true,
}: Setup = {}): PipelineRun {
  const records: AgentRecord[] = [];
  const emit = (record: AgentRecord) => void records.push(record);
  const state = inventory();
  const log = createLogger('silent');
  const options = Object.fromEntries(
    analyzers.map(({ id, config }) => [id, { enabled: true, options: config.parse({}) }]),
  );
  const detection = createDetection({
    analyzers,
    options,
    findings: findingsConfig.parse({}),
    emit,
    log,
  });
  const pipeline = new Pipeline({
    flows: { ...flowsConfig.parse({}), ...flows },
    dns: { ...dnsConfig.parse({}), ...dns },
    names: new Attribution(state, { host: { has: () => false, onInterface: () => false } }),
    outside,
    expectedTaps,
    dualHomed: new DockerDualHomed(state),
    ...detection,
    emit,
    wants: { flows: true, dns: true, traffic: true, ...wants },
    seed: 0,
  });
  if (hasNetworks) pipeline.setNetworks(state.networks());
  return {
    pipeline,
    state,
    records,
    tap(name = 'data') {
      const network = state.networks().find((entry) => entry.name === name) as Network;
      return pipeline.attach({
        interface: network.bridge!,
        linkType: LINKTYPE.ETHERNET,
        network,
        vantage: 'bridge',
      });
    },
    feed: (tap, frames) => pipeline.onBatch(batchOf(frames), [tap]),
    of: <K extends RecordKind>(kind: K) =>
      records.filter((record): record is Extract<AgentRecord, { kind: K }> => record.kind === kind),
  };
}

/** An analyzer that only listens. */
export function listener(flows: AnalyzerDefinition['flows'], handlers: Handlers): AnalyzerDefinition {
  return {
    id: 'listener',
    title: 'Listens',
    attack: [],
    severity: 'low',
    confidence: 'low',
    maturity: 'sandbox',
    ...(flows === undefined ? {} : { flows }),
    config: z.strictObject({}),
    evidence: z.object({}),
    messages: {},
    create: () => handlers,
  };
}

/** Seconds after T0. */
export function at(seconds: number, data: Uint8Array): MemoryFrame {
  return { time: T0 + Math.round(seconds * SECOND), data };
}

/** With the MACs that Docker gives. */
export function segment(fields: FrameFields & TcpFields, payload?: Uint8Array): Uint8Array {
  return tcpFrame({ ...macs(fields), ...fields }, payload);
}

export function datagram(
  fields: FrameFields & { sport: number; dport: number },
  payload?: Uint8Array,
): Uint8Array {
  return udpFrame({ ...macs(fields), ...fields }, payload);
}

function macs({ src, dst }: FrameFields): { srcMac: string; dstMac: string } {
  return { srcMac: dockerMac(src), dstMac: dockerMac(dst) };
}

/** A whole connection: 3 packets to open, one each way with data, 3 to close. */
export function connection(
  from: number,
  ends: { readonly src: string; readonly dst: string; readonly sport?: number; readonly dport?: number },
  sizes: { readonly sent?: number; readonly received?: number } = {},
): MemoryFrame[] {
  const { src, dst, sport = 40_000, dport = 5432 } = ends;
  const sent = new Uint8Array(sizes.sent ?? 100);
  const received = new Uint8Array(sizes.received ?? 200);
  const out = (flags: string, seq: number, ack: number, payload?: Uint8Array) =>
    segment({ src, dst, sport, dport, flags, seq, ack }, payload);
  const back = (flags: string, seq: number, ack: number, payload?: Uint8Array) =>
    segment({ src: dst, dst: src, sport: dport, dport: sport, flags, seq, ack }, payload);
  const [o, r] = [1001 + sent.length, 5001 + received.length];
  return [
    out('S', 1000, 0),
    back('SA', 5000, 1001),
    out('A', 1001, 5001),
    out('PA', 1001, 5001, sent),
    back('PA', 5001, o, received),
    out('FA', o, r),
    back('FA', r, o + 1),
    out('A', o + 1, r + 1),
  ].map((data, i) => at(from + i / 1000, data));
}
