import { describe, expect, it } from 'vitest';
import { DnsView, decodeDns } from '../../../src/sensor/decode/dns.ts';
import { isDns } from '../../../src/sensor/decode/dns-plausible.ts';
import { answer, bytes, concat, dnsQuery, dnsResponse, hex, u16 } from '../../support/packet-builder.ts';

function judge(message: Uint8Array, complete = true): boolean {
  const view = new DnsView();
  const data = new DataView(message.buffer, message.byteOffset, message.byteLength);
  decodeDns(data, 0, message.length, complete, view);
  return isDns(view);
}

const header = (flags: number, ...counts: readonly number[]): Uint8Array =>
  concat(bytes(0x12, 0x34), u16(flags), ...[...counts, 0, 0, 0, 0].slice(0, 4).map(u16));
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 197 + 91) & 0xff);

describe('what is a DNS message', () => {
  it.each([
    ['a question', dnsQuery({ name: 'a.test', edns: {} })],
    ['an answer', dnsResponse({ name: 'a.test', answers: [answer.a('198.51.100.1')] })],
    ['the root', dnsQuery({ name: '' })],
    ['a refusal of a header alone', header(0x8001)],
    ['a stateful operation, which has no sections', concat(header(0x3000), noise(20))],
    ['a question with bytes behind it', concat(dnsQuery({ name: 'a.test' }), noise(100))],
    [
      'a question whose other counts are wrong',
      concat(header(0x0100, 1, 9000), dnsQuery({ name: 'a.test' }).slice(12)),
    ],
    [
      'an opcode that there is not, with a question',
      concat(header(0x7900, 1), dnsQuery({ name: 'a.test' }).slice(12)),
    ],
  ])('%s', (_, message) => {
    expect(judge(message)).toBe(true);
  });

  it.each([
    ['iodine in raw mode, logging in', concat(hex('10 d1 9e 10'), noise(16))],
    ['iodine in raw mode, with data', concat(hex('10 d1 9e 20'), noise(300))],
    ['iodine in raw mode, keeping alive', hex('10 d1 9e 30')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a WireGuard handshake', concat(hex('01 00 00 00'), noise(144))],
    ['less than a header', header(0x0100, 1).slice(0, 11)],
    ['a query that asks nothing, and bytes', concat(header(0x0100), noise(40))],
    ['an answer of a header alone, and bytes', concat(header(0x8180), noise(40))],
    ['a question that cannot be read', concat(header(0x0100, 1), bytes(0xc0, 0x0c, 0, 1, 0, 1))],
    [
      'more questions than there is room for',
      concat(header(0x0100, 40), dnsQuery({ name: 'a.test' }).slice(12)),
    ],
  ])('is not: %s', (_, message) => {
    expect(judge(message)).toBe(false);
  });

  it('gives the benefit of the doubt to what the capture cut', () => {
    expect(judge(header(0x0100, 1).slice(0, 11), false)).toBe(true);
    expect(judge(dnsQuery({ name: 'a-long-name.test' }).slice(0, 16), false)).toBe(true);
    // But counts of ciphertext fit no message.
    expect(judge(concat(hex('10 d1 9e 20'), noise(100)), false)).toBe(false);
  });

  it('is never random bytes, but by a chance of one in ten thousand', () => {
    let taken = 0;
    const random = seeded(7);
    for (let i = 0; i < 20_000; i++) {
      const message = Uint8Array.from({ length: 12 + (i % 300) }, random);
      if (judge(message)) taken++;
    }
    expect(taken).toBeLessThanOrEqual(2);
  });
});

/** xorshift32; the low byte of each number. */
function seeded(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x & 0xff;
  };
}
