import { describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../src/model/record.ts';
import { parseRecord, recordTime, serializeRecord } from '../../src/model/serialize.ts';
import {
  coverage,
  database,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  T0,
  traffic,
} from '../station/support/records.ts';
import { listener } from '../support/records.ts';

const EVERY_KIND: readonly AgentRecord[] = [
  finding(1),
  flow(1),
  dns(1),
  traffic(1),
  loss(1),
  coverage(1),
  inventory(1),
  { kind: 'anomaly', time: T0, code: 'ipv4-header-truncated', interface: 'br-1', count: 2 },
  {
    kind: 'no-route',
    time: T0,
    subject: endpoint(),
    networks: [{ name: 'shop_data', internal: true }],
    family: 'ipv4',
    count: 3,
    intervalSecs: 1,
  },
  listener({ subject: endpoint({ port: 4444 }), process: 'nc', program: '/bin/busybox' }),
  {
    kind: 'summary',
    packets: 1,
    bytes: 2,
    flows: 3,
    dnsQuestions: 4,
    findings: 5,
    anomalies: {},
    notUnderstood: {},
    losses: {},
  },
];

describe('serializeRecord', () => {
  it.each(EVERY_KIND.map((record) => [record.kind, record] as const))(
    'writes a %s as one line with the kind first and no undefined',
    (kind, record) => {
      const text = serializeRecord(record);

      expect(text.startsWith(`{"kind":"${kind}"`)).toBe(true);
      expect(text).not.toMatch(/\n|null|undefined/);
      expect(parseRecord(text).kind).toBe(kind);
    },
  );

  it('keeps every field of every record, though condensed', () => {
    for (const record of EVERY_KIND) {
      const written = JSON.parse(serializeRecord(record)) as object;

      expect(Object.keys(written).sort(), record.kind).toEqual(Object.keys(record).sort());
    }
  });

  it('writes times as ISO 8601 with microseconds', () => {
    const text = serializeRecord(flow(0, { start: T0 + 7, end: T0 + 1_000_001 }));

    expect(text).toContain('"start":"2026-11-23T14:00:00.000007Z","end":"2026-11-23T14:00:01.000001Z"');
  });

  it('condenses networks and workloads to what names them', () => {
    const written = JSON.parse(serializeRecord(flow(0))) as { network: object; orig: { workload: object } };

    expect(written.network).toEqual({ id: '5d0c3a1f9b7e', name: 'shop_data', internal: true });
    expect(written.orig.workload).toEqual({
      containerId: '3f2ab4c5d6e7',
      name: 'shop-db-1',
      image: 'postgres:17',
      composeProject: 'shop',
      composeService: 'db',
    });
  });

  it('does not let the order of the fields in memory show', () => {
    const record = flow(1);
    const shuffled = Object.fromEntries(Object.entries(record).reverse()) as unknown as typeof record;

    expect(serializeRecord(shuffled)).toBe(serializeRecord(record));
  });

  it('lets no byte through that a terminal would act on, and loses none', () => {
    const hostile = '\u001b[31m\u009b\u007f\u2028\u2029\u202e\u2066\ufeff\ud800\r\n"\\é漢😀';
    const record = finding(1, {
      title: hostile,
      subject: endpoint({ workload: { ...database, name: hostile } }),
      evidence: { [hostile]: hostile },
    });

    const text = serializeRecord(record);

    expect(text).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufeff]/u);
    expect(text).toContain('é漢😀');
    const back = parseRecord(text);
    expect(back).toMatchObject({ title: hostile, subject: { workload: { name: hostile } } });
    expect(back).toHaveProperty('evidence', { [hostile]: hostile });
  });
});

describe('recordTime', () => {
  it('is the end of what lasts and the moment of what does not', () => {
    expect(recordTime(flow(0, { end: T0 + 9 }))).toBe(T0 + 9);
    expect(recordTime(traffic(0, { end: T0 + 8 }))).toBe(T0 + 8);
    expect(recordTime(finding(0, { firstSeen: T0, lastSeen: T0 + 7 }))).toBe(T0 + 7);
    expect(recordTime(loss(0, { time: T0 + 6 }))).toBe(T0 + 6);
  });
});
