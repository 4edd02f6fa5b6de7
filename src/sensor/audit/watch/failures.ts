/**
 * From the results of an audit to what is told as findings: one for each check and object, by name, so that one container
 * can be muted without another, replicas are one, and a container that is replaced keeps its finding. Pure.
 */
import type { AuditObject, AuditRemedy, AuditResult } from '../../../model/audit.ts';
import { type EvidenceValue, SEVERITIES, type Severity } from '../../../model/finding.ts';

/** More than a host has that anybody would mend one by one; the gravest are told, the others counted. */
const MAX_FAILURES = 1000;
/** A check that says several things of one object: so many beside the gravest. */
const MAX_MORE = 8;
/** Check, topic where there is one, kind of object, name. */
const KEY = /^([a-z0-9-]+) (?:\S+ )?(host|engine|project|network|container) (.+)$/;
const HOST: AuditObject = { kind: 'host', name: 'host' };

export interface Failure {
  /** The same for the same thing at each audit, whatever its ids. */
  readonly key: string;
  readonly check: string;
  readonly title: string;
  readonly severity: Severity;
  /** Of replicas the first. */
  readonly object: AuditObject;
  /** Names of the networks that it counts against. */
  readonly networks: readonly string[];
  readonly explanation: string;
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
}

/** The gravest first. */
export function failuresOf(
  results: readonly AuditResult[],
  least: Severity,
): { readonly failures: readonly Failure[]; readonly untold: number } {
  const byKey = new Map<string, { readonly object: AuditObject; readonly results: AuditResult[] }>();
  for (const result of results) {
    if (result.outcome !== 'fail' || rank(result.severity) < rank(least)) continue;
    for (const object of result.objects.length === 0 ? [HOST] : result.objects) {
      const key = failureKey(result, object);
      const known = byKey.get(key);
      if (known === undefined) byKey.set(key, { object, results: [result] });
      else if (!known.results.includes(result)) known.results.push(result);
    }
  }
  const failures = [...byKey].map(([key, { object, results: said }]) => failure(key, object, said));
  failures.sort((a, b) => rank(b.severity) - rank(a.severity));
  return {
    failures: failures.slice(0, MAX_FAILURES),
    untold: Math.max(0, failures.length - MAX_FAILURES),
  };
}

function failureKey({ check, topic }: AuditResult, { kind, name }: AuditObject): string {
  return `${check}${topic === undefined ? '' : ` ${topic}`} ${kind} ${name}`;
}

/** What a key says, also one of an earlier run; undefined for what is none. */
export function readFailureKey(key: string): Pick<Failure, 'check' | 'object'> | undefined {
  const [, check, kind, name] = KEY.exec(key) ?? [];
  if (check === undefined || name === undefined) return undefined;
  return { check, object: { kind: kind as AuditObject['kind'], name } };
}

function failure(key: string, object: AuditObject, results: readonly AuditResult[]): Failure {
  const [first, ...others] = [...results].sort((a, b) => rank(b.severity) - rank(a.severity));
  const { check, title, severity, networks, explanation, evidence, remedy, cis } = first!;
  const more = [...new Set(others.map((other) => other.explanation))];
  return {
    ...{ key, check, title, severity, object, networks },
    explanation: [
      explanation,
      ...(more.length === 0 ? [] : [`And ${more.length} more of the same check: see the evidence.`]),
      ...(remedy === undefined ? [] : [`What helps: ${remedy.what}`]),
    ].join(' '),
    evidence: {
      ...evidence,
      ...(more.length === 0 ? {} : { more: more.slice(0, MAX_MORE) }),
      ...(cis === undefined ? {} : { cis }),
      ...(remedy === undefined ? {} : remedyEvidence(remedy)),
    },
  };
}

/** The lines that mend it, for whoever reads the finding far from the host. */
function remedyEvidence({ what, compose, daemonJson, commands }: AuditRemedy): Record<string, EvidenceValue> {
  return {
    remedy: what,
    ...(compose === undefined ? {} : { remedyCompose: compose }),
    ...(daemonJson === undefined ? {} : { remedyDaemonJson: daemonJson }),
    ...(commands === undefined ? {} : { remedyCommands: commands }),
  };
}

/** Why a failure that is told no more is none; undefined where nobody can tell: then it stands. */
export function whyOver(
  gone: Pick<Failure, 'check' | 'object'>,
  results: readonly AuditResult[],
  least: Severity,
): string | undefined {
  const { check, object } = gone;
  const isIt = ({ kind, name }: AuditObject) => kind === object.kind && name === object.name;
  const said = results.filter((result) => result.check === check);
  const blind = said.some(
    ({ outcome, objects }) => outcome === 'unknown' && (objects.length === 0 || objects.some(isIt)),
  );
  if (blind) return undefined;
  const about = said.filter(({ objects }) => objects.some(isIt));
  const milder = about.find(({ outcome, severity }) => outcome === 'fail' && rank(severity) < rank(least));
  if (milder !== undefined) return `milder now: ${milder.severity}, below audit.min_severity (${least})`;
  if (about.some(({ outcome }) => outcome !== 'fail')) return 'mended: the audit passes it now';
  const isThere = object.kind === 'host' || object.kind === 'engine' || isNamed(results, isIt);
  return isThere
    ? 'mended: the check has nothing to say of it any more'
    : `gone: no ${object.kind} of that name`;
}

function isNamed(results: readonly AuditResult[], isIt: (object: AuditObject) => boolean): boolean {
  return results.some(({ objects }) => objects.some(isIt));
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
