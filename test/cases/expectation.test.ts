/** What judges the cases can say no. */
import { describe, expect, it } from 'vitest';
import type { PublicRecord } from '../../src/model/serialize.ts';
import { caseSchema, matches, unexplained } from './expectation.ts';

const record = {
  kind: 'finding',
  severity: 'high',
  subject: { ip: '172.30.0.2', workload: { composeService: 'db' } },
  peers: [{ ip: '198.51.100.7' }],
  evidence: { ports: [443, 8443] },
} as unknown as PublicRecord;

describe('matches', () => {
  it.each([
    [{ kind: 'finding', severity: 'high' }],
    [{ 'subject.workload.composeService': 'db' }],
    [{ 'peers.0.ip': '198.51.100.7' }],
    [{ 'evidence.ports': [443, 8443] }],
    [{ severity: { re: 'high|critical' } }],
    [{ network: null }],
    [{}],
  ])('%j fits', (wanted) => {
    expect(matches(record, wanted)).toBe(true);
  });

  it.each([
    [{ kind: 'finding', severity: 'low' }],
    [{ 'subject.workload.composeService': 'api' }],
    [{ 'peers.1.ip': '198.51.100.7' }],
    [{ 'evidence.ports': [443] }],
    [{ severity: { re: '^low' } }],
    [{ network: { re: '.' } }],
    [{ severity: null }],
    [{ 'kind.length.x': 1 }],
  ])('%j does not', (wanted) => {
    expect(matches(record, wanted)).toBe(false);
  });
});

describe('unexplained', () => {
  it('is a finding or a loss that no check speaks of', () => {
    const loss = { kind: 'loss' } as PublicRecord;
    const flow = { kind: 'flow' } as PublicRecord;

    expect(unexplained([record, loss, flow], [{ match: { kind: 'finding' }, count: 1 }])).toEqual([loss]);
    expect(unexplained([record], [{ match: { kind: 'finding', severity: 'low' }, count: 0 }])).toEqual([
      record,
    ]);
  });
});

describe('caseSchema', () => {
  const stats = { packets: 1, flows: 1 };

  it.each([
    ['no check', { checks: [], stats }],
    ['a check that is no check', { checks: [{ match: {}, times: 1 }], stats }],
    ['a misspelt word', { checks: [{ match: {}, count: 1 }], stats, network: [] }],
    ['no summary', { checks: [{ match: {}, count: 1 }] }],
  ])('refuses %s', (_, text) => {
    expect(caseSchema.safeParse(text).success).toBe(false);
  });

  it('expects no finding, anomaly or loss that is not mentioned', () => {
    const { stats: expected } = caseSchema.parse({ checks: [{ match: {}, count: 1 }], stats });

    expect(expected).toMatchObject({ findings: 0, anomalies: {}, losses: {}, notUnderstood: {} });
  });
});
