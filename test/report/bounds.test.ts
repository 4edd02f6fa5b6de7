/** Both sides of every bound: what fits is whole, and of what does not the count remains. */
import { describe, expect, it } from 'vitest';
import type { EvidenceRecord } from '../../src/model/evidence.ts';
import type { Severity } from '../../src/model/finding.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { coverage, dns, finding, flow, inventory, loss, outside, T0 } from '../station/support/records.ts';
import { caseOf } from './support/reported.ts';

const place = (number: number) => outside({ ip: `198.51.100.${number}` });

describe('findings of a case', () => {
  const findings = (severities: readonly Severity[]) =>
    caseOf(
      severities.map((severity, i) => finding(i, { severity })),
      { findings: 3 },
    );

  it('are all there while there is room', () => {
    const { findings: shown, findingsNotShown } = findings(['low', 'high', 'medium']);

    expect(shown.map(({ severity }) => severity)).toEqual(['high', 'medium', 'low']);
    expect(findingsNotShown).toEqual({ leftOut: [], leftOutIsLeast: false, folded: 0 });
  });

  it('give way to graver ones, the least severe first, and are counted', () => {
    const {
      findings: shown,
      findingsNotShown,
      verdict,
    } = findings(['low', 'low', 'high', 'critical', 'low', 'high']);

    expect(shown.map(({ severity }) => severity)).toEqual(['critical', 'high', 'high']);
    expect(findingsNotShown.leftOut).toEqual([{ severity: 'low', count: 3 }]);
    expect(verdict.headline).toBe('1 critical, 2 high and 3 low findings about shop/db');
  });

  it('are told by their last record, which is no second finding', () => {
    const report = caseOf([
      finding(1, { severity: 'medium' }),
      finding(1, { severity: 'high', status: 'update', count: 7 }),
      finding(1, { severity: 'high', status: 'closed', count: 9 }),
    ]);

    expect(report.findings).toMatchObject([{ severity: 'high', count: 9, status: 'closed' }]);
    expect(
      report.timeline.items.filter(({ ref }) => ref === 'F1').map(({ text }) => text.split(': ')[1]),
    ).toEqual(['begins', 'grows from medium to high', 'last sign of it; seen 9x']);
  });

  it('of low severity alone are nothing above low', () => {
    expect(findings(['low']).verdict.headline).toBe('Nothing above low was found: 1 low finding');
    expect(findings(['medium']).verdict.headline).toBe('1 medium finding about shop/db');
  });
});

describe('what else happened', () => {
  it('has whose packets were put aside, by whom, and why they are kept no longer', () => {
    const kept: EvidenceRecord = {
      kind: 'evidence',
      time: T0,
      id: 'e-1',
      change: 'kept',
      cause: 'finding',
      finding: 'f-1',
      networks: ['shop_data'],
      packets: 12,
      bytes: 4096,
      end: 'whole',
      missing: [],
    };
    const report = caseOf([
      kept,
      { ...kept, time: T0 + 1, id: 'e-2', cause: 'request', targets: ['shop/db'], by: 'alice' },
      { ...kept, time: T0 + 2, change: 'removed', reason: 'older than 30 days' },
    ]);

    expect(report.timeline.items.map(({ of, text }) => `${of}: ${text}`)).toEqual([
      'evidence: packets of finding f-1 are put aside (12)',
      'evidence: packets of shop/db are put aside for alice (12)',
      'evidence: the packets of finding f-1 are kept no longer: older than 30 days',
    ]);
  });
});

