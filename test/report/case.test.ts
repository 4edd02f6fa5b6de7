/** What a report says of captures that went through the whole of `analyze`. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { CaseReport } from '../../src/report/case.ts';
import { renderHtml } from '../../src/report/html.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderNdjson } from '../../src/report/ndjson.ts';
import { renderText } from '../../src/report/text.ts';
import { outputSchema } from '../support/output-schema.ts';
import { replayed, reportOf } from './support/reported.ts';

describe('the report of a DNS tunnel out of an internal network', () => {
  let report: CaseReport;
  beforeAll(async () => {
    report = reportOf(await replayed('dns-tunnel-names'));
  });

  it('says the worst first, with who, and how sure that is', () => {
    const { verdict, findings } = report;

    expect(verdict.severity).toBe('high');
    expect(verdict.headline).toBe('1 high and 1 medium findings about shop/db');
    expect(verdict.sentence).toMatch(/^shop\/db asked shop\/api for 60 different names under example\.net/);
    expect(findings.map(({ ref, analyzer }) => [ref, analyzer])).toEqual([
      ['F1', 'dns-tunnel'],
      ['F2', 'dns-internal-leak'],
    ]);
    expect(findings[0]!.subject).toMatchObject({ container: 'shop-db-1', surety: 'certain', how: 'mac+ip' });
  });

  it('tells how much left in names, though no flow went outside', () => {
    const { amounts } = report;

    expect(amounts.told).toEqual([
      expect.objectContaining({ ref: 'F1', who: 'shop/db', what: expect.stringContaining('names of DNS') }),
    ]);
    expect(amounts.told[0]!.bytes).toBeGreaterThan(1000);
    expect(amounts.left.items).toEqual([]);
    expect(renderText(report)).toMatch(
      /^Left {7}no flow between .*estimated 1\.8 KiB in names of DNS \(F1\)$/m,
    );
  });

  it('has the tunnel on one axis with the look-ups, in order, each growth once', () => {
    const { items } = report.timeline;
    const times = items.map(({ time }) => time);

    expect(times).toEqual(times.toSorted());
    expect(items.filter(({ ref }) => ref === 'F1').map(({ text }) => text)).toEqual([
      'dns-tunnel, shop/db: begins: Data leaves or comes in through DNS',
      'dns-tunnel, shop/db: grows from medium to high',
    ]);
    expect(items).toContainEqual(
      expect.objectContaining({
        of: 'look-up',
        text: 'shop/db first asks for example.net (60 times in all)',
      }),
    );
  });

  it('names the zone with its questions, and the commands that go on from it', () => {
    expect(report.lookUps.items).toEqual([
      expect.objectContaining({ who: 'shop/db', zone: 'example.net', questions: 60, failed: 0 }),
    ]);
    expect(report.next[0]).toMatchObject({ refs: ['F1'], page: 'docs/analyzers/dns-tunnel.md' });
    expect(report.next[0]!.commands).toContain(
      "bridgewatch dns 'query:*.example.net' --by container --since 7d",
    );
    expect(report.next.flatMap(({ commands }) => commands)).toContain(
      "tshark -r dns-tunnel-names.pcap -Y 'ip.addr == 172.30.0.2 && ip.addr == 172.30.0.3'",
    );
  });

  it('names everybody in it once, with their part', () => {
    expect(report.actors.items.map(({ label, did, metIn }) => [label, did, metIn])).toEqual([
      ['shop/db', ['F1', 'F2'], []],
      ['shop/api', [], ['F1', 'F2']],
    ]);
  });

  it('is the same on a second run, in every form', async () => {
    const again = reportOf(await replayed('dns-tunnel-names'));

    for (const render of [renderText, renderMarkdown, renderHtml, renderNdjson])
      expect(render(again)).toBe(render(report));
  });
});

describe('the report of an upload', () => {
  it('sums what left by who and whereto, apart from what came in', async () => {
    const { amounts, verdict, timeline } = reportOf(await replayed('exfil-volume-upload'));

    expect(
      amounts.left.items.map(({ who, whom, flows, direction }) => [who, whom, flows, direction]),
    ).toEqual([
      ['shop/proxy', 'internet 198.51.100.7', 3, 'egress'],
      ['shop/proxy', 'internet 198.51.101.7', 3, 'egress'],
    ]);
    expect(amounts.left.items.map(({ bytesOut, bytesIn }) => [bytesOut, bytesIn])).toEqual([
      [3 * 60_200, 3 * 122],
      [3 * 203, 3 * 60_120],
    ]);
    expect(amounts.byDirection).toMatchObject([{ direction: 'egress', flows: 6, bytesOut: 3 * 60_403 }]);
    expect(verdict.headline).toBe('Nothing was found');
    expect(timeline.items).toEqual([]);
  });
});

describe('the report of an answered egress from an internal network', () => {
  it('puts the pair in relation to its finding', async () => {
    const { amounts, findings, verdict } = reportOf(await replayed('internal-egress-answered'));

    expect(verdict).toMatchObject({ severity: 'critical', headline: '1 critical finding about shop/db' });
    expect(verdict.caution).toBeUndefined();
    expect(amounts.left.items).toMatchObject([
      { who: 'shop/db', bytesOut: 1200, bytesIn: 122, refs: ['F1'] },
    ]);
    expect(findings[0]!.evidence).toContainEqual({ name: 'bytes', value: '1200 (1.2 KiB)' });
  });
});

describe('the report of a quiet capture', () => {
  it('says that nothing was found, and never that all is well', async () => {
    const report = reportOf(await replayed('gro-64k'));

    expect(report.findings).toEqual([]);
    expect(report.next).toEqual([]);
    for (const text of [renderText(report), renderMarkdown(report), renderHtml(report)]) {
      expect(text).toContain('Nothing was found');
      expect(text).toContain('What packets do not tell');
      expect(text).not.toMatch(/\b(?:safe|clean|secure|no threats?)\b/i);
    }
  });

  it('says it when nobody knows which addresses are containers, and does not call what was sent gone', async () => {
    const report = reportOf(await replayed('exfil-volume-upload', []));

    expect(report.verdict.caution).toMatch(/^Not everything was seen: no inventory/);
    expect(report.amounts.isUnattributed).toBe(true);
    expect(report.amounts.left.items).toHaveLength(2);
    expect(renderText(report)).toMatch(/^Left {7}not known: no inventory/m);
  });

  it('tells of frames that were cut, and of what began before it', async () => {
    const { unseen } = reportOf(await replayed('truncated-snaplen'));

    expect(unseen).toContainEqual(expect.objectContaining({ what: 'Lost: snaplen', weight: 'plain' }));
    const midstream = reportOf(await replayed('mid-stream-tcp')).unseen.map(({ what }) => what);
    expect(midstream).toContain('Flows whose beginning was not seen');
    expect(unseen.map(({ what }) => what)).not.toContain('Flows whose beginning was not seen');
  });
});

describe('the report of a storm', () => {
  it('lists what tells of it, and counts what it tells of', async () => {
    const { findings, findingsNotShown } = reportOf(
      await replayed('finding-storm-egress', ['data=10.20.0.0/16,internal']),
    );

    expect(findings.map(({ analyzer }) => analyzer)).toContain('finding-storm');
    expect(findings.length).toBeLessThan(40);
    expect(findingsNotShown.folded).toBeGreaterThan(100);
  });
});

describe('a report as NDJSON', () => {
  it('is lines that docs/output.schema.json describes, the case first', async () => {
    const schema = outputSchema();
    const lines = renderNdjson(reportOf(await replayed('internal-egress-answered')))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string });

    expect(lines.flatMap((line) => schema.problems(line))).toEqual([]);
    expect(lines[0]!.kind).toBe('case');
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set([
        'case',
        'case-finding',
        'case-step',
        'case-event',
        'case-actor',
        'case-amount',
        'case-blind-spot',
      ]),
    );
  });
});
