import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AUDIT_ANALYZER } from '../../../src/model/audit.ts';
import type { EvidenceValue, Finding } from '../../../src/model/finding.ts';
import type { PastFinding } from '../../../src/model/past-finding.ts';
import type { LossRecord } from '../../../src/model/record.ts';
import {
  type AnalyzerDefinition,
  defineAnalyzer,
  type Report,
} from '../../../src/sensor/analysis/analyzer.ts';
import { findingsConfig } from '../../../src/sensor/findings/config.ts';
import { FindingManager } from '../../../src/sensor/findings/manager.ts';
import { address, container, flow, secs } from '../../support/records.ts';

const definition = defineAnalyzer({
  id: 'test',
  title: 'A test',
  attack: [{ technique: 'T1048', tactic: 'exfiltration' }],
  severity: 'medium',
  confidence: 'high',
  maturity: 'stable',
  config: z.strictObject({}),
  evidence: z.object({ bytes: z.number().optional() }),
  messages: { tried: '{subject} tried {bytes} bytes.', done: '{subject} did {bytes} bytes.' },
  create: () => ({}),
}) as AnalyzerDefinition;

const subject = container('db', '172.30.0.10');
const resp = address('198.51.100.7', 'internet');

type Given = Partial<Report<string, Readonly<Record<string, EvidenceValue | undefined>>>>;

function setUp(options: Record<string, number> = {}, past: readonly PastFinding[] = []) {
  const findings: Finding[] = [];
  const losses: LossRecord[] = [];
  const manager = new FindingManager({
    config: findingsConfig.parse(options),
    onFinding: (finding) => findings.push(finding),
    onLoss: (loss) => losses.push(loss),
    past,
  });
  const report = (second: number, given: Given = {}) =>
    manager.report(definition, {
      message: 'tried',
      time: secs(second),
      key: 'k',
      subject,
      evidence: { bytes: second },
      ...given,
    });
  const told = () => findings.map(({ status, reason }) => `${status}: ${reason}`);
  return { manager, findings, losses, report, told };
}

