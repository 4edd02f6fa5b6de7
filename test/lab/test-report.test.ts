import { describe, expect, it } from 'vitest';
import { readRun } from '../../scripts/test-report.ts';

function report(...files: { status: string; tests: string[]; message?: string }[]): string {
  return JSON.stringify({
    testResults: files.map(({ status, tests, message }, i) => ({
      name: `/repo/test/file-${i}.test.ts`,
      status,
      message,
      assertionResults: tests.map((test) => ({ fullName: 'a test', status: test })),
    })),
  });
}

describe('the report of a test run', () => {
  it('counts what passed, failed and was skipped, and names the files', () => {
    const text = report(
      { status: 'passed', tests: ['passed', 'pending'] },
      { status: 'failed', tests: ['failed'] },
    );

    const run = readRun('unit', text, 1, '/repo/');

    expect(run).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(run.failures).toEqual(['test/file-1.test.ts > a test']);
    expect([...run.skippedIn]).toEqual([['test/file-0.test.ts', 1]]);
  });

  it('counts a file that could not be loaded, or whose set-up failed, as a failure', () => {
    const text = report({ status: 'failed', tests: [], message: 'SyntaxError: no\n  at x' });

    expect(readRun('unit', text, 1, '/repo/')).toMatchObject({
      failed: 1,
      failures: ['test/file-0.test.ts: SyntaxError: no'],
    });
    expect(readRun('unit', report({ status: 'failed', tests: ['skipped'] }), 1, '/repo/')).toMatchObject({
      failed: 1,
      skipped: 1,
    });
  });

  it('counts a run that ended badly as a failure, though each test passed or no report was written', () => {
    expect(readRun('unit', report({ status: 'passed', tests: ['passed'] }), 1, '/repo/').failed).toBe(1);
    expect(readRun('unit', undefined, undefined, '/repo/').failed).toBe(1);
    expect(readRun('unit', report({ status: 'passed', tests: ['passed'] }), 0, '/repo/').failed).toBe(0);
  });
});
