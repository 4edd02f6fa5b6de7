/** Turns whatever went wrong into one message for a person and an exit code. Never a stack trace. */
import { ConfigError } from '../config/error.ts';
import { escapeText } from '../model/escape.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function explainFailure(error: unknown): { readonly message: string; readonly exitCode: ExitCode } {
  if (error instanceof ConfigError) {
    const lines = error.message.split('\n').map((line) => escapeText(line, 1000));
    return { message: `the configuration cannot be used\n${lines.join('\n')}`, exitCode: EXIT.usage };
  }
  if (error instanceof UsageError) return { message: escapeText(error.message, 2000), exitCode: EXIT.usage };
  if (error instanceof Error && isWorldError(error)) {
    const code = error.message.includes(error.code) ? '' : ` (${error.code})`;
    return { message: `${escapeText(error.message, 2000)}${code}`, exitCode: EXIT.world };
  }
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const message = `internal error, please report it: ${escapeText(detail, 2000)}; set BRIDGEWATCH_DEBUG=1 for the details`;
  return { message, exitCode: EXIT.internal };
}

/** Our typed errors and Node's system errors carry a code in capitals. */
function isWorldError(error: Error): error is Error & { readonly code: string } {
  return (
    'code' in error &&
    typeof error.code === 'string' &&
    /^[A-Z][A-Z0-9_]+$/.test(error.code) &&
    !error.code.startsWith('ERR_')
  );
}
