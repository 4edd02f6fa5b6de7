import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/sensor/host/conntrack/connection.ts';
import { flowKey } from '../../../../src/sensor/host/conntrack/connection.ts';
import { ConnectionTable } from '../../../../src/sensor/host/conntrack/table.ts';
import { news, tuple } from './messages.ts';

const SECOND = 1_000_000;
const T0 = 1_767_225_600 * SECOND;

/** The time of an event is known to a millisecond here. */
function at(secs: number): { from: number; to: number } {
  const to = T0 + secs * SECOND;
  return { from: to - 1000, to };
}

function found(table: ConnectionTable, text: string, protocol = 6): readonly Connection[] {
  const { src, srcPort, dst, dstPort } = tuple(text, protocol);
  return table.find(flowKey(protocol, src, srcPort, dst, dstPort));
}

const ASKED = '172.30.0.2:4000 > 198.51.100.2:8080';
const ANSWERS = '172.31.0.2:80 > 172.31.0.1:4000';

describe('a connection', () => {
  it('is found as it was asked for, halfway, and as it was delivered; not the other way round', () => {
    const table = new ConnectionTable();
    table.apply(news('opened', ASKED, { answers: ANSWERS }), at(1));

    expect(found(table, ASKED)).toHaveLength(1);
    expect(found(table, '172.30.0.2:4000 > 172.31.0.2:80')).toHaveLength(1);
    expect(found(table, '172.31.0.1:4000 > 172.31.0.2:80')).toHaveLength(1);
    expect(found(table, ANSWERS)).toEqual([]);
  });

  it('is found after its end for as long as it is kept, and not longer', () => {
    const table = new ConnectionTable({ maxConnections: 10, closedSecs: 60 });
    table.apply(news('opened', ASKED), at(1));
    table.apply(news('closed', ASKED), at(2));

    table.expire(T0 + 62 * SECOND);
    expect(found(table, ASKED)).toMatchObject([{ opened: at(1), closed: at(2) }]);
    table.expire(T0 + 62 * SECOND + 1);
    expect(found(table, ASKED)).toEqual([]);
    expect(table).toMatchObject({ size: 0, evicted: 0 });
  });

  it('ends when the kernel tells of another with the same addresses and ports', () => {
    const table = new ConnectionTable();
    table.apply(news('opened', ASKED, { id: 1 }), at(1));
    table.apply(news('opened', ASKED, { id: 2 }), at(5));

    expect(found(table, ASKED)).toMatchObject([
      { id: 1, closed: { from: at(1).to, to: at(5).to } },
      { id: 2, closed: undefined },
    ]);
  });

  it('is not ended by the end of its predecessor, told late', () => {
    const table = new ConnectionTable();
    table.apply(news('opened', ASKED, { id: 2 }), at(5));
    table.apply(news('closed', ASKED, { id: 1 }), at(6));

    expect(found(table, ASKED)).toMatchObject([{ id: 2, closed: undefined }]);
  });

  it('of another zone is another one', () => {
    const table = new ConnectionTable();
    table.apply(news('opened', ASKED, { zone: 1 }), at(1));
    table.apply(news('opened', ASKED, { zone: 2 }), at(2));

    expect(found(table, ASKED).map(({ closed }) => closed)).toEqual([undefined, undefined]);
  });

  it('has the time of the kernel where the kernel tells it', () => {
    const table = new ConnectionTable();
    table.apply(news('opened', ASKED, { openedAt: T0 + 7 }), at(1));

    expect(found(table, ASKED)).toMatchObject([{ opened: { from: T0 + 7, to: T0 + 7 } }]);
  });
});

