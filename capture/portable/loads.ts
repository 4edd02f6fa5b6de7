/**
 * Whether npm `cap` can be loaded here at all, asked in a process of its own: it is native code, and what it does to a
 * process that it fails in is not ours to bear.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import type { CaptureError } from '../source.ts';
import { refusalOf } from './refusal.ts';

const TIMEOUT_MS = 10_000;

/** Undefined when it loads; else the error that every live tap would end with. */
export async function portableProblem(): Promise<CaptureError | undefined> {
  const words = await whyNot();
  if (words === undefined) return undefined;
  return refusalOf('any interface', '', `${JSON.stringify({ what: 'load', words })}\n`);
}

async function whyNot(): Promise<string | undefined> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve('cap');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const script =
    'try { require(process.argv[1]) } catch (error) { console.log(error.message); process.exit(1) }';
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', script, path], { timeout: TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? undefined : stdout.trim() || error.message);
    });
  });
}
