/** What a chat message says of a finding, before it takes the form of one service or another. */
import { endpointLabel } from '../../../model/endpoint.ts';
import type { PublicFinding } from '../../../model/serialize.ts';
import { evidenceText } from '../told-text.ts';

export interface Message {
  readonly severity: PublicFinding['severity'];
  /** Or muted: nobody is to do anything. */
  readonly isOver: boolean;
  /** `high: Egress from an internal network`. */
  readonly headline: string;
  readonly sentence: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly footer: string;
}

export function messageOf(finding: PublicFinding, host: string): Message {
  const { severity, status, title, subject, peers, network, exception, attack, muted, acknowledged } =
    finding;
  const isOver = status === 'closed';
  const isMuted = !isOver && muted !== undefined;
  const [peer, ...others] = peers;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Who', endpointLabel(subject)],
    [
      'With whom',
      peer && `${endpointLabel(peer)}${peer.port === undefined ? '' : `, port ${peer.port}`}${more}`,
    ],
    ['Network', network],
    ['Host', host],
    ['Confidence', finding.confidence],
    ['Reports', String(finding.count)],
    ['First sign', finding.firstSeen],
    ['Last sign', finding.lastSeen],
    ['ATT&CK', attack.map(({ technique }) => technique).join(', ') || undefined],
    ['Expected because', exception?.reason],
    ['Muted until', isMuted ? (muted.until ?? 'it is unmuted') : undefined],
    ['Acknowledged by', acknowledged?.by],
    [isOver ? 'Over because' : 'Told because', finding.reason],
    ['Evidence', evidenceText(finding) || undefined],
  ];
  return {
    severity,
    isOver: isOver || isMuted,
    headline: `${isOver ? 'over, was ' : isMuted ? 'muted, was ' : ''}${severity}: ${title}`,
    sentence: finding.explanation,
    // A field without a text is one that Discord refuses, with the message around it.
    facts: facts.filter(
      (fact): fact is readonly [string, string] => fact[1] !== undefined && /\S/.test(fact[1]),
    ),
    footer: `${finding.analyzer} ${finding.id}`,
  };
}

/** As Slack and Discord colour what is beside a message. */
export const SEVERITY_COLORS: Readonly<Record<PublicFinding['severity'], number>> = {
  critical: 0xb00020,
  high: 0xe5484d,
  medium: 0xf5a623,
  low: 0x3b82f6,
  informational: 0x8a94a6,
};

export const OVER_COLOR = 0x2e9e5b;

export function colorOf({ severity, isOver }: Message): number {
  return isOver ? OVER_COLOR : SEVERITY_COLORS[severity];
}
