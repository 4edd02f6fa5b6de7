/**
 * Adds up what vitest's JSON reporter wrote. It never makes a run look better than it was: a file that could not be
 * loaded, a set-up that failed and a run without a report each count as a failure.
 */

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TestRun extends Totals {
  /** "file > test" of each failure. */
  readonly failures: readonly string[];
  /** Skipped tests a file: what could not run here. */
  readonly skippedIn: ReadonlyMap<string, number>;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** `report` is the file's text, undefined when vitest wrote none; `exitCode` is vitest's. */
export function readRun(
  what: string,
  report: string | undefined,
  exitCode: number | undefined,
  root: string,
): TestRun {
  if (report === undefined)
    return failedRun(`${what}: vitest ended (${exitCode ?? 'killed'}) without a report`);
  const failures: string[] = [];
  const skippedIn = new Map<string, number>();
  let passed = 0;
  let skipped = 0;
  for (const file of (JSON.parse(report) as VitestReport).testResults) {
    const name = file.name.replace(root, '');
    const before = failures.length;
    for (const { fullName, status } of file.assertionResults) {
      if (status === 'passed') passed++;
      else if (status === 'failed') failures.push(`${name} > ${fullName}`);
      else {
        skipped++;
        skippedIn.set(name, (skippedIn.get(name) ?? 0) + 1);
      }
    }
    if (file.status === 'failed' && failures.length === before) {
      failures.push(`${name}: ${firstLine(file.message) || 'the file or its set-up failed'}`);
    }
  }
  if (exitCode !== 0 && failures.length === 0) {
    failures.push(`${what}: vitest ended with ${exitCode ?? 'a signal'} though no test failed (see above)`);
  }
  return { passed, failed: failures.length, skipped, failures, skippedIn };
}

function failedRun(failure: string): TestRun {
  return { passed: 0, failed: 1, skipped: 0, failures: [failure], skippedIn: new Map() };
}

function firstLine(text: string | undefined): string {
  return text?.trim().split('\n')[0] ?? '';
}
