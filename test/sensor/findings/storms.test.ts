import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Finding, Severity } from '../../../src/model/finding.ts';
import type { LossRecord } from '../../../src/model/record.ts';
import {
  type AnalyzerDefinition,
  defineAnalyzer,
  type Report,
} from '../../../src/sensor/analysis/analyzer.ts';
import { findingsConfig } from '../../../src/sensor/findings/config.ts';
import { FindingManager } from '../../../src/sensor/findings/manager.ts';
import { address, container, secs } from '../../support/records.ts';

const analyzer = (id: string): AnalyzerDefinition =>
  defineAnalyzer({
    id,
    title: `A ${id}`,
    attack: [{ technique: id === 'scan' ? 'T1046' : 'T1048', tactic: 'discovery' }],
    severity: 'medium',
    confidence: 'high',
    maturity: 'stable',
    config: z.strictObject({}),
    evidence: z.object({ n: z.number().optional() }),
    messages: { seen: '{subject} {n}.' },
    create: () => ({}),
  }) as AnalyzerDefinition;

const scan = analyzer('scan');
const egress = analyzer('egress');
const db = container('db', '172.30.0.10');

interface Told {
  readonly second: number;
  readonly key: string;
  readonly severity?: Severity;
  readonly subject?: Endpoint;
  readonly peers?: readonly Endpoint[];
  readonly network?: string;
}

function setUp(options: Record<string, unknown> = {}) {
  const records: Finding[] = [];
  const losses: LossRecord[] = [];
  const manager = new FindingManager({
    config: findingsConfig.parse({ storm_per_minute: 4, storm_total_per_minute: 100, ...options }),
    onFinding: (record) => records.push(record),
    onLoss: (loss) => losses.push(loss),
  });
  const report = (definition: AnalyzerDefinition, { second, key, ...rest }: Told) =>
    manager.report(definition, {
      message: 'seen',
      time: secs(second),
      key,
      subject: db,
      evidence: { n: second },
      ...rest,
    } as Report<string, { n: number }>);
  /** `count` of them in one second. */
  const burst = (definition: AnalyzerDefinition, second: number, count: number, more: Partial<Told> = {}) => {
    for (let i = 0; i < count; i++)
      report(definition, { second, key: `${definition.id} ${second} ${i}`, ...more });
  };
  const storms = () => records.filter((record) => record.analyzer === 'finding-storm');
  const members = () => records.filter((record) => record.analyzer !== 'finding-storm');
  const folded = () => members().filter((record) => record.foldedInto !== undefined);
  const told = () => members().filter((record) => record.foldedInto === undefined);
  const tickTo = (from: number, to: number) => {
    for (let second = from; second <= to; second++) manager.tick(secs(second));
  };
  return { manager, records, losses, report, burst, storms, members, folded, told, tickTo };
}

