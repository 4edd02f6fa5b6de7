import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { LAYER } from '../../../src/sensor/decode/packet-view.ts';
import {
  FLOW_EVENT,
  type FlowEnd,
  FlowTable,
  type FlowTableOptions,
} from '../../../src/sensor/flow/table.ts';
import {
  bytes,
  ETHERTYPE,
  ethernet,
  type FrameFields,
  fragmentHeader,
  frame,
  IPPROTO,
  icmp,
  ipv4,
  ipv6,
  LINKTYPE,
  tcpFrame,
  udp,
  udpFrame,
  vlan,
  vxlan,
} from '../../support/packet-builder.ts';

const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;
const A = '10.0.0.2';
const B = '198.51.100.7';

interface Ended {
  readonly uid: string;
  readonly orig: string;
  readonly state: string;
  readonly history: string;
  readonly reason: FlowEnd;
}

/** A table fed with frames, as the pipeline feeds it. Time is in seconds since START. */
function tableUnderTest(options: FlowTableOptions = {}, onEnd?: (slot: number) => void) {
  const ended: Ended[] = [];
  const decoder = new Decoder();
  const view = decoder.newView();
  const table = new FlowTable(
    {
      onEnd(slot, reason) {
        onEnd?.(slot);
        ended.push({
          uid: table.uid(slot),
          orig: `${table.origIp(slot)}:${table.origPort(slot) ?? '-'}`,
          state: table.connState(slot),
          history: table.history(slot),
          reason,
        });
      },
    },
    options,
  );
  return {
    table,
    ended,
    decoder,
    see(data: Uint8Array, secs = 0, ifIndex = 0): number {
      const slab = new DataView(data.buffer, data.byteOffset, data.byteLength);
      decoder.decode(slab, 0, data.length, data.length, LINKTYPE.ETHERNET, view);
      const slot = table.observe(view, START + secs * SECOND, ifIndex);
      if (view.inner !== undefined && (view.layers & LAYER.INNER) !== 0) {
        return table.observe(view.inner, START + secs * SECOND, ifIndex);
      }
      return slot;
    },
  };
}

const out: FrameFields = { src: A, dst: B };
const back: FrameFields = { src: B, dst: A };
const request = (payload = 10, sport = 40_000) =>
  udpFrame({ ...out, sport, dport: 53 }, new Uint8Array(payload));
const reply = (payload = 20, sport = 40_000) =>
  udpFrame({ ...back, sport: 53, dport: sport }, new Uint8Array(payload));

describe('FlowTable: an address that goes to another', () => {
  const addressOf = (ip: string) => parseIp(ip)!;

  it('ends its flows at either end, on that interface only, and begins anew with the next packet', () => {
    const { table, see, ended } = tableUnderTest();
    see(request(), 0, 1);
    see(udpFrame({ src: B, dst: A, sport: 9, dport: 9 }), 0, 1);
    const elsewhere = see(request(), 0, 2);
    const other = see(udpFrame({ src: B, dst: '10.0.0.3', sport: 9, dport: 9 }), 0, 1);

    table.endFlowsOf([{ ifIndex: 1, ip: addressOf(A) }]);

    expect(ended.map(({ orig, reason }) => `${orig} ${reason}`).sort()).toEqual([
      `${A}:40000 closed`,
      `${B}:9 closed`,
    ]);
    expect(see(request(), 1, 2)).toBe(elsewhere);
    expect(see(udpFrame({ src: B, dst: '10.0.0.3', sport: 9, dport: 9 }), 1, 1)).toBe(other);
    see(request(), 1, 1);
    expect(table.events).toBe(FLOW_EVENT.NEW);
  });

  it('ends those of an IPv6 address, and none that only ends alike', () => {
    const { table, see, ended } = tableUnderTest();
    const v6 = (src: string) => udpFrame({ src, dst: '2001:db8::1', sport: 9, dport: 9 });
    see(v6('2001:db8::a:2'));
    see(v6('2001:db8:1::a:2'));

    table.endFlowsOf([{ ifIndex: 0, ip: addressOf('2001:db8::a:2') }]);

    expect(ended.map(({ orig }) => orig)).toEqual(['2001:db8::a:2:9']);
    expect(table.size).toBe(1);
  });

  it('ends those of many addresses at once, each once, and leaves the rows of flows that ended before alone', () => {
    const { table, see, ended } = tableUnderTest();
    const from = (i: number) => udpFrame({ src: `10.0.${i >> 8}.${i & 255}`, dst: B, sport: 9, dport: 9 });
    for (let i = 0; i < 600; i++) see(from(i));
    const release = (first: number, last: number) =>
      table.endFlowsOf(
        Array.from({ length: last - first }, (_, i) => first + i).map((i) => ({
          ifIndex: 0,
          ip: addressOf(`10.0.${i >> 8}.${i & 255}`),
        })),
      );

    release(100, 400);
    release(300, 450);

    expect(ended).toHaveLength(350);
    expect(new Set(ended.map(({ orig }) => orig)).size).toBe(350);
    expect(table.size).toBe(250);
    for (let i = 0; i < 600; i++) see(from(i));
    expect([table.size, table.created]).toEqual([600, 950]);
  });
});

