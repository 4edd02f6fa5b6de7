/** Initial packets as RFC 9001 prints them, and what may be done to them. */
import { describe, expect, it } from 'vitest';
import { bytes, concat, u16 } from '../../support/packet-builder.ts';
import { ContentWorld, converse } from './conversation.ts';
import { quicInitial, RFC_9001 } from './quic-packet.ts';

const HELLO = RFC_9001.crypto.slice(4);
const FOUND = { service: 'quic', serverName: 'example.com', serverNameFrom: 'quic-sni' };

/** A CRYPTO frame of the hello's bytes [from, to). */
function crypto(from: number, to: number): Uint8Array {
  return concat(bytes(6), u16(0x4000 | from), u16(0x4000 | (to - from)), HELLO.slice(from, to));
}

describe('the packets of this test', () => {
  it('are those that RFC 9001 A.2 prints', () => {
    const packet = quicInitial();

    expect(packet).toHaveLength(1200);
    expect([...packet.slice(0, 22)]).toEqual([...RFC_9001.protectedHeader]);
    expect([...packet.slice(22, 38)]).toEqual([...RFC_9001.sample]);
  });
});

describe('the name in a ClientHello over QUIC', () => {
  it('is read from the Initial of RFC 9001', () => {
    expect(converse('udp', [['client', quicInitial()]])).toEqual(FOUND);
  });

  it('is read from frames out of order, with PING and padding between', () => {
    const frames = concat(
      crypto(120, HELLO.length),
      bytes(1, 0, 0),
      crypto(60, 120),
      bytes(1),
      crypto(0, 60),
    );

    expect(converse('udp', [['client', quicInitial(frames)]])).toEqual(FOUND);
  });

  it('is read from two datagrams, the second one first', () => {
    const says = [quicInitial(crypto(100, HELLO.length), 1), quicInitial(crypto(0, 100), 0)];

    expect(converse('udp', [['client', says[0]!]])).toEqual({ service: 'quic' });
    expect(
      converse(
        'udp',
        says.map((packet) => ['client', packet]),
      ),
    ).toEqual(FOUND);
  });

  it.each([
    [4, FOUND],
    [5, { service: 'quic' }],
  ])('of %i packets in one datagram: a flood of tiny ones costs no more than four', (packets, found) => {
    const edge = (i: number) => Math.floor((HELLO.length * i) / packets);
    const datagram = concat(
      ...Array.from({ length: packets }, (_, i) => quicInitial(crypto(edge(i), edge(i + 1)), i)),
    );

    expect(converse('udp', [['client', datagram]])).toEqual(found);
  });

  it('is absent when the packet was changed on its way', () => {
    const packet = quicInitial();
    packet[600]! ^= 1;

    expect(converse('udp', [['client', packet]])).toEqual({ service: 'quic' });
  });

  it('is not looked for in more than 500 datagrams a second', () => {
    const world = new ContentWorld();
    const slots = Array.from({ length: 501 }, (_, i) => world.datagram('client', quicInitial(), 10_000 + i));

    expect(world.content.of(slots[499]!)).toEqual(FOUND);
    expect(world.content.of(slots[500]!)).toEqual({ service: 'quic' });
    expect(world.content.lost).toBe(1);
    world.content.tick();
    expect(world.content.of(world.datagram('client', quicInitial(), 20_000))).toEqual(FOUND);
  });
});
