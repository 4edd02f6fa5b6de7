/**
 * Turns whatever went wrong into one message for a person and an exit code. Never a stack trace, unless
 * BRIDGEWATCH_DEBUG asks for it.
 */
import { ConfigError, issueText } from '../../config/error.ts';
import { QueryError } from '../../query/error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { complain } from './output.ts';

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The station's process could not start, and has said why. */
export class StationFailure extends Error {
  override readonly name = 'StationFailure';
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;

  constructor(lines: readonly string[], exitCode: number) {
    super(lines.join('; '));
    this.lines = lines;
    this.exitCode = Object.values(EXIT).find((code) => code === exitCode) ?? EXIT.internal;
  }
}

export interface Explanation {
  /** Raw; `complain` escapes them. */
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
}

export function explainFailure(error: unknown): Explanation {
  if (error instanceof ConfigError) {
    const lines = ['the configuration cannot be used', ...error.issues.map(issueText)];
    return { lines, exitCode: EXIT.usage };
  }
  if (error instanceof QueryError) {
    const [problem, ...place] = error.lines;
    return { lines: [`filter: ${problem}`, ...place], exitCode: EXIT.usage };
  }
  if (error instanceof StationFailure) return { lines: error.lines, exitCode: error.exitCode };
  if (error instanceof UsageError) return { lines: [error.message], exitCode: EXIT.usage };
  if (error instanceof Error && isWorldError(error)) {
    const code = error.message.includes(error.code) ? '' : ` (${error.code})`;
    const exitCode = USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.world;
    return { lines: [`${error.message}${code}`], exitCode };
  }
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const line = `internal error, please report it: ${detail}; set BRIDGEWATCH_DEBUG=1 for the details`;
  return { lines: [line], exitCode: EXIT.internal };
}

/** Says it and sets the exit code; the caller decides whether anything goes on. */
export function reportFailure(error: unknown): void {
  const { lines, exitCode } = explainFailure(error);
  complain(...lines);
  if ((process.env['BRIDGEWATCH_DEBUG'] ?? '') !== '' && error instanceof Error)
    complain(...(error.stack ?? 'no stack').split('\n'));
  process.exitCode = exitCode;
}

/** Errors of other rooms that can only come from what the command line or the configuration said. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'COMPOSE_INVALID',
  'COMPOSE_TOO_LARGE',
  'CAPTURE_BAD_FILTER',
  'CAPTURE_BAD_OPTION',
  'DOCKER_BAD_HOST',
  'TARGET_UNKNOWN',
  'TARGET_AMBIGUOUS',
]);

/** Our typed errors and Node's system errors carry a code in capitals. */
function isWorldError(error: Error): error is Error & { readonly code: string } {
  return (
    'code' in error &&
    typeof error.code === 'string' &&
    /^[A-Z][A-Z0-9_]+$/.test(error.code) &&
    !error.code.startsWith('ERR_')
  );
}