describe('FlowTable: counting', () => {
  it('finds one flow for both directions and counts IP bytes each way', () => {
    const { table, see } = tableUnderTest();

    const first = see(request(10));
    const events = table.events;
    const second = see(reply(20), 0.5);

    expect(second).toBe(first);
    expect(events).toBe(FLOW_EVENT.NEW);
    expect(table.events).toBe(FLOW_EVENT.FIRST_ANSWER);
    expect(table.fromOrig).toBe(false);
    expect([table.origBytes(first), table.respBytes(first)]).toEqual([38, 48]);
    expect([table.origPackets(first), table.respPackets(first)]).toEqual([1, 1]);
    expect([table.origIp(first), table.origPort(first)]).toEqual([A, 40_000]);
    expect([table.respIp(first), table.respPort(first)]).toEqual([B, 53]);
    expect(table.first(first)).toBe(START);
    expect(table.last(first)).toBe(START + 0.5 * SECOND);
    expect(table.connState(first)).toBe('SF');
    expect(table.history(first)).toBe('Dd');
    expect(table.protocolName(first)).toBe('udp');
  });

  it('does not count link padding', () => {
    const { table, see } = tableUnderTest();
    const padded = new Uint8Array(60);
    padded.set(request(1));

    const slot = see(padded);

    expect(table.origBytes(slot)).toBe(29);
  });

  it('counts no flow for what is not IP', () => {
    const { table, see } = tableUnderTest();

    expect(see(ethernet({ type: 0x88cc }, bytes(1, 2, 3)))).toBe(-1);
    expect(table.ignored).toBe(1);
    expect(table.size).toBe(0);
  });

  it.each([
    ['interface', (i: number) => [request(), i] as const],
    ['port', (i: number) => [request(10, 40_000 + i), 0] as const],
    [
      'VLAN',
      (i: number) =>
        [
          ethernet(
            { type: ETHERTYPE.VLAN },
            vlan({ id: 10 + i }, ipv4({ src: A, dst: B }, udp({ sport: 1, dport: 2 }))),
          ),
          0,
        ] as const,
    ],
    [
      'protocol',
      (i: number) => [ethernet({}, ipv4({ src: A, dst: B, protocol: 46 + i }, bytes(1))), 0] as const,
    ],
  ])('keeps flows apart that differ in %s', (_name, make) => {
    const { table, see } = tableUnderTest();

    const slots = [0, 1, 0].map((i) =>
      see(...([...make(i)].toSpliced(1, 0, 0) as [Uint8Array, number, number])),
    );

    expect(slots[0]).not.toBe(slots[1]);
    expect(slots[2]).toBe(slots[0]);
    expect(table.size).toBe(2);
  });

  it('takes IPv6 and IPv4 through one path', () => {
    const { table, see } = tableUnderTest();

    const slot = see(udpFrame({ src: '2001:db8::1', dst: '2001:db8::2', sport: 1000, dport: 53 }, bytes(1)));

    expect(table.origIp(slot)).toBe('2001:db8::1');
    expect(table.origBytes(slot)).toBe(49);
  });

  it('follows the frame inside VXLAN as a flow of its own, with the network identifier', () => {
    const { table, see } = tableUnderTest();
    const inner = udpFrame({ src: '10.1.0.2', dst: '10.1.0.3', sport: 5, dport: 6 }, bytes(1));

    const slot = see(udpFrame({ src: A, dst: B, sport: 7, dport: 4789 }, vxlan({ vni: 4097 }, inner)));

    expect(table.size).toBe(2);
    expect(table.origIp(slot)).toBe('10.1.0.2');
    expect(table.vni(slot)).toBe(4097);
  });
});

