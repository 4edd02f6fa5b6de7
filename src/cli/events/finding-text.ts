/** A finding as a person reads it: one line to see, a second one to act on. */
import { escapedText, escapeText } from '../../model/escape.ts';
import { FINDING_STORM, type Severity } from '../../model/finding.ts';
import type { PublicFinding } from '../../model/serialize.ts';
import { clockText, paintSeverity } from '../lib/output.ts';

/** More than a sentence has; of records of an older agent, cut. */
const MAX_CHARS = 1500;
const MAX_REASON = 200;

/** `2026-11-23 14:02:07Z  HIGH  open  shop_data  internal-egress: shop/db ...` and, indented, where to look next. */
export function findingText(finding: PublicFinding): string {
  const when = clockText(finding.lastSeen);
  const since = clockText(finding.firstSeen);
  const where = escapeText(finding.network ?? '-');
  const head = `${when}  ${paintSeverity(finding.severity as Severity)}  ${finding.status}  ${where}  ${finding.analyzer}: ${escapedText(finding.explanation, MAX_CHARS)}`;
  const exception =
    finding.exception === undefined
      ? ''
      : `exception, else ${finding.exception.severity}: ${escapedText(finding.exception.reason, MAX_REASON)}`;
  const muted =
    finding.muted === undefined
      ? ''
      : `muted${finding.muted.until === undefined ? '' : ` until ${clockText(finding.muted.until)}`}: ${escapeText(finding.muted.reason, MAX_REASON)}`;
  const acknowledged =
    finding.acknowledged === undefined
      ? ''
      : `acknowledged by ${escapeText(finding.acknowledged.by, MAX_REASON)}`;
  const attack = finding.attack.map(({ technique }) => technique).join(' ');
  const flow = finding.communityIds[0];
  const facts = [
    `id ${finding.id}`,
    `confidence ${finding.confidence}`,
    `seen ${finding.count}x${since === when && finding.count === 1 ? '' : ` since ${since}`}`,
    attack,
    flow ?? '',
    finding.foldedInto === undefined ? '' : `told by ${finding.foldedInto}`,
    finding.analyzer === FINDING_STORM ? `each: bridgewatch events foldedInto:${finding.id}` : '',
    exception,
    muted,
    acknowledged,
  ];
  return `${head}\n    ${facts.filter((fact) => fact !== '').join('  ')}`;
}
