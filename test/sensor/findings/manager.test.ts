import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { EvidenceValue, Finding } from '../../../src/model/finding.ts';
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

function setUp(options: Record<string, number> = {}) {
  const findings: Finding[] = [];
  const losses: LossRecord[] = [];
  const manager = new FindingManager({
    config: findingsConfig.parse(options),
    onFinding: (finding) => findings.push(finding),
    onLoss: (loss) => losses.push(loss),
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

  it('closes what was quiet for the whole time, not a moment before, and opens a new one after', () => {
    const { manager, findings, report, told } = setUp();
    report(0);
    manager.tick(secs(899.9));
    const before = told().length;
    manager.tick(secs(900));
    const open = manager.isOpen('test', 'k');
    report(901);

    expect(before).toBe(1);
    expect(open).toBe(false);
    expect(told()).toEqual(['open: first report', 'closed: quiet for 900 s', 'open: first report']);
    expect(findings[2]!.id).not.toBe(findings[0]!.id);
    expect(manager.opened).toBe(2);
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
    expect(findings.at(-1)).toMatchObject({ firstSeen: secs(10_002) });
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
