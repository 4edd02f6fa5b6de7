/** What scripts can rely on; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** The command worked and the answer is no: a check failed, a finding reached `--fail-on`. */
  negative: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The world refused: no engine, no permission, no such file, a broken capture. */
  world: 3,
  /** A bug of ours. */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
