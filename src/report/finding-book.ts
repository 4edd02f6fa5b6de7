/**
 * The findings of a case, each as its last record tells it, with the moments of its life. At most 300, of up to some 16
 * KiB: when there are more the least severe goes, and is counted. What a storm tells of is only counted.
 */
import { TECHNIQUES } from '../model/attack.ts';
import { escapedText, escapeText } from '../model/escape.ts';
import { type EvidenceValue, SEVERITIES, type Severity } from '../model/finding.ts';
import { clockText, formatBytes } from '../model/readable.ts';
import type { PublicFinding } from '../model/serialize.ts';
import type { CaseFinding, Happening, NotShown } from './case.ts';
import { caseEnd, listed } from './ends.ts';

export const MAX_FINDINGS = 300;
/** Ids that are only counted, 0.1 KiB each. */
const MAX_COUNTED = 20_000;
const MAX_PEERS = 12;
const MAX_MOMENTS = 12;
const MAX_EVIDENCE = 40;
const MAX_VALUE_CHARS = 300;
const MAX_LIST = 12;
const MAX_SENTENCE_CHARS = 1500;
const MAX_COMMUNITY_IDS = 4;

type Unnumbered = Omit<CaseFinding, 'ref'>;

interface Kept {
  finding: Unnumbered;
  /** Beginnings and ends, and each time it grew graver. */
  readonly moments: Happening[];
}

export class FindingBook {
  readonly #max: number;
  readonly #kept = new Map<string, Kept>();
  readonly #leftOut = new Map<string, Severity>();
  readonly #folded = new Set<string>();
  #leftOutIsLeast = false;

  constructor(max = MAX_FINDINGS) {
    this.#max = max;
  }