describe('flows of a case', () => {
  const left = (records: readonly FlowRecord[], pairs?: number) =>
    caseOf(records, pairs === undefined ? {} : { pairs }).amounts;

  it('that go on are counted once, by what their last record says', () => {
    const amounts = left([
      flow(1, { reason: 'active', origBytes: 1000, respBytes: 10 }),
      flow(1, { reason: 'active', origBytes: 3000, respBytes: 30 }),
      flow(1, { reason: 'closed', origBytes: 5000, respBytes: 50 }),
    ]);

    expect(amounts.left.items).toMatchObject([{ flows: 1, bytesOut: 5000, bytesIn: 50 }]);
    expect(amounts.byDirection).toMatchObject([{ flows: 1, bytesOut: 5000, bytesIn: 50 }]);
  });

  it('that the outside opened leave in what the container answers', () => {
    const { orig, resp } = flow(1);
    const amounts = left([
      flow(1, { orig: resp, resp: orig, direction: 'ingress', origBytes: 7, respBytes: 9000 }),
    ]);

    expect(amounts.left.items).toMatchObject([
      { who: 'shop/db', bytesOut: 9000, bytesIn: 7, direction: 'ingress' },
    ]);
  });

  it('of as many pairs as there is room for are told apart; beyond, the small ones are one sum', () => {
    const flows = Array.from({ length: 9 }, (_, i) => flow(i, { resp: place(i), origBytes: 100 * (i + 1) }));
    const sum = flows.reduce((total, { origBytes }) => total + origBytes, 0);

    const all = left(flows, 9);
    expect(all.left).toMatchObject({ more: 0, moreIsLeast: false });
    expect(all.left.items).toHaveLength(9);
    const few = left(flows, 8);
    expect(few.left.items.map(({ bytesOut }) => bytesOut)).toEqual([900, 800, 700, 600, 500]);
    expect(few.left).toMatchObject({ more: 4, moreIsLeast: true });
    expect(few.leftRest).toEqual({ flows: 4, bytesOut: 1000, bytesIn: 4 * 5400 });
    expect(few.byDirection).toMatchObject([{ flows: 9, bytesOut: sum }]);
  });

  it('are summed beyond the twenty pairs that are listed', () => {
    const flows = Array.from({ length: 21 }, (_, i) => flow(i, { resp: place(i) }));

    expect(left(flows.slice(0, 20)).left).toMatchObject({ more: 0 });
    expect(left(flows).left).toMatchObject({ more: 1, moreIsLeast: false });
    expect(left(flows).leftRest).toMatchObject({ flows: 1, bytesOut: 1200 });
  });
});

describe('look-ups and events of a case', () => {
  it('keep the zones that were asked for most, and count those that were let go', () => {
    const asked = ['a', 'b', 'b', 'c', 'c', 'c'].map((name, i) => dns(i, { query: `www.${name}.example` }));

    const three = caseOf(asked, { zones: 3 }).lookUps;
    const two = caseOf(asked, { zones: 2 }).lookUps;
    expect(three.items.map(({ zone, questions }) => [zone, questions])).toHaveLength(1);
    expect(three.more + two.more).toBe(0);
    const others = ['a.com', 'b.org', 'b.org', 'c.net'].map((name, i) => dns(i, { query: `www.${name}` }));
    expect(caseOf(others, { zones: 3 }).lookUps).toMatchObject({ more: 0, moreIsLeast: false });
    expect(caseOf(others, { zones: 2 }).lookUps).toMatchObject({ more: 1, moreIsLeast: true });
    expect(caseOf(others, { zones: 2 }).lookUps.items[0]).toMatchObject({ zone: 'b.org', questions: 2 });
  });

  it('keep the first events, and count the others', () => {
    const events = [inventory(1), inventory(2), inventory(3)];

    expect(caseOf(events, { events: 3 }).timeline).toMatchObject({ more: 0 });
    expect(caseOf(events, { events: 2 }).timeline).toMatchObject({ more: 1 });
    expect(caseOf(events, { events: 2 }).timeline.items).toHaveLength(2);
  });
});

describe('what could not be seen', () => {
  it('is grave where packets or networks were missed, and the verdict says so', () => {
    const { verdict, unseen } = caseOf([
      finding(1),
      loss(1),
      coverage(1, { state: 'uncovered', network: 'shop_back', reason: 'no permission' }),
    ]);

    expect(unseen[0]).toMatchObject({ weight: 'grave' });
    expect(unseen).toContainEqual({
      weight: 'grave',
      what: 'Not watched: network shop_back',
      detail: 'no permission',
    });
    expect(verdict.caution).toMatch(/^Not everything was seen: /);
  });

  it('is no more where a network is watched again', () => {
    const { verdict, unseen } = caseOf([
      coverage(1, { state: 'uncovered', network: 'shop_back' }),
      coverage(2, { state: 'covered', network: 'shop_back' }),
    ]);

    expect(unseen.filter(({ weight }) => weight === 'grave')).toEqual([]);
    expect(verdict.caution).toBeUndefined();
  });
});
