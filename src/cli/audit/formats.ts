/** An audit on stdout, in the form that was asked for. Only that form is loaded. */
import { hostname } from 'node:os';
import { printableJson } from '../../model/serialize.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import type { CheckDefinition } from '../../sensor/audit/check.ts';
import { printLine } from '../lib/output.ts';
import type { AuditAssuranceRecord, AuditRecord, AuditScoreRecord } from '../lib/records.ts';

export type AuditFormat = 'text' | 'json' | 'sarif' | 'junit';

export async function printAudit(
  audit: Audit,
  checks: readonly CheckDefinition[],
  format: AuditFormat,
): Promise<void> {
  switch (format) {
    case 'text':
      printLine((await import('./text.ts')).auditText(audit, checks));
      return;
    case 'json':
      for (const result of audit.results) printRecord({ kind: 'audit', ...result });
      for (const score of audit.scores) printRecord({ kind: 'audit-score', ...score });
      for (const assurance of audit.assurances) printRecord({ kind: 'audit-assurance', ...assurance });
      return;
    case 'sarif': {
      const { auditSarif } = await import('./sarif.ts');
      printLine(auditSarif(audit, asked(audit, checks), { of: subject(audit), folder: process.cwd() }));
      return;
    }
    case 'junit':
      printLine((await import('./junit.ts')).auditJunit(audit, asked(audit, checks)));
      return;
  }
}

/** Twenty skipped cases about an engine, in CI that looks at a Compose file, are no answer of it. */
function asked({ composed }: Audit, checks: readonly CheckDefinition[]): readonly CheckDefinition[] {
  return checks.filter(({ id }) => composed?.notAsked.includes(id) !== true);
}

/** CI has another host's name each time, and its Compose file is the same. */
function subject({ composed }: Audit): string {
  return composed === undefined ? hostname() : `compose/${composed.project}`;
}

function printRecord(record: AuditRecord | AuditScoreRecord | AuditAssuranceRecord): void {
  printLine(printableJson(record));
}
