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

const NOTHING: ProcessUse = { residentBytes: 0, openFiles: 0 };

/** Throws when the process itself has ended. Children that end meanwhile (the agent asks iptables-save) hold nothing. */
export function processUse(pid: number): ProcessUse {
  const use = useNow(pid);
  if (use === undefined) throw new Error(`process ${pid} has ended`);
  return use;
}

function useNow(pid: number): ProcessUse | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    // A process that has ended and was not waited for yet has no memory.
    if (kibibytes === undefined) return undefined;
    const own = {
      residentBytes: Number(kibibytes) * 1024,
      openFiles: readdirSync(`/proc/${pid}/fd`).length,
    };
    return childrenOf(pid)
      .map((child) => useNow(child) ?? NOTHING)
      .reduce(sum, own);
  } catch {
    return undefined;
  }
}

function sum(one: ProcessUse, other: ProcessUse): ProcessUse {
  return {
    residentBytes: one.residentBytes + other.residentBytes,
    openFiles: one.openFiles + other.openFiles,
  };
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
