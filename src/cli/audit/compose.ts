/** `audit --compose`: Compose files before they are deployed, with no engine. */
import { statSync } from 'node:fs';
import { findComposeFiles } from '../../compose/find-files.ts';
import { loadCompose } from '../../compose/load.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import type { CheckDefinition } from '../../sensor/audit/check.ts';
import { auditModel, isAskedOfFiles } from '../../sensor/audit/compose/audit-model.ts';
import { UsageError } from '../lib/failure.ts';

export interface ComposeAuditOptions {
  /** Files in the order in which they are merged, or one folder. */
  readonly compose?: readonly string[];
  readonly profile?: readonly string[];
  readonly projectName?: string;
  readonly envFile?: readonly string[];
}

/** Throws a ComposeError for what cannot be read, and for what Compose would refuse. */
export function auditComposeFiles(options: ComposeAuditOptions, checks: readonly CheckDefinition[]): Audit {
  const { compose = [], profile, projectName, envFile } = options;
  const refused = checks.filter((check) => !isAskedOfFiles(check));
  if (refused.length === checks.length) {
    throw new UsageError(
      `a Compose file does not tell what ${refused.map(({ id }) => id).join(', ')} asks: run bridgewatch audit without --compose on the host`,
    );
  }
  const [only] = compose;
  const folder = compose.length === 1 && isFolder(only!) ? only : undefined;
  const model = loadCompose({
    files: folder === undefined ? compose : findComposeFiles(folder, process.env),
    ...(projectName === undefined ? {} : { name: projectName }),
    ...(profile === undefined ? {} : { profiles: profile }),
    ...(envFile === undefined ? {} : { envFiles: envFile }),
    ...{ shell: process.env, isStrict: true },
  });
  return auditModel(model, checks);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