describe('findings', () => {
  it('opens one at the first report, with all that is known', () => {
    const { findings, report } = setUp();
    report(5, {
      since: secs(2),
      network: 'data',
      peers: [resp],
      flows: [flow({ orig: subject, resp, uid: 'F', communityId: 'C' })],
    });

    expect(findings).toEqual([
      {
        kind: 'finding',
        id: findings[0]!.id,
        analyzer: 'test',
        message: 'tried',
        title: 'A test',
        severity: 'medium',
        confidence: 'high',
        attack: definition.attack,
        firstSeen: secs(2),
        lastSeen: secs(5),
        count: 1,
        network: 'data',
        subject,
        peers: [resp],
        flowUids: ['F'],
        communityIds: ['C'],
        evidence: { bytes: 5 },
        explanation: 'shop/db tried 5 bytes.',
        status: 'open',
        reason: 'first report',
        key: 'k',
      },
    ]);
  });

  it('gives the same id for the same traffic, another for another key or time', () => {
    const id = (second: number, key: string) => {
      const { findings, report } = setUp();
      report(second, { key });
      return findings[0]!.id;
    };

    expect(id(1, 'k')).toBe(id(1, 'k'));
    expect(new Set([id(1, 'k'), id(2, 'k'), id(1, 'other')]).size).toBe(3);
    expect(id(1, 'k')).toMatch(/^[0-9a-f]{16}$/);
  });

  it('counts a repeat without a word before the interval has passed, and tells it after', () => {
    const { manager, findings, report, told } = setUp();
    report(0);
    report(10);
    report(59.9);
    manager.tick(secs(59.99));
    const early = told().length;
    manager.tick(secs(60));

    expect(early).toBe(1);
    expect(told()).toEqual(['open: first report', 'update: evidence changed']);
    expect(findings[1]).toMatchObject({
      count: 3,
      lastSeen: secs(59.9),
      evidence: { bytes: 59.9 },
      id: findings[0]!.id,
    });
  });

  it('says nothing when a repeat brings the same evidence', () => {
    const { manager, report, told } = setUp();
    for (let second = 0; second < 600; second += 5) report(second, { evidence: { bytes: 1 } });
    manager.tick(secs(700));

    expect(told()).toEqual(['open: first report']);
  });

  it('tells a rise in severity at once, and never becomes milder', () => {
    const { findings, report, told } = setUp();
    report(0);
    report(1, { severity: 'critical', message: 'done', evidence: { bytes: 100 } });
    report(2, { severity: 'low', evidence: { bytes: 1 } });
    report(70, { severity: 'low', evidence: { bytes: 2 } });

    expect(told()).toEqual(['open: first report', 'update: severity rose from medium to critical']);
    expect(findings[1]).toMatchObject({ message: 'done', explanation: 'shop/db did 100 bytes.' });
  });

  it('tells a new message of the same severity at once', () => {
    const { report, told } = setUp();
    report(0);
    report(1, { message: 'done' });

    expect(told()[1]).toBe('update: now done, before tried');
  });

  it('closes what was quiet for the whole time, not a moment before', () => {
    const { manager, report, told } = setUp();
    report(0);
    manager.tick(secs(899.9));
    const before = told().length;
    manager.tick(secs(900));

    expect(before).toBe(1);
    expect(manager.isOpen('test', 'k')).toBe(false);
    expect(told()).toEqual(['open: first report', 'closed: quiet for 900 s']);
    expect(manager.opened).toBe(1);
  });

  it('is kept open by repeats', () => {
    const { manager, report } = setUp();
    for (const second of [0, 800, 1600]) {
      report(second, { evidence: { bytes: 1 } });
      manager.tick(secs(second + 850));
    }

    expect(manager.isOpen('test', 'k')).toBe(true);
  });

  it('tells at the end of input what changed since it was told, and closes nothing', () => {
    const { manager, report, told } = setUp();
    report(0);
    report(1);
    report(2, { key: 'other' });
    manager.finish();

    expect(told()).toEqual(['open: first report', 'open: first report', 'update: end of input']);
  });

  it('never holds more than its bound: the quietest is closed early, with its reason, and counted', () => {
    const { manager, findings, losses, report } = setUp({ max_open: 16 });
    for (let i = 0; i < 16; i++) report(i, { key: `k${i}` });
    report(16, { key: 'k0' });
    report(17, { key: 'one more' });

    const closed = findings.filter(({ status }) => status === 'closed');
    expect(manager.openNow).toBe(16);
    expect(closed).toMatchObject([
      { key: 'k1', reason: 'closed early: 16 findings are open (findings.max_open)' },
    ]);
    expect(losses).toEqual([]);
    manager.tick(secs(18));
    expect(losses).toMatchObject([{ source: 'findings-table', where: 'test', count: 1 }]);
  });

  it('keeps the first flows only, each once', () => {
    const { manager, findings, report } = setUp({ max_flows_per_finding: 3 });
    for (let i = 0; i < 9; i++) {
      report(i, { flows: [flow({ orig: subject, resp, uid: `F${i >> 1}`, communityId: `C${i >> 1}` })] });
    }
    manager.finish();

    expect(findings.at(-1)).toMatchObject({ flowUids: ['F0', 'F1', 'F2'], communityIds: ['C0', 'C1', 'C2'] });
  });

  it('leaves out evidence that is not known', () => {
    const { findings, report } = setUp();
    report(0, { evidence: { bytes: undefined } });

    expect(findings[0]!.evidence).toEqual({});
    expect(findings[0]!.explanation).toBe('shop/db tried unknown bytes.');
  });

  it.each([-7200, 86_400])('stays as quiet as it was when the clock is set by %d s', (shift) => {
    const { manager, findings, told, report } = setUp();
    const start = 1_000_000;
    report(start);
    manager.tick(secs(start + 600));
    manager.clockSet({ from: secs(start + 600), to: secs(start + 600 + shift) });

    manager.tick(secs(start + shift + 899));
    expect(told()).toEqual(['open: first report']);
    manager.tick(secs(start + shift + 900));
    expect(told()).toEqual(['open: first report', 'closed: quiet for 900 s']);
    expect(findings[1]!.lastSeen).toBe(secs(Math.max(start, start + shift)));
  });

  it('takes what an old clock still says of the future for now, so that nothing else closes', () => {
    const { manager, findings, told, report } = setUp();
    report(10_000, { key: 'other' });
    manager.clockSet({ from: secs(10_000), to: secs(1000) });
    report(9_999);
    manager.tick(secs(1001));

    expect(told()).toEqual(['open: first report', 'open: first report']);
    expect(findings[1]).toMatchObject({ firstSeen: secs(1000), lastSeen: secs(1000) });
    // Once the clock has come there again, such times are its own.
    manager.tick(secs(10_001));
    report(10_002);
    expect(findings.at(-1)).toMatchObject({ status: 'reopened', lastSeen: secs(10_002) });
  });

  it('goes by packet time that runs backwards as by time that stands still', () => {
    const { manager, findings, report } = setUp();
    report(100);
    report(50);
    manager.tick(secs(20));

    expect(findings[0]!.lastSeen).toBe(secs(100));
    expect(manager.isOpen('test', 'k')).toBe(true);
  });
});

