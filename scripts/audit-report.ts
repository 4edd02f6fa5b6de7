/**
 * What `npm audit --json` found in the libraries that the agent runs with. A registry that does not answer is not taken
 * for one that found nothing.
 */
/** Exit code of a check that could not run, as automake has it. */
export const NOT_RUN = 77;

export type AuditVerdict =
  | { readonly outcome: 'clean' }
  /** `holes`: one line each. */
  | { readonly outcome: 'holes'; readonly holes: readonly string[] }
  | { readonly outcome: 'unanswered'; readonly why: string };

interface AuditReport {
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range: string; readonly fixAvailable: unknown }>
  >;
  readonly metadata?: { readonly vulnerabilities?: { readonly total?: unknown } };
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

export function readAudit(stdout: string): AuditVerdict {
  const report = parsed(stdout);
  const total = report?.metadata?.vulnerabilities?.total;
  if (report?.vulnerabilities === undefined || typeof total !== 'number') {
    const why = report?.message ?? report?.error?.summary;
    return { outcome: 'unanswered', why: why ?? (stdout.trim().split('\n')[0] || 'it said nothing') };
  }
  const holes = Object.entries(report.vulnerabilities).map(
    ([name, { severity, range, fixAvailable }]) =>
      `${name} ${range}: ${severity}${fixAvailable === false ? ', no fix yet' : ''}`,
  );
  // The number counts, whatever is listed.
  if (total > 0 || holes.length > 0)
    return { outcome: 'holes', holes: holes.length > 0 ? holes : [`${total}, which npm does not name`] };
  return { outcome: 'clean' };
}

function parsed(text: string): AuditReport | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
