import { describe, expect, it } from 'vitest';
import { type AuditResult, auditScores, byGravity } from '../../src/model/audit.ts';

function result(check: string, fields: Partial<AuditResult> = {}): AuditResult {
  return {
    ...{
      check,
      title: check,
      group: 'exposure',
      outcome: 'fail',
      severity: 'high',
      objects: [],
      networks: ['back'],
    },
    ...{ explanation: '', evidence: {} },
    ...fields,
  };
}

const scoreOf = (...results: AuditResult[]) => auditScores(results, ['back'])[1];

describe('scores', () => {
  it('are 100 where nothing fails, and lose by severity', () => {
    expect(scoreOf(result('a', { outcome: 'pass' }))).toEqual({
      network: 'back',
      score: 100,
      failed: 0,
      unknown: 0,
    });
    expect(scoreOf(result('a'))?.score).toBe(80);
    expect(
      scoreOf(result('a'), result('b', { severity: 'critical' }), result('c', { severity: 'low' }))?.score,
    ).toBe(36);
  });

  it('count a check once, at its gravest', () => {
    expect(scoreOf(result('a', { severity: 'low' }), result('a'), result('a'))).toMatchObject({
      score: 80,
      failed: 1,
    });
  });

  it('never fall below 0', () => {
    const many = ['a', 'b', 'c'].map((check) => result(check, { severity: 'critical' }));

    expect(scoreOf(...many)?.score).toBe(0);
  });

  it('tell how many could not answer, and charge nothing for it', () => {
    expect(scoreOf(result('a', { outcome: 'unknown' }))).toMatchObject({ score: 100, unknown: 1 });
  });

  it('charge the host what belongs to no network, and each network what is its own', () => {
    const results = [result('a', { networks: [] }), result('b', { networks: ['back', 'front'] })];

    expect(auditScores(results, ['back', 'front']).map(({ score }) => score)).toEqual([80, 80, 80]);
    expect(auditScores([result('a', { networks: [] })], ['back']).map(({ score }) => score)).toEqual([
      80, 100,
    ]);
  });
});

describe('the order of results', () => {
  it('has failures first, the gravest of them first, then what is unknown', () => {
    const results = [
      result('pass', { outcome: 'pass', severity: 'critical' }),
      result('low', { severity: 'low' }),
      result('unknown', { outcome: 'unknown', severity: 'critical' }),
      result('critical', { severity: 'critical' }),
    ];

    expect(results.sort(byGravity).map(({ check }) => check)).toEqual(['critical', 'low', 'unknown', 'pass']);
  });
});