describe('a finding that returns', () => {
  const CLOSE = { close_after_secs: 100, reopen_within_secs: 8000 };

  it('goes on as itself: same id, since when it was seen first, counted on', () => {
    const { manager, findings, report, told } = setUp(CLOSE);
    report(0);
    report(10);
    manager.tick(secs(110));
    report(10 + 7800);

    expect(told()).toEqual([
      'open: first report',
      'closed: quiet for 100 s',
      'reopened: returned after being quiet for 2 h 10 min',
    ]);
    expect(findings[2]).toMatchObject({ id: findings[0]!.id, firstSeen: secs(0), count: 3 });
    expect(manager.opened).toBe(1);
  });

  it('is another one beyond reopen_within_secs, and on its very end still itself', () => {
    const ids = (gap: number) => {
      const { manager, findings, report } = setUp(CLOSE);
      report(0);
      manager.tick(secs(100));
      report(gap);
      return findings.map(({ id, status }) => [id === findings[0]!.id, status]);
    };

    expect(ids(8000)).toEqual([
      [true, 'open'],
      [true, 'closed'],
      [true, 'reopened'],
    ]);
    expect(ids(8000.001).at(-1)).toEqual([false, 'open']);
  });

  it('is always another one when nothing is to be reopened', () => {
    const { manager, report, told } = setUp({ ...CLOSE, reopen_within_secs: 0 });
    report(0);
    manager.tick(secs(100));
    report(101);

    expect(told().at(-1)).toBe('open: first report');
  });

  it('closes and reopens again and again under one id', () => {
    const { manager, findings, report } = setUp(CLOSE);
    for (const at of [0, 200, 400, 600]) {
      report(at);
      manager.tick(secs(at + 100));
    }

    expect(new Set(findings.map(({ id }) => id)).size).toBe(1);
    expect(findings.map(({ status }) => status).join(' ')).toBe(
      'open closed reopened closed reopened closed reopened closed',
    );
    expect(findings.at(-1)?.count).toBe(4);
  });

  it('returns as mild as it is now told', () => {
    const { manager, findings, report } = setUp(CLOSE);
    report(0, { severity: 'critical' });
    manager.tick(secs(100));
    report(200, { severity: 'low' });

    expect(findings.at(-1)).toMatchObject({ status: 'reopened', severity: 'low' });
  });

  it('stays remembered for as long when the clock is set, and no longer', () => {
    const reopened = (gap: number) => {
      const { manager, report, told } = setUp(CLOSE);
      report(0);
      manager.tick(secs(100));
      manager.clockSet({ from: secs(100), to: secs(1_000_100) });
      report(1_000_000 + gap);
      return told().at(-1);
    };

    expect(reopened(7999)).toBe('reopened: returned after being quiet for 2 h 13 min');
    expect(reopened(8001)).toBe('open: first report');
  });

  it('is remembered among max_open others, and beyond that is a new one, counted', () => {
    const status = (others: number) => {
      const { manager, findings, report } = setUp({ ...CLOSE, max_open: 16 });
      report(0);
      manager.tick(secs(100));
      for (let i = 0; i < others; i++) report(101, { key: `other-${i}` });
      manager.tick(secs(201));
      report(202);
      return [findings.at(-1)?.status, manager.forgotten];
    };

    expect(status(15)).toEqual(['reopened', 0]);
    expect(status(16)).toEqual(['open', 1]);
  });

  it('tells the same story each time it is replayed', () => {
    const story = () => {
      const { manager, findings, report } = setUp(CLOSE);
      for (const at of [0, 150, 9000, 9001]) {
        manager.tick(secs(at));
        report(at);
      }
      manager.finish();
      return JSON.stringify(findings);
    };

    expect(story()).toBe(story());
  });
});

