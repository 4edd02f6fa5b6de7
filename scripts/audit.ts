/**
 * Asks the registry whether the libraries that the agent runs with have known holes. Exit code 1: they have. 77, as
 * automake has it for a test that could not run: the registry did not answer, so nothing is known.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NOT_RUN, readAudit } from './audit-report.ts';

const asked = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  encoding: 'utf8',
  timeout: 60_000,
});
const verdict = readAudit(asked.stdout ?? '');
switch (verdict.outcome) {
  case 'clean':
    console.log('no known holes in the libraries of the agent');
    break;
  case 'holes':
    for (const hole of verdict.holes) console.error(hole);
    process.exitCode = 1;
    break;
  case 'unanswered':
    console.warn(
      `SKIPPED: npm audit: the registry did not answer (${verdict.why}): holes in libraries are not known`,
    );
    process.exitCode = NOT_RUN;
    break;
}
