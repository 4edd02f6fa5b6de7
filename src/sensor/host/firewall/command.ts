/**
 * Runs one of the host's own tools: by its absolute path, never through a shell, with little in its environment, for a
 * bounded time and a bounded answer.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';

/** Where such tools are, whatever PATH says. */
const DIRS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin'] as const;

const ENVIRONMENT = { PATH: DIRS.join(':'), LC_ALL: 'C' } as const;
const TIMEOUT_MS = 5000;
/** Some 100,000 rules. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export type CommandAnswer =
  | { readonly ok: true; readonly stdout: string }
  | { readonly ok: false; readonly code: CommandFailure; readonly reason: string };

export type CommandFailure =
  | 'FIREWALL_NO_TOOL'
  | 'FIREWALL_REFUSED'
  | 'FIREWALL_TIMEOUT'
  | 'FIREWALL_TOO_MUCH';

export interface CommandLimits {
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Undefined when it is not installed. */
export async function findTool(name: string, dirs: readonly string[] = DIRS): Promise<string | undefined> {
  for (const dir of dirs) {
    const path = `${dir}/${name}`;
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

export function runCommand(
  path: string,
  args: readonly string[],
  { timeoutMs = TIMEOUT_MS, maxOutputBytes = MAX_OUTPUT_BYTES, signal }: CommandLimits = {},
): Promise<CommandAnswer> {
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxOutputBytes,
    env: ENVIRONMENT,
    cwd: '/',
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const said = `\`${[path, ...args].join(' ')}\``;
  return new Promise((resolve) => {
    const child = execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ ok: true, stdout });
      const failed = (code: CommandFailure, why: string) =>
        resolve({ ok: false, code, reason: `${said} ${why}` });
      if (error.code === 'ENOENT') return failed('FIREWALL_NO_TOOL', 'is not there any more');
      if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
        return failed('FIREWALL_TOO_MUCH', `printed more than ${maxOutputBytes} bytes`);
      }
      if (error.name === 'AbortError') return failed('FIREWALL_TIMEOUT', 'was ended');
      if (error.killed === true) return failed('FIREWALL_TIMEOUT', `did not end within ${timeoutMs} ms`);
      const words = stderr.trim().split('\n')[0]?.slice(0, 200) ?? '';
      const how = typeof error.code === 'number' ? `ended with ${error.code}` : `failed (${error.code})`;
      failed('FIREWALL_REFUSED', words === '' ? how : `${how}: ${words}`);
    });
    child.stdin?.on('error', () => {
      // It reads nothing.
    });
    child.stdin?.end();
  });
}
