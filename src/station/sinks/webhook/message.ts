/**
 * What a chat message says of a finding, and how text from the wire is kept from acting there: names are chosen by
 * whoever sends the packets, and a name that calls everybody, or hides a link, would be an attack on those who read.
 */
import { endpointLabel } from '../../../model/endpoint.ts';
import type { PublicFinding } from '../../../model/serialize.ts';
import { cut, visible } from '../../formats/bounded-text.ts';

export interface Message {
  readonly severity: PublicFinding['severity'];
  readonly isOver: boolean;
  /** `high: Egress from an internal network`. */
  readonly headline: string;
  readonly sentence: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly footer: string;
}

const MAX_EVIDENCE = 12;

export function messageOf(finding: PublicFinding, host: string): Message {
  const { severity, status, title, subject, peers, network, exception, attack } = finding;
  const isOver = status === 'closed';
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
    [isOver ? 'Over because' : 'Told because', finding.reason],
    ['Evidence', evidenceText(finding) || undefined],
  ];
  return {
    severity,
    isOver,
    headline: `${isOver ? 'over, was ' : ''}${severity}: ${title}`,
    sentence: finding.explanation,
    // A field without a text is one that Discord refuses, with the message around it.
    facts: facts.filter(
      (fact): fact is readonly [string, string] => fact[1] !== undefined && /\S/.test(fact[1]),
    ),
    footer: `${finding.analyzer} ${finding.id}`,
  };
}

/** `attempts=3, ports=443 8443`; the record has all of it. */
export function evidenceText({ evidence }: Pick<PublicFinding, 'evidence'>): string {
  const entries = Object.entries(evidence);
  const said = entries
    .slice(0, MAX_EVIDENCE)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(' ') : String(value)}`);
  const left = entries.length - said.length;
  return [...said, ...(left > 0 ? [`and ${left} more`] : [])].join(', ');
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

/** Draws nothing and parts what clients look for: `@everyone`, `https://`. */
const ZERO_WIDTH_SPACE = '\u200b';

/** Calls nobody and is no link, in services that look for both in plain text. No control characters either. */
export function harmless(text: string, maxLength: number): string {
  const parted = visible(text)
    .replace(/@/g, `@${ZERO_WIDTH_SPACE}`)
    .replace(/:\/\//g, `:${ZERO_WIDTH_SPACE}//`)
    .replace(/www\./gi, (www) => `${www.slice(0, 3)}${ZERO_WIDTH_SPACE}.`);
  return cut(parted, maxLength);
}

/** The parts of the list, together, at most so many and so big; each at least one. */
export function* grouped<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  max: { readonly items: number; readonly size: number },
): Generator<readonly T[]> {
  let group: T[] = [];
  let size = 0;
  for (const item of items) {
    const itemSize = sizeOf(item);
    if (group.length > 0 && (group.length >= max.items || size + itemSize > max.size)) {
      yield group;
      group = [];
      size = 0;
    }
    group.push(item);
    size += itemSize;
  }
  if (group.length > 0) yield group;
}
