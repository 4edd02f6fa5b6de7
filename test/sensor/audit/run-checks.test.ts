import { describe, expect, it } from 'vitest';
import { defineCheck, type Verdict } from '../../../src/sensor/audit/check.ts';
import { checks } from '../../../src/sensor/audit/checks.ts';
import { type FactName, known } from '../../../src/sensor/audit/facts.ts';
import { runChecks } from '../../../src/sensor/audit/run-checks.ts';
import { auditFacts, container, REASON, REMEDY } from './support.ts';

function saying(...verdicts: Verdict[]) {
  return defineCheck({
    ...{ id: 'x', title: 'X', group: 'exposure', severity: 'low', argument: '' },
    needs: ['containers'],
    run: () => verdicts,
  });
}

const about = (...ids: string[]) =>
  ids.map((id) => ({ kind: 'container' as const, name: id, id: `id-${id}` }));

describe('running checks', () => {
  it('answers unknown with the reason and the remedy where a need is not known, and does not run it', () => {
    const check = { ...saying(), run: () => expect.unreachable('it must not run') };

    expect(runChecks([check], auditFacts({ containers: undefined }))).toEqual([
      expect.objectContaining({
        outcome: 'unknown',
        explanation: `Not known: its running containers: ${REASON}.`,
        remedy: { what: REMEDY },
      }),
    ]);
  });

  it.each(checks.flatMap((check) => check.needs.map((need) => [check.id, need] as const)))(
    '%s is unknown without %s',
    (id, need) => {
      const check = checks.filter((each) => each.id === id);
      const facts = { ...auditFacts(), [need]: { ok: false, reason: REASON, remedy: REMEDY } };

      expect(runChecks(check, facts).map(({ outcome }) => outcome)).toEqual(['unknown']);
    },
  );

  it('names what could not be looked at beside what could', () => {
    const gap = { kind: 'container' as const, id: 'id-b', name: 'b', reason: REASON, remedy: REMEDY };
    const facts = { ...auditFacts(), containers: known([container('a')], [gap]) };

    expect(
      runChecks([saying({ outcome: 'pass', objects: about('a'), explanation: 'Fine.' })], facts),
    ).toEqual([
      expect.objectContaining({ outcome: 'pass' }),
      expect.objectContaining({
        outcome: 'unknown',
        objects: [{ kind: 'container', id: 'id-b', name: 'b' }],
      }),
    ]);
  });

  it('says once what is said alike of several, and apart what differs', () => {
    const same = (id: string): Verdict => ({ outcome: 'fail', objects: about(id), explanation: 'Same.' });
    const other: Verdict = { outcome: 'fail', objects: about('c'), explanation: 'Other.' };

    expect(
      runChecks([saying(same('a'), other, same('b'))], auditFacts()).map(({ objects }) => objects.length),
    ).toEqual([2, 1]);
  });

  it("counts a container against its networks, and one that shares a namespace against its owner's", () => {
    const containers = [
      container('a', { networks: ['back', 'front'] }),
      container('b', { networkMode: 'container:id-a' }),
      container('c', { networkMode: 'host' }),
    ];
    const verdicts = ['a', 'b', 'c'].map(
      (id): Verdict => ({ outcome: 'fail', objects: about(id), explanation: id }),
    );

    expect(
      runChecks([saying(...verdicts)], auditFacts({ containers })).map(({ networks }) => networks),
    ).toEqual([['back', 'front'], ['back', 'front'], []]);
  });

  it('counts a verdict that names its networks against these only, and says it apart for each', () => {
    const facts = auditFacts({ containers: [container('a', { networks: ['back', 'front'] })] });
    const verdict = (name: string): Verdict => ({
      ...{ outcome: 'fail', objects: about('a'), explanation: 'Same.' },
      networks: [name],
    });

    expect(
      runChecks([saying(verdict('back'), verdict('front'))], facts).map(({ networks }) => networks),
    ).toEqual([['back'], ['front']]);
  });

  it('takes silence of a check for a bug', () => {
    expect(() => runChecks([saying()], auditFacts())).toThrow('check x gave no answer');
  });

  it('has every check answer about a quiet host', () => {
    const answers = runChecks(checks, auditFacts());

    expect(new Set(answers.map(({ check }) => check)).size).toBe(checks.length);
    expect(answers.filter(({ outcome }) => outcome === 'unknown')).toEqual([]);
  });

  it('needs no fact that is not one', () => {
    const names: readonly FactName[] = Object.keys(auditFacts()) as FactName[];

    expect(
      checks.flatMap(({ needs, wants = [] }) => [...needs, ...wants]).filter((name) => !names.includes(name)),
    ).toEqual([]);
  });
});
