/** Records as formats get them: in their public form. */
import type { AgentRecord } from '../../../src/model/record.ts';
import { type PublicOf, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { FORMATS, type FormatName } from '../../../src/station/formats/formats.ts';
import { EMITTER } from '../../support/format-schemas.ts';
import {
  coverage,
  database,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  T0,
  traffic,
} from '../support/records.ts';

export function publicForm<R extends AgentRecord>(record: R): PublicOf<R['kind']> {
  return parseRecord(serializeRecord(record)) as PublicOf<R['kind']>;
}

/** The encoded record, read back; undefined where the format has no form for it. */
// biome-ignore lint/suspicious/noExplicitAny: a test reaches into whatever is there.
export function encoded(name: FormatName, record: AgentRecord): any {
  const line = FORMATS[name].encode(publicForm(record), EMITTER);
  return line === undefined || name === 'cef' ? line : JSON.parse(line);
}

export const EVERY_KIND: readonly AgentRecord[] = [
  finding(1),
  flow(1),
  dns(1),
  traffic(1),
  loss(1),
  coverage(1),
  inventory(1),
  { kind: 'anomaly', time: T0, code: 'ipv4-header-truncated', interface: 'br-1', count: 2 },
  {
    kind: 'no-route',
    time: T0,
    subject: endpoint(),
    networks: [{ name: 'shop_data', internal: true }],
    family: 'ipv4',
    count: 3,
    intervalSecs: 1,
  },
  {
    kind: 'lease',
    time: T0,
    id: 'lease-1',
    networkId: '5d0c3a1f9b7e',
    network: 'shop_data',
    ips: ['172.30.1.5'],
    workload: database,
    from: T0,
  },
  {
    kind: 'spoof',
    time: T0,
    interface: 'br-1',
    ip: '172.30.1.1',
    mac: '02:42:ac:1e:01:05',
    mismatch: 'gateway-address',
    layer: 'arp',
    sender: database,
    count: 1,
    first: T0,
  },
  {
    kind: 'decision',
    time: T0,
    id: 'm-1',
    action: 'mute',
    object: 'mute',
    finding: '0000000000000001',
    analyzer: 'internal-egress',
    key: 'shop/db',
    reason: 'backup host',
    by: 'root (uid 0)',
  },
  {
    kind: 'evidence',
    time: T0,
    id: 'e-1',
    change: 'kept',
    cause: 'finding',
    finding: '0000000000000001',
    analyzer: 'internal-egress',
    severity: 'high',
    networks: ['shop_data'],
    trigger: T0,
    first: T0,
    last: T0,
    packets: 3,
    bytes: 1234,
    file: 'e-1.pcapng',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    end: 'whole',
    missing: [],
  },
  {
    kind: 'audit-run',
    time: T0,
    trigger: 'change',
    tookSecs: 0.4,
    engineVersion: '28.5.0',
    containers: 2,
    networks: 3,
    checks: 31,
    leftOut: [],
    outcomes: { fail: 1, unknown: 1, pass: 20, 'not-applicable': 9 },
    failures: { high: 1 },
    findings: 1,
    scores: [{ score: 80, failed: 1, unknown: 0 }],
    unknown: [{ checks: ['bridge-nf-call'], reason: 'Not known.' }],
  },
  {
    kind: 'summary',
    packets: 1,
    bytes: 2,
    first: T0,
    last: T0,
    flows: 3,
    dnsQuestions: 4,
    findings: 5,
    anomalies: {},
    notUnderstood: {},
    losses: {},
  },
];
