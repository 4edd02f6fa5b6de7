/** One thing wrong with the configuration, with the place a person can jump to. */
export interface ConfigIssue {
  /** `config.yaml:14:7`, `environment BRIDGEWATCH_X`, or `flag for store.path`. */
  readonly where: string;
  /** `capture.snaplen_bytes`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, and what would do. */
  readonly problem: string;
}

/** `config.yaml:14:7: capture.snaplen_bytes: Too small: ...`; raw, with whatever keys the file has. */
export function issueText({ where, path, problem }: ConfigIssue): string {
  return `${where}: ${path === '' ? '' : `${path}: `}${problem}`;
}

/** The configuration cannot be used; every problem found is listed, not only the first. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(issueText).join('\n'));
    this.name = 'ConfigError';
    this.issues = issues;
  }
}