describe('a storm', () => {
  it('is none as long as no more open within a minute than may', () => {
    const { burst, storms, folded } = setUp();
    for (let minute = 0; minute < 10; minute++) burst(scan, minute * 60, 4);

    expect(storms()).toEqual([]);
    expect(folded()).toEqual([]);
  });

  it.each([
    [59.999, 1],
    [60, 0],
  ])('begins with the fifth of four a minute when it comes %d s after the first', (last, count) => {
    const { report, folded, storms } = setUp();
    for (const second of [0, 20, 40, 50, last]) report(scan, { second, key: `k${second}` });

    expect(folded()).toHaveLength(count);
    expect(storms()).toHaveLength(count);
  });

  it('is told at once, before what it tells of, and records each finding with its id', () => {
    const { burst, records, members, folded } = setUp();
    burst(scan, 0, 20, { network: 'data', peers: [address('198.51.100.7', 'internet')] });

    const storm = records[4]!;
    expect(storm).toMatchObject({
      analyzer: 'finding-storm',
      status: 'open',
      reason: 'more than 4 findings opened within a minute: scan',
      severity: 'medium',
      message: 'begins',
      subject: { ip: '0.0.0.0', scope: 'unknown' },
      network: 'data',
      attack: scan.attack,
      evidence: { folded: 1, stillOpen: 1, goesOn: true, subjectCount: 1, topSubjects: ['shop/db (1)'] },
    });
    expect(storm.foldedInto).toBeUndefined();
    expect(members()).toHaveLength(20);
    expect(folded()).toHaveLength(16);
    expect(new Set(folded().map(({ foldedInto }) => foldedInto))).toEqual(new Set([storm.id]));
    expect(records.filter(({ analyzer }) => analyzer === 'finding-storm')).toHaveLength(1);
  });

  it('is told again at the usual interval, with the numbers', () => {
    const { burst, report, storms, folded, manager } = setUp();
    burst(scan, 0, 4);
    for (let i = 0; i < 100; i++) {
      report(scan, {
        second: 1 + i / 100,
        key: `low ${i}`,
        severity: i % 10 === 0 ? 'medium' : 'low',
        subject:
          i % 2 === 0 ? container(`c${i % 8}`, `172.30.0.${20 + (i % 8)}`) : address(`10.0.0.${i}`, 'lan'),
        network: i % 4 === 0 ? 'data' : 'back',
        peers: [address(`198.51.100.${i % 3}`, 'internet')],
      });
    }
    manager.tick(secs(60));
    expect(storms()).toHaveLength(1);
    manager.tick(secs(62));

    const told = storms().at(-1)!;
    expect(storms().map(({ status }) => status)).toEqual(['open', 'update']);
    expect(told).toMatchObject({
      message: 'many-subjects',
      severity: 'medium',
      count: 100,
      subject: { ip: '0.0.0.0', scope: 'unknown', attribution: { method: 'none', confidence: 'none' } },
      evidence: {
        folded: 100,
        stillOpen: 100,
        medium: 10,
        low: 90,
        critical: 0,
        severities: ['medium (10)', 'low (90)'],
        subjectCount: 54,
        peerCount: 3,
        topNetworks: ['back (75)', 'data (25)'],
        topPeers: ['internet 198.51.100.0 (34)', 'internet 198.51.100.1 (33)', 'internet 198.51.100.2 (33)'],
        firstIds: folded()
          .slice(0, 10)
          .map(({ id }) => id),
      },
    });
    expect(told.network).toBeUndefined();
    expect(told.explanation).toContain('54 subjects with 100 findings');
    expect(told.explanation).not.toMatch(/undefined|NaN|unknown,/);
  });

  it('names the subject of more than half of it, else nobody', () => {
    const shares = [50, 51].map((share) => {
      const { burst, storms, manager } = setUp();
      burst(scan, 0, 4);
      burst(scan, 1, share);
      for (let i = 0; i < 100 - share; i++)
        burst(scan, 1, 1, { key: `other ${i}`, subject: address(`10.0.${i}.1`, 'lan') });
      manager.tick(secs(70));
      return storms().at(-1)!;
    });

    expect(shares.map(({ message }) => message)).toEqual(['many-subjects', 'one-subject']);
    expect(shares.map(({ subject }) => subject.ip)).toEqual(['0.0.0.0', db.ip]);
  });

  it('counts what it has no room for, and says that it stopped', () => {
    const { report, storms, manager } = setUp();
    for (let i = 0; i < 3000; i++)
      report(scan, {
        second: i / 1000,
        key: `k${i}`,
        subject: i % 20 === 0 ? db : address(`10.${i >> 8}.${i & 255}.1`, 'lan'),
      });
    manager.tick(secs(70));
    const { evidence } = storms().at(-1)!;

    expect(evidence).toMatchObject({ folded: 2996, subjectCount: 256, countsAreMinimum: true });
    expect((evidence['topSubjects'] as string[])[0]).toMatch(/^shop\/db \(1[0-9]{2}\)$/);
  });

  it('leaves other analyzers alone, and has two of its own where two storm', () => {
    const { burst, storms, told } = setUp();
    burst(scan, 0, 20);
    burst(egress, 1, 4);
    expect(told()).toHaveLength(8);
    burst(egress, 2, 20);

    expect(told()).toHaveLength(8);
    expect(storms().map(({ reason }) => reason)).toEqual([
      'more than 4 findings opened within a minute: scan',
      'more than 4 findings opened within a minute: egress',
    ]);
    expect(new Set(storms().map(({ id }) => id)).size).toBe(2);
  });

  it('is also what many analyzers make together, each of which makes little', () => {
    const { burst, storms, told, folded } = setUp({ storm_total_per_minute: 10 });
    for (let i = 0; i < 10; i++) burst(analyzer(`a${i}`), 0, 2);

    expect(told()).toHaveLength(10);
    expect(folded()).toHaveLength(10);
    expect(storms()).toMatchObject([
      { reason: 'more than 10 findings opened within a minute: all analyzers', key: 'all analyzers' },
    ]);
  });

  it('goes on until no more than half as many open within a minute, and says when it is over', () => {
    const { report, storms, folded, told, tickTo, burst } = setUp();
    burst(scan, 0, 10);
    // Three within any minute: more than half of four.
    for (let second = 19; second < 300; second += 19) {
      tickTo(second - 18, second);
      report(scan, { second, key: `slow ${second}` });
    }
    expect(told()).toHaveLength(4);
    expect(folded()).toHaveLength(6 + 15);
    tickTo(286, 340);

    const over = storms().at(-1)!;
    expect(over).toMatchObject({
      status: 'update',
      reason: 'no more than 2 opened within the last minute: each is told again',
      evidence: { goesOn: false, folded: 21 },
    });
    report(scan, { second: 341, key: 'after' });
    expect(told()).toHaveLength(5);
  });

  it('that begins again while it is still open goes on as the same finding', () => {
    const { burst, storms, tickTo, told } = setUp();
    burst(scan, 0, 10);
    tickTo(1, 200);
    burst(scan, 200, 10);

    expect(new Set(storms().map(({ id }) => id)).size).toBe(1);
    expect(told()).toHaveLength(8);
    tickTo(201, 270);
    expect(storms().at(-1)?.evidence).toMatchObject({ folded: 12 });
  });

  it('closes when nothing was heard of its findings for the whole time, after them', () => {
    const { burst, report, records, storms, folded, tickTo } = setUp({ close_after_secs: 100 });
    burst(scan, 0, 10);
    tickTo(1, 80);
    report(scan, { second: 80, key: 'scan 0 9' });
    tickTo(81, 179);
    expect(storms().at(-1)).toMatchObject({ status: 'update', evidence: { folded: 6, stillOpen: 1 } });
    tickTo(180, 180);

    expect(records.slice(-2)).toMatchObject([
      { key: 'scan 0 9', status: 'closed' },
      { analyzer: 'finding-storm', status: 'closed', evidence: { folded: 6, stillOpen: 0 } },
    ]);
    expect(folded().filter(({ status }) => status === 'closed')).toHaveLength(6);
    burst(scan, 300, 10, { subject: address('10.0.0.9', 'lan') });
    expect(new Set(storms().map(({ id }) => id)).size).toBe(2);
  });
});

