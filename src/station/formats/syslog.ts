/**
 * What a syslog message says of a record: how grave it is, and of a finding what one wants to filter by. The text is
 * whatever form the operator chose: a sentence, CEF, or JSON.
 */
import { endpointLabel } from '../../model/endpoint.ts';
import type { PublicFinding, PublicRecord } from '../../model/serialize.ts';
import { timeOf } from './facts.ts';
import { type Emitter, PRODUCT } from './format.ts';
import type { StructuredData, SyslogMessage, SyslogSeverity } from './rfc5424.ts';

/** local0. */
export const DEFAULT_FACILITY = 16;

/**
 * Set aside by IANA for documentation; Bridgewatch has no enterprise number of its own. An operator who has one may
 * give it.
 */
export const DEFAULT_ENTERPRISE = 32473;

export interface SyslogOptions {
  readonly facility?: number;
  readonly enterprise?: number;
}

export function syslogMessage(
  record: PublicRecord,
  text: string,
  { host }: Emitter,
  { facility = DEFAULT_FACILITY, enterprise = DEFAULT_ENTERPRISE }: SyslogOptions = {},
): SyslogMessage {
  return {
    facility,
    severity: severityOf(record),
    time: timeOf(record),
    host,
    app: PRODUCT,
    messageId: record.kind === 'finding' ? record.analyzer : record.kind,
    data: { id: `bridgewatch@${enterprise}`, params: paramsOf(record) },
    text,
  };
}

const FINDING_SEVERITIES: Readonly<Record<PublicFinding['severity'], SyslogSeverity>> = {
  critical: 2,
  high: 3,
  medium: 4,
  low: 5,
  informational: 6,
};

/** What is over or muted wakes nobody. What could not be seen is a warning. */
function severityOf(record: PublicRecord): SyslogSeverity {
  switch (record.kind) {
    case 'finding': {
      const severity = FINDING_SEVERITIES[record.severity];
      const isQuiet = record.status === 'closed' || record.muted !== undefined;
      return isQuiet && severity < 5 ? 5 : severity;
    }
    case 'loss':
      return 4;
    default:
      return 6;
  }
}

function paramsOf(record: PublicRecord): StructuredData['params'] {
  if (record.kind !== 'finding') return [['kind', record.kind]];
  const { subject, peers, attack } = record;
  const params: readonly (readonly [string, string | undefined])[] = [
    ['kind', 'finding'],
    ['id', record.id],
    ['status', record.status],
    ['severity', record.severity],
    ['confidence', record.confidence],
    ['message', record.message],
    ['network', record.network],
    ['subject', endpointLabel(subject)],
    ['subjectIp', subject.ip],
    ['peer', peers[0] && endpointLabel(peers[0])],
    ['peerIp', peers[0]?.ip],
    ['peerPort', peers[0]?.port?.toString()],
    ['count', String(record.count)],
    ['attack', attack.map(({ technique }) => technique).join(',') || undefined],
    ['exception', record.exception?.reason],
    ['muted', record.muted?.reason],
    ['acknowledged', record.acknowledged?.by],
  ];
  return params.filter((param): param is readonly [string, string] => param[1] !== undefined);
}
