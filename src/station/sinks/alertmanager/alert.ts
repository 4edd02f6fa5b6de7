/**
 * A finding as Alertmanager knows alerts. Its labels are what it *is* there: two alerts with the same labels are one, and
 * groups, routes and silences go by them. So they hold what stays the same over all reports of a finding, and over its
 * return after having been closed; what changes with each report is in the annotations.
 */
import { createHash } from 'node:crypto';
import { endpointLabel } from '../../../model/endpoint.ts';
import type { PublicFinding } from '../../../model/serialize.ts';
import { millisOf } from '../../formats/facts.ts';
import { evidenceText, harmless } from '../told-text.ts';

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly startsAt: string;
  readonly generatorURL?: string | undefined;
}

export interface AlertOptions {
  readonly host: string;
  /** The operator's own. */
  readonly labels: Readonly<Record<string, string>>;
  /** With `{analyzer}` and `{id}` in them. */
  readonly runbook_url?: string | undefined;
  readonly generator_url?: string | undefined;
}

/** Set here; an operator's label of that name would change what is one alert. */
export const OWN_LABELS = [
  'alertname',
  'job',
  'severity',
  'network',
  'service',
  'host',
  'finding_key',
] as const;

const MAX_LABEL = 200;
const MAX_ANNOTATION = 2000;
const MAX_PEERS = 5;

/** What makes reports the same finding, also after it was closed and came again. */
export function identityOf({ analyzer, key }: Pick<PublicFinding, 'analyzer' | 'key'>): string {
  return `${analyzer}\0${key}`;
}

export function alertOf(finding: PublicFinding, options: AlertOptions, nowMs: number): Alert {
  const { analyzer, id, subject } = finding;
  // A record may be of a clock that was ahead; an alert must not begin after it ends.
  const startMs = Math.min(millisOf(finding.firstSeen) ?? nowMs, nowMs);
  return {
    labels: withoutEmpty(
      {
        ...options.labels,
        alertname: analyzer,
        job: 'bridgewatch',
        severity: finding.severity,
        network: finding.network,
        // Addresses are without number; the key tells their alerts apart.
        service: subject.workload === undefined ? subject.scope : endpointLabel(subject),
        host: options.host,
        finding_key: createHash('sha256').update(identityOf(finding)).digest('hex').slice(0, 12),
      },
      (text) => unbracketed(harmless(text, MAX_LABEL)),
    ),
    annotations: withoutEmpty(
      {
        summary: finding.title,
        description: finding.explanation,
        evidence: evidenceText(finding),
        subject: `${endpointLabel(subject)} (${subject.ip})`,
        peers: finding.peers.slice(0, MAX_PEERS).map(endpointLabel).join(', '),
        confidence: finding.confidence,
        attack: finding.attack.map(({ technique }) => technique).join(', '),
        reports: String(finding.count),
        last_seen: finding.lastSeen,
        reason: finding.reason,
        finding_id: id,
      },
      (text) => unbracketed(harmless(text, MAX_ANNOTATION)),
      // The operator's own words are a link, and to stay one.
      options.runbook_url && { runbook_url: filled(options.runbook_url, { analyzer, id }) },
    ),
    startsAt: new Date(startMs).toISOString(),
    ...(options.generator_url !== undefined && {
      generatorURL: filled(options.generator_url, { analyzer, id }),
    }),
  };
}

/** With both ends of its time, as the API takes it. */
export function posted(alert: Alert, endMs: number): Alert & { readonly endsAt: string } {
  const end = Math.max(endMs, Date.parse(alert.startsAt));
  return { ...alert, endsAt: new Date(end).toISOString() };
}

/** The same text for the same labels. */
export function labelText({ labels }: Alert): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function filled(template: string, values: { readonly analyzer: string; readonly id: string }): string {
  return template.replace(/\{(analyzer|id)\}/g, (_, name: 'analyzer' | 'id') =>
    encodeURIComponent(values[name]),
  );
}

/** The templates of Alertmanager's chat receivers put texts in as they are; `<!channel>` would call everybody. */
function unbracketed(text: string): string {
  return text.replace(/</g, '\u2039').replace(/>/g, '\u203a');
}

function withoutEmpty(
  texts: Readonly<Record<string, string | undefined>>,
  bounded: (text: string) => string,
  more: Readonly<Record<string, string>> | '' | undefined = undefined,
): Record<string, string> {
  const kept = Object.entries(texts).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  return { ...Object.fromEntries(kept.map(([name, text]) => [name, bounded(text)])), ...(more || {}) };
}