describe('FlowTable: fragments', () => {
  it('counts later fragments to the flow of the first', () => {
    const { table, see } = tableUnderTest();
    const datagram = udp({ sport: 40_000, dport: 53, length: 8 + 40 }, new Uint8Array(16));

    const first = see(ethernet({}, ipv4({ src: A, dst: B, id: 9, moreFragments: true }, datagram)));
    const later = see(
      ethernet(
        {},
        ipv4({ src: A, dst: B, id: 9, fragmentOffset: 24, protocol: IPPROTO.UDP }, new Uint8Array(24)),
      ),
    );

    expect(later).toBe(first);
    expect(table.origBytes(first)).toBe(44 + 44);
  });

  it('keeps fragments without a first as a flow without ports', () => {
    const { table, see } = tableUnderTest();
    const v6 = ipv6(
      {
        src: '2001:db8::1',
        dst: '2001:db8::2',
        nextHeader: IPPROTO.UDP,
        extensions: [fragmentHeader({ offset: 8 })],
      },
      new Uint8Array(8),
    );

    const slot = see(ethernet({}, v6));

    expect(table.protocolName(slot)).toBe('udp');
    expect(table.origPort(slot)).toBeUndefined();
    expect(table.communityId(slot)).toBeUndefined();
  });
});

describe('FlowTable: direction', () => {
  it('turns a flow round that begins with SYN-ACK', () => {
    const { table, see } = tableUnderTest();

    const slot = see(tcpFrame({ ...back, sport: 443, dport: 40_000, flags: 'SA', seq: 1, ack: 1 }));

    expect(table.origIp(slot)).toBe(A);
    expect(table.history(slot)).toBe('^h');
    expect(table.coverage(slot)).toBe('started-midstream');
    expect(table.events).toBe(FLOW_EVENT.NEW | FLOW_EVENT.FIRST_ANSWER);
  });

  it('takes a server port as the responder in TCP midstream', () => {
    const { table, see } = tableUnderTest();

    const slot = see(tcpFrame({ ...back, sport: 5432, dport: 40_000, flags: 'PA' }, bytes(1)));

    expect(table.origIp(slot)).toBe(A);
    expect(table.history(slot)).toBe('^d');
  });

  it('believes server ports of UDP while the capture is young, and not later', () => {
    const { table, see } = tableUnderTest({ datagramAnsweredSecs: 120 });

    const young = see(reply(), 1);
    const [youngOrig, youngState] = [table.origIp(young), table.connState(young)];
    for (let t = 2; t <= 121; t += 10) see(request(1, 50_000), t);
    const old = see(udpFrame({ ...back, sport: 53, dport: 41_000 }, bytes(1)), 121);

    expect(youngOrig).toBe(A);
    expect(youngState).toBe('SHR');
    expect(table.origIp(old)).toBe(B);
    expect(table.history(old)).toBe('D');
  });
});

describe('FlowTable: ICMP', () => {
  it('joins echo and reply, and keeps one-way messages apart by direction', () => {
    const { table, see } = tableUnderTest();
    const echo = (type: number, code = 0) => icmp({ type, code, id: 7, seq: 1 }, bytes(1, 2, 3));

    const ping = see(frame(out, echo(8)));
    const pong = see(frame(back, echo(0)));
    const unreachable = see(frame(out, echo(3, 3)));
    const otherWay = see(frame(back, echo(3, 3)));

    expect(pong).toBe(ping);
    expect(table.icmp(ping)).toEqual({ type: 8, code: 0 });
    expect(otherWay).not.toBe(unreachable);
    expect(table.icmp(unreachable)).toEqual({ type: 3, code: 3 });
    expect(table.origPort(ping)).toBeUndefined();
  });
});

