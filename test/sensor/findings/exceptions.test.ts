import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Finding } from '../../../src/model/finding.ts';
import type { AnalyzerDefinition } from '../../../src/sensor/analysis/analyzer.ts';
import { defineAnalyzer } from '../../../src/sensor/analysis/analyzer.ts';
import { findingsConfig } from '../../../src/sensor/findings/config.ts';
import { exceptionConfig } from '../../../src/sensor/findings/exceptions.ts';
import { FindingManager } from '../../../src/sensor/findings/manager.ts';
import { address, container, secs, T0 } from '../../support/records.ts';

const definition = defineAnalyzer({
  id: 'test',
  title: 'A test',
  attack: [{ technique: 'T1048', tactic: 'exfiltration' }],
  severity: 'high',
  confidence: 'high',
  maturity: 'stable',
  config: z.strictObject({}),
  evidence: z.object({ bytes: z.number() }),
  messages: { tried: '{subject} tried {bytes} bytes.' },
  create: () => ({}),
}) as AnalyzerDefinition;

const DAY = 86_400;
const dayAfter = (days: number): string => new Date(T0 / 1000 + days * DAY * 1000).toISOString().slice(0, 10);

function setUp(...exceptions: object[]) {
  const findings: Finding[] = [];
  const manager = new FindingManager({
    config: findingsConfig.parse({ exceptions, close_after_secs: 7 * DAY }),
    onFinding: (finding) => findings.push(finding),
    onLoss: () => {},
  });
  const report = (second: number, who = 'db') =>
    manager.report(definition, {
      message: 'tried',
      time: secs(second),
      key: who,
      subject: container(who, '172.30.0.10'),
      peers: [address('198.51.100.7', 'internet')],
      evidence: { bytes: second },
    });
  const told = () => findings.map(({ severity, exception }) => [severity, exception?.reason]);
  return { manager, findings, report, told };
}

describe('an exception', () => {
  it('is recorded as informational, with its reason and what it would be', () => {
    const { findings, report } = setUp({ where: 'container:shop/db', reason: 'nightly copy' });

    report(5);

    expect(findings).toMatchObject([
      {
        status: 'open',
        severity: 'informational',
        exception: { reason: 'nightly copy', severity: 'high' },
        evidence: { bytes: 5 },
      },
    ]);
  });

  it('is for those that its filter describes, and no others', () => {
    const { told, report } = setUp({
      where: 'analyzer:test and container:shop/db and severity>=high',
      reason: 'known',
    });

    report(5);
    report(6, 'web');

    expect(told()).toEqual([
      ['informational', 'known'],
      ['high', undefined],
    ]);
  });

  it('may be one of several: the first that fits gives the reason', () => {
    const { told, report } = setUp(
      { where: 'container:shop/web', reason: 'another' },
      { where: 'analyzer:test', reason: 'one' },
      { where: 'analyzer:*', reason: 'two' },
    );

    report(5);

    expect(told()).toEqual([['informational', 'one']]);
  });

  it('ends with its day: what goes on is then told as what it is, at once', () => {
    const { manager, findings, told, report } = setUp({
      where: 'analyzer:test',
      reason: 'moving house',
      until: dayAfter(2),
    });
    report(5);
    manager.tick(secs(2 * DAY - 1));
    expect(told()).toEqual([['informational', 'moving house']]);

    manager.tick(secs(2 * DAY));

    expect(told()).toEqual([
      ['informational', 'moving house'],
      ['high', undefined],
    ]);
    expect(findings[1]).toMatchObject({ status: 'update', reason: 'its exception has ended' });
    manager.tick(secs(2 * DAY + 1));
    expect(findings).toHaveLength(2);
  });

  it('that has ended is none', () => {
    const { told, report } = setUp({ where: 'analyzer:test', reason: 'over', until: dayAfter(0) });

    report(5);

    expect(told()).toEqual([['high', undefined]]);
  });

  it.each([
    [
      'a filter that nobody understands',
      { where: 'severity>', reason: 'x' },
      /expected a value after severity>/,
    ],
    ['a field that findings do not have', { where: 'rcode:NXDOMAIN', reason: 'x' }, /rcode/],
    ['a filter by time', { where: 'start>-1h', reason: 'x' }, /say `until`/],
    ['no reason', { where: 'analyzer:test', reason: ' ' }, />=1/],
    ['a day that is none', { where: 'analyzer:test', reason: 'x', until: '2027-02-31T' }, /expected a day/],
  ])('is refused with %s', (_, config, problem) => {
    const { error } = exceptionConfig.safeParse(config);

    expect(error?.issues.map(({ message }) => message).join()).toMatch(problem);
  });

  it('is shown in the documentation with filters that are right', () => {
    const examples = [...(exceptionConfig.shape.where.description ?? '').matchAll(/`([^`]+)`/g)];

    expect(examples.length).toBeGreaterThan(0);
    for (const [, where] of examples) {
      expect(exceptionConfig.safeParse({ where, reason: 'x' }).success).toBe(true);
    }
  });
});
