/** A stored record as what happened then; undefined for what is no news on a time axis. Pure. */

import { escapedText } from '../../model/escape.ts';
import { workloadLabel } from '../../model/network.ts';
import type { PublicEndpoint, PublicFinding, PublicRecord } from '../../model/serialize.ts';
import { eventText } from '../events/text.ts';
import { clockText } from '../lib/output.ts';
import type { TimelineRecord } from '../lib/records.ts';

const MAX_CHARS = 1500;
/** Of a finding that only goes on, the first and the last say enough. */
const NO_NEWS: ReadonlySet<string> = new Set([
  'evidence changed',
  'end of input',
  'still so at the latest audit',
]);

export function timelineRecord(record: PublicRecord): TimelineRecord | undefined {
  switch (record.kind) {
    case 'finding':
      return NO_NEWS.has(record.reason) ? undefined : findingRecord(record);
    // Inventory changes tell the same, of networks and containers in their order.
    case 'lease':
    case 'flow':
    case 'dns':
    case 'traffic':
    case 'summary':
      return undefined;
    case 'decision':
      return { ...happened(record, record.time), id: record.id };
    case 'evidence':
      return {
        ...happened(record, record.time),
        ...(record.severity === undefined ? {} : { severity: record.severity }),
        ...(record.networks.length === 0 ? {} : { network: record.networks.join(', ') }),
        id: record.id,
      };
    case 'inventory': {
      const network = record.object === 'network' ? record.name : textOf(record.detail['network']);
      return {
        ...happened(record, record.time),
        ...(network === undefined ? {} : { network }),
        ...(record.object === 'container' || record.object === 'endpoint' ? { who: record.name } : {}),
      };
    }
    case 'coverage':
      return {
        ...happened(record, record.time),
        ...(record.network === undefined ? {} : { network: record.network }),
        ...(record.container === undefined ? {} : { who: record.container }),
      };
    case 'no-route':
      return {
        ...happened(record, record.time),
        network: record.networks.map(({ name }) => name).join(', '),
        who: endName(record.subject),
      };
    case 'listener':
      return { ...happened(record, record.time), who: endName(record.subject) };
    case 'spoof':
      return {
        ...happened(record, record.time),
        ...(record.network === undefined ? {} : { network: record.network }),
        who: record.sender === undefined ? record.mac : workloadLabel(record.sender),
      };
    case 'loss':
    case 'anomaly':
    case 'blocked':
    case 'audit-run':
      return happened(record, record.time);
  }
}

function findingRecord(finding: PublicFinding): TimelineRecord {
  const { status, reason, analyzer, explanation, severity, network, id } = finding;
  const why = status === 'open' ? '' : ` (${reason})`;
  return {
    kind: 'timeline',
    time: finding.lastSeen,
    of: 'finding',
    severity,
    ...(network === undefined ? {} : { network }),
    who: endName(finding.subject),
    text: escapedText(`${status}  ${analyzer}: ${explanation}${why}`, MAX_CHARS),
    id,
  };
}

/** As `events` has it, without the time that stands in a column of its own here. */
function happened(record: PublicRecord, time: string): TimelineRecord {
  return {
    kind: 'timeline',
    time,
    of: record.kind,
    text: eventText(record).slice(clockText(time).length).trimStart(),
  };
}

function endName({ workload, ip }: PublicEndpoint): string {
  return workload === undefined ? ip : workloadLabel(workload);
}

function textOf(value: string | boolean | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