describe('FlowTable: ends', () => {
  it('keeps a silent flow up to its time-out and ends it soon after', () => {
    const { ended, see, table } = tableUnderTest({ datagramOneWaySecs: 30 });

    see(request());
    table.advance(START + 30 * SECOND);
    const before = ended.length;
    table.advance(START + 32 * SECOND);

    expect(before).toBe(0);
    expect(ended).toMatchObject([{ orig: `${A}:40000`, state: 'S0', reason: 'idle' }]);
    expect(table.size).toBe(0);
  });

  it('lets packets keep a flow alive', () => {
    const { ended, see, table } = tableUnderTest({ datagramOneWaySecs: 30 });

    for (let t = 0; t <= 300; t += 25) see(request(), t);

    expect(ended).toEqual([]);
    expect(table.created).toBe(1);
  });

  it('ends a closed connection a moment after its last FIN, as closed', () => {
    const { ended, see, table } = tableUnderTest({ tcpOverSecs: 5 });
    const ports = { sport: 40_000, dport: 80 };
    see(tcpFrame({ ...out, ...ports, flags: 'S', seq: 100 }));
    see(tcpFrame({ ...back, sport: 80, dport: 40_000, flags: 'SA', seq: 500, ack: 101 }));
    see(tcpFrame({ ...out, ...ports, flags: 'FA', seq: 101, ack: 501 }));
    const openEvents = table.events;
    see(tcpFrame({ ...back, sport: 80, dport: 40_000, flags: 'FA', seq: 501, ack: 102 }));
    const closedEvents = table.events;

    table.advance(START + 4 * SECOND);
    const early = ended.length;
    table.advance(START + 6 * SECOND);

    expect(openEvents & FLOW_EVENT.OVER).toBe(0);
    expect(closedEvents & FLOW_EVENT.OVER).toBe(FLOW_EVENT.OVER);
    expect(early).toBe(0);
    expect(ended).toMatchObject([{ state: 'SF', history: 'ShFf', reason: 'closed' }]);
  });

  it('begins a new flow when a closed connection is opened again', () => {
    const { ended, see, table } = tableUnderTest();
    see(tcpFrame({ ...out, sport: 40_000, dport: 80, flags: 'S', seq: 100 }));
    see(tcpFrame({ ...back, sport: 80, dport: 40_000, flags: 'RA', seq: 0, ack: 101 }));

    see(tcpFrame({ ...out, sport: 40_000, dport: 80, flags: 'S', seq: 900 }), 0.1);

    expect(ended).toMatchObject([{ state: 'REJ', history: 'Sr', reason: 'closed' }]);
    expect(table.created).toBe(2);
  });

  it('takes the same SYN sent again for the same connection', () => {
    const { ended, see, table } = tableUnderTest();

    for (const t of [0, 1, 3, 7, 15])
      see(tcpFrame({ ...out, sport: 40_000, dport: 80, flags: 'S', seq: 100 }), t);

    expect(ended).toEqual([]);
    expect(table.created).toBe(1);
  });

  it('splits a flow at a silence longer than its time-out even when the clock was clamped', () => {
    const { ended, see, table } = tableUnderTest();

    see(request(), 0);
    see(request(), 86_400 * 90);

    expect(table.timeJumps).toBe(1);
    expect(ended).toMatchObject([{ reason: 'idle' }]);
    expect(table.created).toBe(2);
  });

  it('does not expire other flows for one wild timestamp', () => {
    const { ended, see, table } = tableUnderTest({ datagramOneWaySecs: 90 });

    for (let port = 0; port < 50; port++) see(request(1, 50_000 + port), 1);
    see(request(1, 1), 86_400 * 365);
    for (let port = 0; port < 50; port++) see(request(1, 50_000 + port), 2);

    expect(ended).toEqual([]);
    expect(table.created).toBe(51);
    expect(table.timeJumps).toBe(2);
  });

  it('flush ends everything and leaves an empty table', () => {
    const { ended, see, table } = tableUnderTest();
    for (let port = 0; port < 1000; port++) see(request(1, 10_000 + port), port / 1000);

    table.flush();

    expect(ended).toHaveLength(1000);
    expect(new Set(ended.map((end) => end.reason))).toEqual(new Set(['shutdown']));
    expect(new Set(ended.map((end) => end.uid)).size).toBe(1000);
    expect(table.size).toBe(0);
    expect(see(request(1, 10_000), 2)).toBeGreaterThanOrEqual(0);
  });
});