  add(record: PublicFinding): void {
    if (record.foldedInto !== undefined) {
      if (this.#folded.size < MAX_COUNTED) this.#folded.add(record.id);
      else this.#leftOutIsLeast ||= !this.#folded.has(record.id);
      return;
    }
    const finding = compact(record);
    const known = this.#kept.get(record.id);
    if (known !== undefined) this.#goesOn(known, finding);
    else if (this.#kept.size < this.#max || this.#makesRoomFor(finding.severity)) this.#keep(finding);
    else this.#leaveOut(finding.id, finding.severity);
  }

  /** Numbered: the worst first, among equals the earliest, whatever order they came in. */
  findings(): CaseFinding[] {
    return [...this.#kept.values()]
      .map(({ finding }) => finding)
      .sort(
        (a, b) =>
          rankOf(b.severity) - rankOf(a.severity) ||
          compareTexts(a.firstSeen, b.firstSeen) ||
          compareTexts(a.id, b.id),
      )
      .map((finding, i) => ({ ref: `F${i + 1}`, ...finding }));
  }

  happenings(findings: readonly CaseFinding[]): Happening[] {
    return findings.flatMap(({ id, ref }) =>
      this.#kept.get(id)!.moments.map((moment) => ({ ...moment, ref })),
    );
  }

  notShown(): NotShown {
    const counts = new Map<Severity, number>();
    for (const severity of this.#leftOut.values()) counts.set(severity, (counts.get(severity) ?? 0) + 1);
    return {
      leftOut: [...counts]
        .map(([severity, count]) => ({ severity, count }))
        .sort((a, b) => rankOf(b.severity) - rankOf(a.severity)),
      leftOutIsLeast: this.#leftOutIsLeast,
      folded: this.#folded.size,
    };
  }

  #keep(finding: Unnumbered): void {
    this.#leftOut.delete(finding.id);
    const moments = [momentOf(finding, finding.firstSeen, `begins: ${finding.title}`)];
    if (finding.status === 'closed') moments.push(endOf(finding));
    this.#kept.set(finding.id, { finding, moments });
  }

  #goesOn(known: Kept, finding: Unnumbered): void {
    const before = known.finding;
    known.finding = finding;
    if (known.moments.length >= MAX_MOMENTS) return;
    const { status, severity, lastSeen } = finding;
    if (status === 'closed' && before.status !== 'closed') known.moments.push(endOf(finding));
    else if (status === 'reopened')
      known.moments.push(momentOf(finding, lastSeen, `is back: ${finding.title}`));
    else if (rankOf(severity) > rankOf(before.severity))
      known.moments.push(momentOf(finding, lastSeen, `grows from ${before.severity} to ${severity}`));
  }

  /** The least severe gives way to what is graver; among equals the latest does. */
  #makesRoomFor(severity: Severity): boolean {
    let least: Unnumbered | undefined;
    for (const { finding } of this.#kept.values())
      if (least === undefined || rankOf(finding.severity) <= rankOf(least.severity)) least = finding;
    if (least === undefined || rankOf(least.severity) >= rankOf(severity)) return false;
    this.#kept.delete(least.id);
    this.#leaveOut(least.id, least.severity);
    return true;
  }

  #leaveOut(id: string, severity: Severity): void {
    if (this.#leftOut.has(id) || this.#leftOut.size < MAX_COUNTED) this.#leftOut.set(id, severity);
    else this.#leftOutIsLeast = true;
  }
}

export function rankOf(severity: string): number {
  return SEVERITIES.indexOf(severity as Severity);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function momentOf(finding: Unnumbered, time: string, what: string): Happening {
  const { severity, subject, analyzer } = finding;
  return { time, of: 'finding', severity, text: `${analyzer}, ${subject.label}: ${what}` };
}

function endOf(finding: Unnumbered): Happening {
  return momentOf(finding, finding.lastSeen, `last sign of it; seen ${finding.count}x`);
}

function compact(record: PublicFinding): Unnumbered {
  return {
    id: escapeText(record.id),
    analyzer: escapeText(record.analyzer),
    title: escapeText(record.title),
    severity: record.severity,
    confidence: record.confidence,
    status: record.status,
    firstSeen: record.firstSeen,
    lastSeen: record.lastSeen,
    count: record.count,
    ...(record.network === undefined ? {} : { network: escapeText(record.network) }),
    subject: caseEnd(record.subject),
    peers: listed(
      record.peers.slice(0, MAX_PEERS).map(caseEnd),
      MAX_PEERS,
      Math.max(0, record.peers.length - MAX_PEERS),
    ),
    explanation: escapedText(record.explanation, MAX_SENTENCE_CHARS),
    evidence: Object.entries(record.evidence)
      .slice(0, MAX_EVIDENCE)
      .map(([name, value]) => ({ name: escapeText(name), value: evidenceText(name, value) })),
    attack: record.attack.map(({ technique, tactic }) => ({
      id: escapeText(technique),
      name: escapeText(TECHNIQUES[technique]?.name ?? ''),
      tactic: escapeText(tactic),
    })),
    communityIds: record.communityIds.slice(0, MAX_COMMUNITY_IDS).map((id) => escapeText(id)),
    remarks: remarksOf(record),
  };
}

function evidenceText(name: string, value: EvidenceValue): string {
  if (typeof value === 'object') {
    const shown = value.slice(0, MAX_LIST).map((one) => escapedText(String(one), 100));
    const more = value.length > MAX_LIST ? `, and ${value.length - MAX_LIST} more` : '';
    return `${shown.join(', ')}${more}`;
  }
  if (typeof value === 'number' && value >= 1024 && /bytes$/i.test(name))
    return `${value} (${formatBytes(value)})`;
  return escapedText(String(value), MAX_VALUE_CHARS);
}

function remarksOf({ exception, muted, acknowledged }: PublicFinding): string[] {
  const remarks: string[] = [];
  if (exception !== undefined)
    remarks.push(`an exception, else ${exception.severity}: ${escapedText(exception.reason, 200)}`);
  if (muted !== undefined) remarks.push(`muted: ${escapeText(muted.reason, 200)}`);
  if (acknowledged !== undefined) {
    const note = acknowledged.note === undefined ? '' : `: ${escapeText(acknowledged.note, 200)}`;
    remarks.push(`acknowledged by ${escapeText(acknowledged.by)}, ${clockText(acknowledged.at)}${note}`);
  }
  return remarks;
}