describe('a finding of the run before', () => {
  const past = (over: Partial<PastFinding> = {}): PastFinding => ({
    id: '00000000000000aa',
    analyzer: 'test',
    key: 'k',
    firstSeen: secs(1000),
    lastSeen: secs(2000),
    count: 41,
    severity: 'high',
    wasOpen: true,
    ...over,
  });

  it('goes on when it is seen again, no milder than it was', () => {
    const { findings, report, told } = setUp({}, [past()]);
    report(2095, { severity: 'low' });

    expect(told()).toEqual(['reopened: goes on: it was told 1 min 35 s ago, before the agent started again']);
    expect(findings[0]).toMatchObject({
      id: '00000000000000aa',
      firstSeen: secs(1000),
      count: 42,
      severity: 'high',
    });
  });

  it('returns when it was closed, as grave as it is now', () => {
    const { findings, report, told } = setUp({}, [past({ wasOpen: false })]);
    report(5600);

    expect(told()).toEqual(['reopened: returned after being quiet for 1 h']);
    expect(findings[0]).toMatchObject({ severity: 'medium', count: 42 });
  });

  it('is none of another analyzer or key, nor one from too long ago', () => {
    for (const other of [
      past({ analyzer: 'other' }),
      past({ key: 'other' }),
      past({ lastSeen: secs(-90_000) }),
    ]) {
      const { report, told } = setUp({}, [other]);
      report(2000);
      expect(told()).toEqual(['open: first report']);
    }
  });

  it('says nothing of itself when it is not seen again', () => {
    const { manager, told } = setUp({}, [past()]);
    manager.tick(secs(2001));
    manager.tick(secs(200_000));
    manager.finish();

    expect(told()).toEqual([]);
  });
});