describe('FlowTable: bounds', () => {
  it('never holds more than maxFlows, counts what it gave up, and tells each end', () => {
    const { ended, see, table } = tableUnderTest({ maxFlows: 100 });

    for (let port = 0; port < 250; port++) see(request(1, 10_000 + port), port / 100);

    expect(table.size).toBe(100);
    expect(table.evicted).toBe(150);
    expect(ended.map((end) => end.orig)).toEqual(Array.from({ length: 150 }, (_, i) => `${A}:${10_000 + i}`));
    expect(table.created).toBe(table.size + table.evicted);
  });

  it('gives up connection attempts before established connections', () => {
    const { ended, see, table } = tableUnderTest({ maxFlows: 100 });
    for (let i = 0; i < 50; i++) {
      see(tcpFrame({ ...out, sport: 20_000 + i, dport: 80, flags: 'S', seq: 1 }));
      see(tcpFrame({ ...back, sport: 80, dport: 20_000 + i, flags: 'SA', seq: 1, ack: 2 }));
    }

    for (let i = 0; i < 1000; i++) see(tcpFrame({ ...out, sport: 30_000 + i, dport: 81, flags: 'S' }), 1);

    expect(ended).toHaveLength(950);
    expect(new Set(ended.map((end) => end.state))).toEqual(new Set(['S0']));
    expect(table.size).toBe(100);
  });

  it('finds every live flow after much coming and going', () => {
    const { see, table } = tableUnderTest({ maxFlows: 64, datagramOneWaySecs: 5, seed: 99 });
    const live = new Map<number, number>();
    let now = 0;
    for (let i = 0; i < 20_000; i++) {
      const port = 1024 + ((i * 7919) % 90);
      now += 0.01;
      const slot = see(request(1, port), now);
      live.set(port, slot);
      expect(table.origPort(slot)).toBe(port);
    }
    expect(table.size).toBeLessThanOrEqual(64);
    expect(table.created).toBe(table.size + table.evicted);
  });

  it('refuses limits that it cannot hold', () => {
    expect(() => new FlowTable({ onEnd() {} }, { maxFlows: 0 })).toThrow(RangeError);
    expect(() => new FlowTable({ onEnd() {} }, { maxFlows: 2 ** 22 })).toThrow(RangeError);
  });
});

describe('FlowTable: warm', () => {
  it('changes nothing but the speed', () => {
    const run = (warm: boolean) => {
      const decoder = new Decoder();
      const table = new FlowTable({ onEnd() {} }, { maxFlows: 50, seed: 3 });
      const views = Array.from({ length: 16 }, () => decoder.newView());
      const slots: number[] = [];
      for (let round = 0; round < 100; round++) {
        for (const [i, view] of views.entries()) {
          const data = request(i, 1000 + ((round * 7 + i * 13) % 61));
          decoder.decode(new DataView(data.buffer), 0, data.length, data.length, 1, view);
        }
        const interfaces = views.map((_, i) => i % 2);
        if (warm) table.warm(views, views.length, interfaces);
        for (const [i, view] of views.entries()) {
          slots.push(table.observe(view, START + round * 1000, interfaces[i]!));
        }
      }
      return { slots, created: table.created, evicted: table.evicted };
    };

    expect(run(true)).toEqual(run(false));
  });
});