describe('a folded finding', () => {
  it('stays folded in its updates and when it closes, also when the storm is over', () => {
    const { burst, report, members, tickTo } = setUp();
    burst(scan, 0, 10);
    tickTo(1, 100);
    report(scan, { second: 100, key: 'scan 0 9' });
    tickTo(101, 1100);

    const told = members().filter(({ key }) => key === 'scan 0 9');
    expect(told.map(({ status }) => status)).toEqual(['open', 'update', 'closed']);
    expect(new Set(told.map(({ foldedInto }) => foldedInto)).size).toBe(1);
    expect(told[0]?.foldedInto).toBeDefined();
  });

  it('is told by itself from when it becomes graver after the storm', () => {
    const { burst, report, members, storms, tickTo } = setUp();
    burst(scan, 0, 10, { severity: 'low' });
    tickTo(1, 100);
    report(scan, { second: 100, key: 'scan 0 9', severity: 'medium' });
    tickTo(101, 1100);

    const told = members().filter(({ key }) => key === 'scan 0 9');
    expect(told.map(({ status, foldedInto }) => [status, foldedInto !== undefined])).toEqual([
      ['open', true],
      ['update', false],
      ['closed', false],
    ]);
    expect(storms().at(-1)?.evidence).toMatchObject({ folded: 6, stillOpen: 0 });
  });

  it('that becomes graver within the storm is told when it is graver than all before, else counted', () => {
    const { burst, report, told, storms } = setUp();
    burst(scan, 0, 10, { severity: 'low' });
    report(scan, { second: 1, key: 'scan 0 8', severity: 'high' });
    report(scan, { second: 1, key: 'scan 0 9', severity: 'high' });

    expect(told().map(({ key }) => key)).toContain('scan 0 8');
    expect(told().map(({ key }) => key)).not.toContain('scan 0 9');
    expect(storms().at(-1)).toMatchObject({
      severity: 'high',
      reason: 'severity rose from low to high',
      evidence: { high: 1, low: 5, stillOpen: 5 },
    });
  });

  it('that all become graver at once are a storm again, not thousands of messages', () => {
    const { burst, told, tickTo, storms } = setUp();
    burst(scan, 0, 1000, { severity: 'low' });
    tickTo(1, 100);
    for (let i = 4; i < 1000; i++) burst(scan, 100, 1, { key: `scan 0 ${i}`, severity: 'medium' });

    // Four at the begin, four before it is a storm again, one that is graver than all of it.
    expect(told()).toHaveLength(4 + 4 + 1);
    expect(storms().at(-1)).toMatchObject({ severity: 'medium' });
  });
});

