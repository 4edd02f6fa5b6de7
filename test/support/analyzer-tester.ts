/** Lists of cases become tests: what an analyzer must catch, and what it must leave alone. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import type { AnalyzerDefinition } from '../../src/sensor/analysis/analyzer.ts';
import { type AnalyzerEvent, type AnalyzerRun, runAnalyzer } from '../../src/sensor/analysis/tester.ts';

export interface SilentCase {
  /** Behaviour, as in `an answer to a flow that was opened from outside`. */
  readonly name: string;
  readonly events: Iterable<AnalyzerEvent>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly also?: (run: AnalyzerRun) => void;
}

export interface FiringCase extends SilentCase {
  /** One entry a finding, in the order in which they were opened; compared with its last record. */
  readonly findings: readonly ExpectedFinding[];
}

export type ExpectedFinding = Partial<Omit<Finding, 'evidence'>> &
  Pick<Finding, 'message'> & {
    readonly evidence?: Readonly<Record<string, unknown>>;
  };

export function silent(name: string, ...events: AnalyzerEvent[]): SilentCase {
  return { name, events };
}

export function testAnalyzer(
  definition: AnalyzerDefinition,
  cases: { readonly fires: readonly FiringCase[]; readonly silent: readonly SilentCase[] },
): void {
  describe(`${definition.id} fires on`, () => {
    for (const { name, events, options, findings, also } of cases.fires) {
      it(name, () => {
        const run = runAnalyzer(definition, events, options);

        expect(run.failures).toEqual([]);
        expect(run.final.map((finding) => finding.message)).toEqual(findings.map(({ message }) => message));
        for (const [i, expected] of findings.entries()) expect(run.final[i]).toMatchObject(expected);
        for (const finding of run.findings) {
          expect(() => definition.evidence.parse(finding.evidence)).not.toThrow();
          expect(finding.explanation).not.toMatch(/\{|undefined|NaN/);
        }
        also?.(run);
      });
    }
  });
  describe(`${definition.id} is silent on`, () => {
    for (const { name, events, options, also } of cases.silent) {
      it(name, () => {
        const run = runAnalyzer(definition, events, options);

        expect(run.failures).toEqual([]);
        expect(run.findings).toEqual([]);
        also?.(run);
      });
    }
  });
}