describe('a list of everything', () => {
  it('brings what was there before, of which the beginning is not known', () => {
    const table = new ConnectionTable();
    table.beginListing(T0);
    table.apply(news('listed', ASKED), at(1));
    table.endListing(T0 + 2 * SECOND, true);

    expect(found(table, ASKED)).toMatchObject([
      { listed: true, opened: { from: Number.NEGATIVE_INFINITY }, closed: undefined },
    ]);
    expect(table.listed).toBe(1);
  });

  it('ends what is not in it, unless it was opened meanwhile or the list is not whole', () => {
    const table = new ConnectionTable();
    const [gone, still, young] = [
      '10.0.0.1:1 > 10.0.0.9:80',
      '10.0.0.1:2 > 10.0.0.9:80',
      '10.0.0.1:3 > 10.0.0.9:80',
    ];
    for (const text of [gone, still]) table.apply(news('opened', text), at(1));

    table.beginListing(T0 + 5 * SECOND);
    table.endListing(T0 + 6 * SECOND, false);
    expect(found(table, gone)[0]!.closed).toBeUndefined();

    table.beginListing(T0 + 10 * SECOND);
    table.apply(news('listed', still), at(11));
    table.apply(news('opened', young), at(11));
    table.endListing(T0 + 12 * SECOND, true);

    expect(found(table, gone)[0]!.closed).toEqual({ from: at(1).to, to: T0 + 12 * SECOND });
    for (const text of [still, young]) expect(found(table, text)[0]!.closed).toBeUndefined();
  });
});

describe('bounds', () => {
  it('are kept: first goes what ended first, then what is not translated, then the oldest; each counted', () => {
    const table = new ConnectionTable({ maxConnections: 3, closedSecs: 300 });
    const open = (port: number, translated: boolean) =>
      table.apply(
        news('opened', `10.0.0.1:${port} > 198.51.100.2:80`, {
          ...(translated ? { answers: `172.31.0.2:80 > 10.0.0.1:${port}` } : {}),
        }),
        at(port),
      );
    const alive = () =>
      [1, 2, 3, 4, 5, 6].filter((port) => found(table, `10.0.0.1:${port} > 198.51.100.2:80`).length > 0);
    open(1, true);
    open(2, false);
    open(3, true);
    table.apply(news('closed', '10.0.0.1:3 > 198.51.100.2:80'), at(3));

    open(4, true);
    expect(alive()).toEqual([1, 2, 4]);
    open(5, true);
    expect(alive()).toEqual([1, 4, 5]);
    open(6, true);
    expect(alive()).toEqual([4, 5, 6]);
    expect(table).toMatchObject({ size: 3, evicted: 3 });
  });

  describe('for one pair of addresses', () => {
    const ping = (id: number) => {
      const opened = news('opened', '10.0.0.1 > 10.0.0.2', { protocol: 1, id });
      const icmp = { type: 8, code: 0, id };
      return { ...opened, orig: { ...opened.orig, icmp }, reply: { ...opened.reply, icmp } };
    };

    it('have room for somebody who pings each second, each time under another number, for as long as ends are kept', () => {
      const table = new ConnectionTable({ maxConnections: 65_536, closedSecs: 300 });
      for (let second = 0; second < 1000; second++) {
        table.expire(at(second).to);
        table.apply(ping(second), at(second));
        // nf_conntrack_icmp_timeout: 30 s.
        if (second >= 30) table.apply({ ...ping(second - 30), type: 'closed' }, at(second));
      }

      expect(found(table, '10.0.0.1 > 10.0.0.2', 1).length).toBeGreaterThan(300);
      expect(table.evicted).toBe(0);
    });

    it('hold in a flood, and leave nothing behind', () => {
      const table = new ConnectionTable({ maxConnections: 10_000, closedSecs: 1 });
      for (let id = 0; id < 1500; id++) table.apply(ping(id), at(1));

      expect(found(table, '10.0.0.1 > 10.0.0.2', 1)).toHaveLength(1024);
      expect(table).toMatchObject({ size: 1024, evicted: 1500 - 1024 });
    });
  });
});

it('knows within which times it did not hear everything', () => {
  const table = new ConnectionTable();
  table.lost({ from: T0, to: T0 + 10 });
  table.lost({ from: T0 + 5, to: T0 + 20 });
  table.lost({ from: T0 + 100, to: T0 + 110 });

  expect(table.heardAll(T0 - 10, T0 - 1)).toBe(true);
  expect(table.heardAll(T0 + 15, T0 + 16)).toBe(false);
  expect(table.heardAll(T0 + 21, T0 + 99)).toBe(true);
  expect(table.heardAll(T0 + 21, T0 + 100)).toBe(false);
});