describe('through a storm goes', () => {
  it('what is graver than all that it has told, once', () => {
    const { burst, told, storms } = setUp();
    burst(scan, 0, 10, { severity: 'low' });
    burst(scan, 1, 3, { severity: 'medium' });
    burst(scan, 2, 3, { severity: 'high' });
    burst(scan, 3, 3, { severity: 'medium' });

    expect(told().map(({ severity }) => severity)).toEqual([...Array(4).fill('low'), 'medium', 'high']);
    expect(
      storms()
        .map(({ severity, reason }) => `${severity}: ${reason}`)
        .slice(1),
    ).toEqual(['medium: severity rose from low to medium', 'high: severity rose from medium to high']);
  });

  it('what is critical, up to a bound of its own; then the storm is critical', () => {
    const { burst, told, storms, folded } = setUp({ storm_critical_per_minute: 3 });
    burst(scan, 0, 10);
    burst(scan, 1, 3, { severity: 'critical' });
    expect(told().filter(({ severity }) => severity === 'critical')).toHaveLength(3);
    expect(storms()).toHaveLength(1);
    burst(scan, 2, 5, { severity: 'critical' });

    expect(told().filter(({ severity }) => severity === 'critical')).toHaveLength(3);
    expect(folded().filter(({ severity }) => severity === 'critical')).toHaveLength(5);
    expect(storms().at(-1)).toMatchObject({
      severity: 'critical',
      status: 'update',
      reason: 'severity rose from medium to critical',
    });
    burst(scan, 61.5, 1, { severity: 'critical' });
    expect(told().filter(({ severity }) => severity === 'critical')).toHaveLength(4);
  });

  it('what is critical also when all analyzers storm together', () => {
    const { burst, told } = setUp({ storm_total_per_minute: 10 });
    for (let i = 0; i < 10; i++) burst(analyzer(`a${i}`), 0, 2);
    burst(analyzer('grave'), 1, 1, { severity: 'critical' });

    expect(told().at(-1)).toMatchObject({ analyzer: 'grave', severity: 'critical' });
  });
});

