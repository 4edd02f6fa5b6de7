/** The command line within the test's own process, for tests that set its clock. */
import { vi } from 'vitest';
import { program } from '../../../src/cli/program.ts';

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command on a database, and hands back what it wrote. */
export async function runProgram(database: string, ...args: string[]): Promise<Said> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  try {
    await program().parseAsync(['node', 'bridgewatch', ...args, '--db', database]);
    return said;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
