/** What the ARP messages of a capture say against each other, when nobody knows who is right. */
import { describe, expect, it } from 'vitest';
import type { LossRecord } from '../../src/model/record.ts';
import type { SpoofRecord } from '../../src/model/spoof.ts';
import { ArpContradictions } from '../../src/sensor/arp-contradictions.ts';
import { Decoder } from '../../src/sensor/decode/decoder.ts';
import { createTap } from '../../src/sensor/taps/tap.ts';
import { arp, ETHERTYPE, ethernet } from '../support/packet-builder.ts';
import { secs } from '../support/records.ts';

const A = { ip: '10.0.0.2', mac: '02:00:00:00:00:0a' };
const B = { ip: '10.0.0.3', mac: '02:00:00:00:00:0b' };
const EVIL = { ip: '10.0.0.66', mac: '02:00:00:00:00:66' };

interface Host {
  readonly ip: string;
  readonly mac: string;
}

function world() {
  const spoofs: SpoofRecord[] = [];
  const losses: LossRecord[] = [];
  const watch = new ArpContradictions({
    networkOf: () => undefined,
    onSpoof: (record) => spoofs.push(record),
    onLoss: (loss) => losses.push(loss),
  });
  const tap = createTap({ index: 0, interface: 'a.pcap', linkType: 1, vantage: 'file' });
  const decoder = new Decoder();
  const say = (at: number, op: number, from: Host, target: string): void => {
    const body = arp({ op, senderMac: from.mac, senderIp: from.ip, targetIp: target });
    const bytes = ethernet({ src: from.mac, type: ETHERTYPE.ARP }, body);
    const view = decoder.newView();
    decoder.decode(new DataView(bytes.buffer), 0, bytes.length, bytes.length, 1, view);
    watch.onArp(view, tap, secs(at));
  };
  return {
    spoofs,
    losses,
    watch,
    ask: (at: number, from: Host, target: string) => say(at, 1, from, target),
    reply: (at: number, from: Host, to: Host) => say(at, 2, from, to.ip),
    announce: (at: number, from: Host, op: 1 | 2 = 1) => say(at, op, from, from.ip),
  };
}

/** EVIL's MAC with somebody else's address. */
const as = (host: Host): Host => ({ ip: host.ip, mac: EVIL.mac });

describe('contradictions of ARP', () => {
  it('a reply that nobody asked for, for an address of another', () => {
    const { ask, reply, spoofs } = world();
    ask(0, EVIL, A.ip);
    reply(0.1, A, EVIL);
    reply(1, as(A), B);

    expect(spoofs).toMatchObject([
      {
        mismatch: 'contradiction',
        layer: 'arp',
        ip: A.ip,
        mac: EVIL.mac,
        rivalMac: A.mac,
        senderIp: EVIL.ip,
        target: B.ip,
        count: 1,
      },
    ]);
  });

  it('one whose rightful holder is not heard, by who has an address of its own', () => {
    const { ask, reply, spoofs } = world();
    reply(1, as(A), B);
    expect(spoofs).toEqual([]);
    ask(2, EVIL, A.ip);

    expect(spoofs).toMatchObject([{ ip: A.ip, mac: EVIL.mac, senderIp: EVIL.ip }]);
  });

  it.each([
    [5, 0],
    [5.1, 1],
  ])('an answer %f s after the question: %i', (delay, found) => {
    const { ask, announce, reply, spoofs } = world();
    announce(0, EVIL);
    ask(1, B, A.ip);
    reply(1 + delay, as(A), B);

    expect(spoofs).toHaveLength(found);
  });

  it.each([
    [1, 0],
    [1.1, 1],
  ])('an answer %f s after the first answer: %i', (delay, found) => {
    const { ask, reply, spoofs } = world();
    ask(0, B, A.ip);
    reply(0.1, A, B);
    reply(0.1 + delay, as(A), B);

    expect(spoofs).toHaveLength(found);
  });

  it('a question of the one does not excuse a reply to another', () => {
    const { ask, reply, spoofs } = world();
    ask(1, EVIL, A.ip);
    reply(1.1, as(A), B);

    expect(spoofs).toHaveLength(1);
  });

  it.each([
    [3, 60, 2],
    [3, 120, 0],
    [2, 60, 0],
  ])('two that take turns %i times within %f s: told of %i', (turns, within, found) => {
    const { announce, spoofs } = world();
    announce(0, A);
    announce(0.5, as(A));
    for (let i = 1; i <= turns; i++) {
      const at = (i * within) / (turns + 0.5);
      announce(at, A);
      announce(at + 0.1, as(A));
    }

    expect(new Set(spoofs.map(({ mac }) => mac)).size).toBe(found);
  });

  it('are told when first seen, once a minute, and at the end, with their number', () => {
    const { announce, reply, watch, spoofs } = world();
    announce(0, A);
    for (let at = 1; at <= 90; at++) reply(at, as(A), B);
    watch.finish(secs(100));

    expect(spoofs.map(({ count }) => count)).toEqual([1, 60, 29]);
    expect(spoofs.reduce((sum, { count }) => sum + count, 0)).toBe(90);
  });
});

