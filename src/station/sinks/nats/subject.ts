/**
 * Where a record goes: `PREFIX.HOST.KIND`, of a finding `PREFIX.HOST.finding.SEVERITY`. Whoever is watched chooses no part
 * of it: the prefix and the host are the operator's, kinds and severities are words of ours. Subjects are for routing, and
 * what routes must not be for sale.
 */
import { SEVERITIES } from '../../../model/finding.ts';
import { parseRecord } from '../../../model/serialize.ts';
import type { Delivery } from '../../entry.ts';
import type { DeliveredKind } from '../definition.ts';

const MAX_TOKEN = 63;

/** A host's name as one token: no dots, wildcards, spaces, `$` or control characters, and never empty. */
export function tokenOf(host: string): string {
  const token = host.replace(/[^A-Za-z0-9_-]/gu, '_').slice(0, MAX_TOKEN);
  return token === '' ? '_' : token;
}

export function subjectOf(base: string, { kind, text }: Pick<Delivery, 'kind' | 'text'>): string {
  if (kind !== 'finding') return `${base}.${kind}`;
  const record = parseRecord(text);
  const severity = record.kind === 'finding' ? record.severity : undefined;
  return `${base}.finding.${SEVERITIES.find((known) => known === severity) ?? 'informational'}`;
}

/** All that may be sent of these kinds. */
export function possibleSubjects(base: string, kinds: readonly DeliveredKind[]): readonly string[] {
  return kinds.flatMap((kind) =>
    kind === 'finding' ? SEVERITIES.map((severity) => `${base}.finding.${severity}`) : [`${base}.${kind}`],
  );
}

/** Those that a stream with these patterns (`*` is one token, `>` the rest) would not keep. */
export function uncovered(subjects: readonly string[], patterns: readonly string[]): readonly string[] {
  return subjects.filter(
    (subject) => !patterns.some((pattern) => fits(subject.split('.'), pattern.split('.'))),
  );
}

function fits(subject: readonly string[], pattern: readonly string[]): boolean {
  if (pattern.at(-1) === '>') {
    const head = pattern.slice(0, -1);
    return subject.length > head.length && fits(subject.slice(0, head.length), head);
  }
  return (
    subject.length === pattern.length && pattern.every((token, i) => token === '*' || token === subject[i])
  );
}
