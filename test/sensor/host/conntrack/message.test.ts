import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConntrackMessage,
  dumpRequest,
  readDatagram,
} from '../../../../src/sensor/host/conntrack/message.ts';
import { concat, control, encode, fromHex, header, news, RECORDED, viewOf } from './messages.ts';

function read(bytes: Uint8Array, length = bytes.length): ConntrackMessage[] {
  const messages: ConntrackMessage[] = [];
  readDatagram(viewOf(bytes), 0, length, (message) => messages.push(message));
  return messages;
}

describe('what the kernel tells of a connection', () => {
  it('is read from a recorded beginning', () => {
    expect(read(fromHex(RECORDED.opened))).toEqual([
      {
        type: 'connection',
        news: {
          type: 'opened',
          orig: { src: '127.0.0.1', dst: '127.0.0.1', protocol: 6, srcPort: 0xd254, dstPort: 8080 },
          reply: { src: '127.0.0.1', dst: '127.0.0.1', protocol: 6, srcPort: 8080, dstPort: 0xd254 },
          id: 0x960a1121,
          zone: 0,
          established: false,
        },
      },
    ]);
  });

  it('is read from a recorded handshake that went through, and over IPv6', () => {
    expect(read(fromHex(RECORDED.established))).toMatchObject([
      { news: { type: 'changed', established: true, id: 0x960a1121 } },
    ]);
    expect(read(fromHex(RECORDED.openedOverIpv6))).toMatchObject([
      { news: { type: 'opened', orig: { src: '::1', dst: '::1', dstPort: 8080 } } },
    ]);
  });

  it('keeps both directions apart where both ends are rewritten', () => {
    const told = news('listed', '172.30.0.2:4000 > 198.51.100.2:8080', {
      answers: '172.31.0.2:80 > 172.31.0.1:4000',
      established: true,
      id: 7,
      zone: 300,
    });

    expect(read(encode(told))).toEqual([{ type: 'connection', news: told }]);
  });

  it('is read from several messages of one datagram', () => {
    const first = encode(news('listed', '10.0.0.1:1 > 10.0.0.2:2'));
    const second = encode(news('closed', '10.0.0.1:3 > 10.0.0.2:4', { protocol: 17 }));

    expect(read(concat([first, second, control(3, 9)]))).toMatchObject([
      { news: { type: 'listed' } },
      { news: { type: 'closed', orig: { protocol: 17 } } },
      { type: 'done', sequence: 9, interrupted: false },
    ]);
  });

  it('tells a refusal by its errno, and an interrupted list', () => {
    expect(read(control(2, 5, 22))).toEqual([{ type: 'refused', sequence: 5, errno: 22 }]);
    expect(read(control(2, 5, 0))).toEqual([]);
    expect(read(control(3, 5, 0, 0x10))).toEqual([{ type: 'done', sequence: 5, interrupted: true }]);
  });

  it('of another subsystem or another family is passed over', () => {
    const other = encode(news('opened', '10.0.0.1:1 > 10.0.0.2:2'));
    viewOf(other).setUint16(4, 0x0200, true);
    const bridge = encode(news('opened', '10.0.0.1:1 > 10.0.0.2:2'));
    bridge[16] = 7;

    expect(read(concat([other, bridge]))).toEqual([]);
  });
});

describe('bytes that are not what they promise', () => {
  it('cut anywhere are malformed, and never a connection', () => {
    const whole = fromHex(RECORDED.openedOverIpv6);
    for (let length = 1; length < whole.length; length++) {
      expect(read(whole, length)).toEqual([{ type: 'malformed' }]);
      // The same bytes with a length that fits them: the cut is then inside an attribute, or between two.
      const cut = whole.slice(0, length);
      if (length >= 16) viewOf(cut).setUint32(0, length, true);
      for (const message of read(cut)) expect(['malformed', 'connection']).toContain(message.type);
    }
  });

  it('with lengths of attributes that point outside are malformed', () => {
    const bytes = fromHex(RECORDED.opened);
    for (const length of [0, 3, 0xffff]) {
      viewOf(bytes).setUint16(20, length, true);
      expect(read(bytes)).toEqual([{ type: 'malformed' }]);
    }
  });

  it('with a length of zero end the datagram, and do not hang', () => {
    expect(read(concat([header(0, 0x100, 0), header(16, 3, 0)]))).toEqual([{ type: 'malformed' }]);
  });

  it('are never thrown, whatever they are, and never read beyond their end', () => {
    const recorded = fromHex(RECORDED.openedOverIpv6);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(recorded.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(recorded.length),
        (changes, length) => {
          const bytes = recorded.slice(0, length);
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          // A view that ends with the bytes: reading beyond them would throw.
          read(bytes);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

it('the request is a dump of all families', () => {
  const request = viewOf(dumpRequest(77));

  expect(request.getUint32(0, true)).toBe(20);
  expect(request.getUint16(4, true)).toBe(0x101);
  expect(request.getUint16(6, true)).toBe(0x301);
  expect(request.getUint32(8, true)).toBe(77);
});