describe('what stands until somebody changes it', () => {
  const HOUR = 3600;
  const past = (second: number, fields: Partial<PastFinding> = {}): PastFinding => ({
    id: 'feedfacefeedface',
    analyzer: AUDIT_ANALYZER,
    key: 'k',
    firstSeen: secs(second),
    lastSeen: secs(second),
    count: 4,
    severity: 'critical',
    wasOpen: true,
    ...fields,
  });
  const audit: AnalyzerDefinition = { ...definition, id: AUDIT_ANALYZER };

  function setUpStanding(options: Record<string, number> = {}, before: readonly PastFinding[] = []) {
    const world = setUp(options, before);
    const stand = (second: number, given: Given & { explanation?: string } = {}) =>
      world.manager.reportStanding(audit, {
        message: 'tried',
        time: secs(second),
        key: 'k',
        subject,
        evidence: { bytes: 1 },
        explanation: 'shop/db is privileged.',
        ...given,
      });
    const settle = (second: number, key = 'k') =>
      world.manager.settle(AUDIT_ANALYZER, key, secs(second), 'mended');
    return { ...world, stand, settle };
  }

  it('says what its reporter says, and is not closed by silence, however long', () => {
    const { manager, stand, findings } = setUpStanding();
    stand(0);
    for (let hour = 1; hour <= 48; hour++) manager.tick(secs(hour * HOUR));

    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ status: 'open', explanation: 'shop/db is privileged.' });
    expect(manager.isOpen(AUDIT_ANALYZER, 'k')).toBe(true);
  });

  it('closes when it is settled, with the reason, at that time', () => {
    const { stand, settle, findings } = setUpStanding();
    stand(0);
    settle(2 * HOUR);

    expect(findings[1]).toMatchObject({ status: 'closed', reason: 'mended', lastSeen: secs(2 * HOUR) });
  });

  it('reopens under its id when it is so again in time, and is a new one later', () => {
    const { stand, settle, findings, told } = setUpStanding();
    stand(0);
    settle(HOUR);
    stand(2 * HOUR);
    settle(3 * HOUR);
    stand(28 * HOUR);

    expect(told()).toEqual([
      'open: first report',
      'closed: mended',
      'reopened: it is so again, 1 h after it was closed',
      'closed: mended',
      'open: first report',
    ]);
    expect(findings[2]!.id).toBe(findings[0]!.id);
    expect(findings[4]!.id).not.toBe(findings[0]!.id);
  });

  it('becomes milder too, and says so at once', () => {
    const { stand, findings, told } = setUpStanding();
    stand(0, { severity: 'high' });
    stand(10, { severity: 'medium', evidence: { bytes: 2 }, explanation: 'It may route.' });

    expect(told()[1]).toBe('update: severity fell from high to medium');
    expect(findings[1]).toMatchObject({ evidence: { bytes: 2 }, explanation: 'It may route.' });
  });

  it('tells another sentence of the same evidence as a change', () => {
    const { manager, stand, told } = setUpStanding();
    stand(0);
    stand(70);
    manager.tick(secs(71));
    const same = [...told()];
    stand(140, { explanation: 'shop/db is still privileged.' });

    expect(same).toEqual(['open: first report']);
    expect(told()[1]).toBe('update: evidence changed');
  });

  it('is told again when its reporter wants it, but not what was told just now', () => {
    const { manager, stand, told, report } = setUpStanding();
    report(0, { key: 'quiet one' });
    stand(0);
    stand(100);
    stand(100, { key: 'new' });
    manager.tellStanding(AUDIT_ANALYZER, 'still so');

    expect(told().filter((line) => line.includes('still so'))).toEqual(['update: still so']);
  });

  it('goes on under its id after a restart, however long ago it was told, and as grave as it is now', () => {
    const { manager, stand, findings } = setUpStanding({}, [past(0)]);
    manager.tick(secs(100 * HOUR));
    stand(101 * HOUR, { severity: 'medium' });

    expect(findings[0]).toMatchObject({
      id: 'feedfacefeedface',
      status: 'reopened',
      severity: 'medium',
      count: 5,
    });
    expect(findings[0]!.reason).toMatch(/^goes on: it was told 4 d 5 h ago/);
  });

  it('goes on no more once it was seen to be over, though it was closed by no record', () => {
    const { stand, settle, findings } = setUpStanding({}, [past(0)]);
    settle(HOUR);
    const silent = findings.length;
    stand(101 * HOUR);

    expect(silent).toBe(0);
    expect(findings[0]).toMatchObject({ status: 'open' });
    expect(findings[0]!.id).not.toBe('feedfacefeedface');
  });

  it('makes room last: what is quiet by nature is not the first to go', () => {
    const { stand, report, findings } = setUpStanding({ max_open: 16 });
    stand(0);
    for (let i = 0; i < 16; i++) report(i + 1, { key: `k${i}` });
    const closed = findings.filter(({ status }) => status === 'closed');

    expect(closed.map(({ key }) => key)).toEqual(['k0']);
  });

  it('keeps the storm open that tells of it, and lets it end with it', () => {
    const { manager, stand, settle, findings } = setUpStanding({ storm_per_minute: 2 });
    for (let i = 0; i < 5; i++) stand(0, { key: `k${i}` });
    for (let minute = 1; minute <= 60; minute++) manager.tick(secs(minute * 60));
    const storm = () => findings.filter(({ analyzer }) => analyzer === 'finding-storm').at(-1)!;
    const inTheEnd = storm().status;
    for (let i = 0; i < 5; i++) settle(2 * HOUR, `k${i}`);
    for (let minute = 1; minute <= 16; minute++) manager.tick(secs(2 * HOUR + minute * 60));

    expect(inTheEnd).not.toBe('closed');
    expect(storm().status).toBe('closed');
  });

  it('is an exception where the configuration says so, and muted by what it is about', () => {
    const findings: Finding[] = [];
    const exceptions = [{ where: 'analyzer:audit message:tried container:shop/db', reason: 'the VPN' }];
    const manager = new FindingManager({
      config: findingsConfig.parse({ exceptions }),
      onFinding: (finding) => findings.push(finding),
      onLoss: () => {},
    });
    const report = { message: 'tried', time: secs(0), evidence: {}, explanation: 'It is.' };
    manager.reportStanding(audit, { ...report, key: 'a', subject });
    manager.reportStanding(audit, { ...report, key: 'b', subject: container('api', '172.30.0.11') });

    expect(findings.map(({ severity }) => severity)).toEqual(['informational', 'medium']);
  });
});