describe('exceptions', () => {
  const exceptions = [{ where: 'subject.ip:172.30.0.10', reason: 'a test of ours' }];

  it('do not count for what wakes people', () => {
    const { burst, told } = setUp({ exceptions });
    burst(scan, 0, 1000);
    burst(scan, 1, 4, { subject: address('10.0.0.9', 'lan') });

    expect(told().filter(({ severity }) => severity === 'medium')).toHaveLength(4);
  });

  it('in a storm are folded into one that is informational', () => {
    const { burst, storms, told, tickTo } = setUp({ exceptions });
    burst(scan, 0, 1000);
    tickTo(1, 70);

    expect(told()).toHaveLength(4);
    expect(storms()[0]).toMatchObject({ severity: 'informational', key: 'scan exceptions' });
    expect(storms().at(-1)?.evidence).toMatchObject({ informational: 996, folded: 996 });
  });

  it('that end while they are folded are told by themselves', () => {
    const until = '2026-01-01T00:02:00Z';
    const { burst, told, tickTo } = setUp({ exceptions: [{ ...exceptions[0], until }] });
    burst(scan, 0, 6);
    tickTo(1, 119);
    expect(told()).toHaveLength(4);
    tickTo(120, 120);

    expect(told().filter(({ reason }) => reason === 'its exception has ended')).toHaveLength(4 + 2);
  });
});

describe('a storm with more findings than may be open', () => {
  it('closes those that it tells of, never what is told by itself, and says how many', () => {
    const { burst, report, members, losses, manager, storms } = setUp({ max_open: 32 });
    report(egress, { second: 0, key: 'mine' });
    burst(scan, 1, 500);
    manager.tick(secs(2));

    const closed = members().filter(({ status }) => status === 'closed');
    expect(manager.openNow).toBe(32);
    expect(manager.isOpen('egress', 'mine')).toBe(true);
    expect(closed.every(({ foldedInto }) => foldedInto !== undefined)).toBe(true);
    // Itself, one of egress, the four that were told: 26 are left for the folded.
    expect(closed).toHaveLength(496 - 26);
    expect(losses).toMatchObject([{ source: 'findings-table', where: 'scan', count: 496 - 26 }]);
    manager.tick(secs(62));
    expect(storms().at(-1)?.evidence).toMatchObject({ folded: 496, stillOpen: 26 });
  });
});

describe('the clock', () => {
  it.each([-7200, 86_400])('set by %d s neither ends a storm nor begins one', (shift) => {
    const { burst, manager, told, storms } = setUp();
    burst(scan, 0, 4);
    manager.tick(secs(30));
    manager.clockSet({ from: secs(30), to: secs(30 + shift) });
    burst(scan, 31 + shift, 1);
    expect(told()).toHaveLength(4);
    manager.tick(secs(92 + shift));
    burst(scan, 93 + shift, 4);

    expect(told()).toHaveLength(8);
    expect(storms().map(({ status }) => status)).toEqual(['open', 'update']);
  });
});

it('is told the same each time', () => {
  const run = () => {
    const { burst, report, records, tickTo } = setUp({ storm_total_per_minute: 8, max_open: 64 });
    for (let second = 0; second < 300; second++) {
      const [one, other] = [second % 7, second % 11];
      burst(scan, second, one, { subject: address(`10.0.0.${other}`, 'lan'), network: `n${one}` });
      burst(egress, second, other % 3, { severity: second % 13 === 0 ? 'critical' : 'low' });
      report(scan, { second, key: 'scan 1 0', severity: second > 200 ? 'high' : 'low' });
      tickTo(second, second);
    }
    return JSON.stringify(records);
  };

  expect(run()).toBe(run());
});

describe('an agent that starts again', () => {
  it('begins to count anew, and folds what goes on', () => {
    const before = setUp();
    before.burst(scan, 0, 20);
    const after = setUp();
    after.burst(scan, 10, 20);

    expect(after.told()).toHaveLength(4);
    expect(after.storms()[0]?.id).not.toBe(before.storms()[0]?.id);
  });
});