describe('no contradiction is', () => {
  it.each<[string, (w: ReturnType<typeof world>) => void]>([
    [
      'an ordinary question and its answer',
      ({ ask, reply }) => {
        ask(0, A, B.ip);
        reply(0.1, B, A);
      },
    ],
    [
      'a failover: a virtual address announced by another, and back again',
      ({ announce }) => {
        for (const host of [A, B]) announce(0, host);
        announce(1, { ip: '10.0.0.100', mac: A.mac }, 2);
        announce(60, { ip: '10.0.0.100', mac: B.mac }, 2);
        announce(120, { ip: '10.0.0.100', mac: A.mac }, 2);
      },
    ],
    [
      'a restart with another MAC on the same address',
      ({ announce, ask }) => {
        announce(0, A);
        announce(10, { ip: A.ip, mac: '02:00:00:00:00:1a' });
        ask(11, { ip: A.ip, mac: '02:00:00:00:00:1a' }, B.ip);
      },
    ],
    [
      'proxy ARP: one MAC answers for many, to whoever asks',
      ({ ask, reply, announce }) => {
        announce(0, EVIL);
        for (let i = 1; i < 50; i++) {
          ask(i, A, `10.0.9.${i}`);
          reply(i + 0.01, { ip: `10.0.9.${i}`, mac: EVIL.mac }, A);
        }
      },
    ],
    [
      'a host with two addresses',
      ({ announce, ask }) => {
        announce(0, A);
        ask(1, { ip: '10.0.0.7', mac: A.mac }, B.ip);
      },
    ],
    [
      'a probe for an address before it is taken',
      ({ ask, announce }) => {
        announce(0, A);
        ask(1, { ip: '0.0.0.0', mac: EVIL.mac }, A.ip);
      },
    ],
  ])('%s', (_, happens) => {
    const w = world();
    happens(w);
    w.watch.finish(secs(1000));

    expect(w.spoofs).toEqual([]);
  });

  it('what was said under the old clock', () => {
    const { announce, reply, watch, spoofs } = world();
    announce(0, A);
    watch.clockSet();
    reply(1, as(A), B);

    expect(spoofs).toEqual([]);
  });
});

it('a flood of addresses is bounded, and what was forgotten is counted', () => {
  const { announce, watch, losses } = world();
  for (let i = 0; i < 5000; i++) announce(i / 1000, { ip: `10.1.${i >> 8}.${i & 255}`, mac: A.mac });
  watch.finish(secs(10));

  expect(losses).toMatchObject([{ source: 'source-check', where: 'addresses', count: 5000 - 4096 }]);
});
