/**
 * How a running agent shows that it lives: a small file beside the database, rewritten every two seconds.
 * `doctor --health` reads it, and with it the image's health check; no port is opened for that.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface Heartbeat {
  /** Wall clock, milliseconds. */
  readonly time: number;
  readonly pid: number;
  /** What a person should know, one line each; empty when all is well. */
  readonly problems: readonly string[];
}

export const HEARTBEAT_INTERVAL_MS = 2000;
/** Five missed beats: a loop that is only busy catches up before that. */
export const HEARTBEAT_STALE_MS = 10_000;

export function heartbeatPath(storePath: string): string {
  return `${storePath}.health`;
}

/**
 * Returns what stops it. The file is taken away at a good end; else it stays, as the last sign of life. A file that cannot
 * be written is reported once.
 */
export function startHeartbeat(
  path: string,
  problems: () => readonly string[],
  onError: (error: Error) => void,
): (end?: { readonly isInOrder: boolean }) => void {
  let failed = false;
  const beat = () => {
    const heartbeat: Heartbeat = { time: Date.now(), pid: process.pid, problems: problems() };
    try {
      writeFileSync(`${path}.new`, JSON.stringify(heartbeat));
      renameSync(`${path}.new`, path);
      failed = false;
    } catch (error) {
      if (!failed) onError(error as Error);
      failed = true;
    }
  };
  beat();
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  return ({ isInOrder } = { isInOrder: true }) => {
    clearInterval(timer);
    if (!isInOrder) return;
    try {
      rmSync(path, { force: true });
    } catch (error) {
      if (!failed) onError(error as Error);
    }
  };
}

/** The last heartbeat, or why there is none. */
export function readHeartbeat(path: string): Heartbeat | { readonly missing: string } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return {
      missing: `no agent writes ${path} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'}); is it running, with this store.path?`,
    };
  }
  try {
    const { time, pid, problems } = JSON.parse(text) as Partial<Heartbeat>;
    if (typeof time === 'number' && typeof pid === 'number' && Array.isArray(problems)) {
      return { time, pid, problems: problems.map(String) };
    }
  } catch {
    // Said below.
  }
  return { missing: `${path} is not a heartbeat` };
}
