/**
 * What a process and its children hold of the machine, as the kernel says: for tests that look for leaks. Counted as
 * the sum over all that live now.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessUse {
  /** Resident, VmRSS. */
  readonly residentBytes: number;
  readonly openFiles: number;
}

export function processUse(pid: number): ProcessUse {
  const own = { residentBytes: residentBytes(pid), openFiles: readdirSync(`/proc/${pid}/fd`).length };
  return childrenOf(pid)
    .map(processUse)
    .reduce(
      (sum, each) => ({
        residentBytes: sum.residentBytes + each.residentBytes,
        openFiles: sum.openFiles + each.openFiles,
      }),
      own,
    );
}

function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has ended`);
  return Number(kibibytes) * 1024;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
