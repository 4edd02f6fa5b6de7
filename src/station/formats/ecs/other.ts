/**
 * Every other kind: ECS has little to say of them, so they are whole under `bridgewatch`, by kind and native name, with
 * the fields filled that dashboards look at.
 */
import type { PublicOf, PublicRecord } from '../../../model/serialize.ts';
import { ipOrNothing, readableTime } from '../facts.ts';
import { beyondEnd, ecsEnd, ecsMac, ecsRelated, ecsWorkload } from './objects.ts';

type Other = Exclude<PublicRecord, { readonly kind: 'finding' | 'flow' | 'dns' }>;

const METRICS: ReadonlySet<Other['kind']> = new Set(['loss', 'anomaly', 'summary'] as const);

export function ecsOther(record: Other) {
  switch (record.kind) {
    case 'traffic':
      return traffic(record);
    case 'inventory':
      return inventory(record);
    case 'no-route':
      return noRoute(record);
    case 'spoof':
      return spoof(record);
    case 'lease':
      return {
        event: {
          kind: 'event',
          type: ['info'],
          action: record.to === undefined ? 'lease-held' : 'lease-ended',
        },
        ...ecsWorkload(record.workload),
        network: { name: record.network },
        bridgewatch: own(record),
      };
    case 'coverage':
      return {
        event: { kind: 'event', type: ['info'], action: record.state, reason: record.reason },
        ...ecsWorkload(record.workload),
        bridgewatch: own(record),
      };
    default:
      return {
        event: { kind: METRICS.has(record.kind) ? 'metric' : 'event', type: ['info'], action: record.kind },
        bridgewatch: own(record),
      };
  }
}

function traffic(record: PublicOf<'traffic'>) {
  const { origBytes, respBytes, origPackets, respPackets } = record;
  return {
    event: {
      kind: 'metric',
      category: ['network'],
      type: ['connection', 'info'],
      action: 'traffic',
      start: readableTime(record.start),
      end: record.end,
    },
    source: { bytes: origBytes, packets: origPackets },
    destination: { bytes: respBytes, packets: respPackets, port: record.respPort },
    network: { name: record.network, bytes: origBytes + respBytes, packets: origPackets + respPackets },
    bridgewatch: own(record),
  };
}

const CHANGE_TYPES = { added: 'creation', changed: 'change', removed: 'deletion' } as const;

function inventory(record: PublicOf<'inventory'>) {
  const { kind: _, time: __, detail, ...rest } = record;
  return {
    event: {
      kind: 'event',
      category: ['configuration'],
      type: [CHANGE_TYPES[record.change]],
      action: `${record.object}-${record.change}`,
    },
    container:
      record.object === 'container' ? { id: record.id, name: record.name, runtime: 'docker' } : undefined,
    // Its names differ by object, as those of evidence by analyzer.
    bridgewatch: { inventory: { ...rest, detail: JSON.stringify(detail) } },
  };
}

function noRoute(record: PublicOf<'no-route'>) {
  const { kind: _, time: __, subject, ...rest } = record;
  return {
    event: {
      kind: 'event',
      category: ['network'],
      type: ['connection', 'denied'],
      action: 'no-route',
      outcome: 'failure',
    },
    source: ecsEnd(subject),
    ...ecsWorkload(subject.workload),
    related: ecsRelated([subject]),
    bridgewatch: { 'no-route': { ...rest, subject: beyondEnd(subject) } },
  };
}

function spoof(record: PublicOf<'spoof'>) {
  const ip = ipOrNothing(record.ip);
  return {
    event: {
      kind: 'event',
      category: ['network', 'intrusion_detection'],
      type: ['info'],
      action: record.mismatch,
    },
    source: { address: record.ip, ip, mac: ecsMac(record.mac) },
    ...ecsWorkload(record.sender),
    network: { name: record.network },
    observer: { ingress: { interface: { name: record.interface } } },
    related: { ip: ip === undefined ? undefined : [ip] },
    bridgewatch: own(record),
  };
}

/** `{ loss: { ... } }`; the time is `@timestamp`. */
function own(record: Other): object {
  const { kind, ...rest } = record;
  return { [kind]: 'time' in rest ? { ...rest, time: undefined } : rest };
}