describe('FlowTable: warm, trains', () => {
  // Each differs from the one before in one part of the key, or in nothing but direction.
  const train = [
    { frame: request(1), interface: 0 },
    { frame: request(2), interface: 0 },
    { frame: reply(3), interface: 0 },
    { frame: reply(3), interface: 1 },
    { frame: request(1), interface: 1 },
    { frame: request(1, 4242), interface: 1 },
    { frame: tcpFrame({ ...out, sport: 4242, dport: 53, flags: 'S' }), interface: 1 },
    { frame: udpFrame({ ...out, src: '10.9.9.9', sport: 4242, dport: 53 }), interface: 1 },
    { frame: request(1, 4242), interface: 1 },
    { frame: new Uint8Array(60), interface: 1 },
    { frame: request(1, 4242), interface: 1 },
  ];

  function slotsOf(order: typeof train, warm: boolean): number[][] {
    const decoder = new Decoder();
    const table = new FlowTable({ onEnd() {} }, { maxFlows: 50, seed: 3 });
    const views = order.map(() => decoder.newView());
    // The second round must find what the first one entered, whoever stood before it then.
    return [order, [...order].reverse()].map((packets, round) => {
      for (const [i, { frame }] of packets.entries()) {
        decoder.decode(
          new DataView(frame.buffer, frame.byteOffset),
          0,
          frame.length,
          frame.length,
          1,
          views[i]!,
        );
      }
      const interfaces = packets.map((packet) => packet.interface);
      if (warm) table.warm(views, packets.length, interfaces);
      return views.map((view, i) => table.observe(view, START + round * 1000, interfaces[i]!));
    });
  }

  it('tells every part of the key apart', () => {
    const slots = slotsOf(train, true);

    expect(slots).toEqual(slotsOf(train, false));
    expect(new Set(slots[0]!.filter((slot) => slot >= 0)).size).toBe(5);
    expect(slots[1]!.toReversed()).toEqual(slots[0]);
  });
});

describe('FlowTable: roll-up', () => {
  it('hands out each byte once: by drain, or at the end', () => {
    const drained: unknown[] = [];
    const { see, table } = tableUnderTest();
    const slot = see(request(10));
    see(reply(20), 1);

    table.drainTouched((...delta) => drained.push(delta));
    table.drainTouched((...delta) => drained.push(delta));
    see(request(30), 2);
    table.drainTouched((...delta) => drained.push(delta));

    expect(drained).toEqual([
      [slot, 38, 48, 1, 1, true],
      [slot, 58, 0, 1, 0, false],
    ]);
  });

  it('visits only flows that spoke', () => {
    const visited: number[] = [];
    const { see, table } = tableUnderTest();
    const quiet = see(request(1, 1));
    see(request(1, 2), 0);
    table.drainTouched(() => {});
    const busy = see(request(1, 2), 60);

    table.drainTouched((slot) => visited.push(slot));

    expect(visited).toEqual([busy]);
    expect(visited).not.toContain(quiet);
  });

  it('sums to the totals of the flows over many drains', () => {
    let sum = 0;
    let sent = 0;
    const add = (_slot: number, orig: number, resp: number) => {
      sum += orig + resp;
    };
    const { see, table } = tableUnderTest({ maxFlows: 20 }, (slot) => table.takeDelta(slot, add));
    for (let i = 0; i < 3000; i++) {
      see(request(i % 100, 1000 + (i % 45)), i * 0.05);
      sent += 28 + (i % 100);
      if (i % 250 === 0) table.drainTouched(add);
    }
    table.drainTouched(add);

    expect(table.evicted).toBeGreaterThan(0);
    expect(sum).toBe(sent);
  });

  it('reports a long flow once each active time-out', () => {
    const active: number[] = [];
    const { see, table } = tableUnderTest({ activeTimeoutSecs: 60 });
    for (let t = 0; t <= 200; t += 10) {
      see(request(), t);
      table.drainTouched(
        () => {},
        () => active.push(t),
      );
    }

    expect(active).toEqual([60, 120, 180]);
  });
});
