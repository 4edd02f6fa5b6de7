/** Fields with a fixed set of values. The compiler refuses a set that lacks one, or has one that is none. */
import type { AuditTrigger } from '../model/audit-run.ts';
import type { DecisionRecord } from '../model/decision.ts';
import type { DnsRecord } from '../model/dns.ts';
import type { Attribution, Scope } from '../model/endpoint.ts';
import type { EvidenceRecord } from '../model/evidence.ts';
import type { Confidence, Finding } from '../model/finding.ts';
import type { ConnState, Coverage, Direction } from '../model/flow.ts';
import type { ListenerRecord } from '../model/listener.ts';
import type { NatFact } from '../model/nat.ts';
import type { InventoryChange, RecordKind } from '../model/record.ts';

type Every<T extends string> = Readonly<Record<T, true>>;

function keys(all: Readonly<Record<string, true>>): readonly string[] {
  return Object.keys(all);
}

export const SCOPES = keys({
  container: true,
  gateway: true,
  host: true,
  engine: true,
  lan: true,
  internet: true,
  multicast: true,
  unknown: true,
} satisfies Every<Scope>);

export const METHODS = keys({
  'mac+ip': true,
  mac: true,
  'ip@time': true,
  conntrack: true,
  netns: true,
  gateway: true,
  network: true,
  'host-address': true,
  range: true,
  none: true,
} satisfies Every<Attribution['method']>);

export const CERTAINTIES = keys({
  certain: true,
  likely: true,
  ambiguous: true,
  none: true,
} satisfies Every<Attribution['confidence']>);

export const DIRECTIONS = keys({
  egress: true,
  ingress: true,
  'east-west': true,
  host: true,
  unknown: true,
} satisfies Every<Direction>);

export const STATES = keys({
  S0: true,
  S1: true,
  SF: true,
  REJ: true,
  S2: true,
  S3: true,
  RSTO: true,
  RSTR: true,
  RSTOS0: true,
  RSTRH: true,
  SH: true,
  SHR: true,
  OTH: true,
} satisfies Every<ConnState>);

export const COVERAGES = keys({
  whole: true,
  'started-midstream': true,
  lossy: true,
} satisfies Every<Coverage>);

export const NAT_KINDS = keys({
  'published-port': true,
  masquerade: true,
  hairpin: true,
  'docker-proxy': true,
  unknown: true,
} satisfies Every<NatFact['kind']>);

export const VANTAGES = keys({
  bridge: true,
  container: true,
  file: true,
} satisfies Every<DnsRecord['vantage']>);

export const DNS_FLAGS = keys({
  AA: true,
  TC: true,
  RD: true,
  RA: true,
  AD: true,
  CD: true,
} satisfies Every<DnsRecord['flags'][number]>);

/** The least first, so that `confidence>=high` means something. */
export const CONFIDENCES = keys({
  low: true,
  medium: true,
  high: true,
  certain: true,
} satisfies Every<Confidence>);

export const STATUSES = keys({
  open: true,
  update: true,
  closed: true,
  reopened: true,
} satisfies Every<Finding['status']>);

export const ACTIONS = keys({
  acknowledge: true,
  unacknowledge: true,
  mute: true,
  unmute: true,
  expire: true,
} satisfies Every<DecisionRecord['action']>);

export const CHANGES = keys({
  added: true,
  changed: true,
  removed: true,
  opened: true,
  found: true,
  closed: true,
  kept: true,
} satisfies Every<InventoryChange['change'] | ListenerRecord['change'] | EvidenceRecord['change']>);

export const TRIGGERS = keys({ start: true, change: true, schedule: true } satisfies Every<AuditTrigger>);

export const CAUSES = keys({
  finding: true,
  request: true,
  command: true,
} satisfies Every<EvidenceRecord['cause']>);

export const KINDS = keys({
  flow: true,
  traffic: true,
  dns: true,
  finding: true,
  loss: true,
  anomaly: true,
  inventory: true,
  coverage: true,
  'no-route': true,
  blocked: true,
  listener: true,
  lease: true,
  spoof: true,
  decision: true,
  evidence: true,
  'audit-run': true,
  summary: true,
} satisfies Every<RecordKind>);
