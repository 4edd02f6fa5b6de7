/** The executable: runs the command that was asked for and turns whatever goes wrong into words and an exit code. */
import { CommanderError } from 'commander';
import { EXIT } from './lib/exit-codes.ts';
import { reportFailure } from './lib/failure.ts';
import { endWithItsReader } from './lib/output.ts';
import { program } from './program.ts';

export async function main(argv: readonly string[]): Promise<void> {
  endWithItsReader();
  // What escapes every promise is a bug of ours; a person still gets one line, and a supervisor an exit code.
  process.on('uncaughtException', (error) => {
    reportFailure(error);
    process.exit();
  });
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    // Commander has already printed its own complaint, or the help that was asked for.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      return;
    }
    reportFailure(error);
  }
}

await main(process.argv);
