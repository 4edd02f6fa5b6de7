import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { cidrContains, formatCidr, formatIp, type IpWords, parseCidr, parseIp } from '../../src/model/ip.ts';

const word = fc.oneof(
  fc.constantFrom(0, 1, 0xffff, 0xffff0000, 0x10000, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const anyWords = fc.tuple(word, word, word, word);

/** The same address in ipaddr.js, which is the oracle here. */
function oracle(words: IpWords): ipaddr.IPv4 | ipaddr.IPv6 {
  const bytes = words.flatMap((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255]);
  const v6 = new ipaddr.IPv6(bytes);
  return v6.isIPv4MappedAddress() ? v6.toIPv4Address() : v6;
}

describe('formatIp', () => {
  it('writes what ipaddr.js writes', () => {
    fc.assert(
      fc.property(anyWords, (words) => {
        const expected = oracle(words);

        const text = formatIp(...words);

        expect(text).toBe(expected instanceof ipaddr.IPv6 ? expected.toRFC5952String() : expected.toString());
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', 'the first of two equal runs is shortened'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1', 'a single zero group is not shortened'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1', 'the longest run is shortened'],
    ['0:0:0:0:0:0:0:0', '::', 'all zeros'],
    ['1:0:0:0:0:0:0:0', '1::', 'a run at the end'],
    ['::FFFF:198.51.100.7', '198.51.100.7', 'mapped IPv4 is shown as IPv4'],
    ['::198.51.100.7', '::c633:6407', 'compatible IPv4 is not'],
  ])('%s -> %s: %s', (from, to) => {
    expect(formatIp(...parseIp(from)!)).toBe(to);
  });
});

describe('parseIp', () => {
  it('reads back every address it wrote', () => {
    fc.assert(
      fc.property(anyWords, (words) => {
        expect(parseIp(formatIp(...words))).toEqual(words);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    ':1::',
    '1::2:',
    'fe80::1%eth0',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '1..2.3',
    '0x1.2.3.4',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

describe('cidr', () => {
  it('contains exactly what ipaddr.js says it contains', () => {
    fc.assert(
      fc.property(
        anyWords,
        fc.integer({ min: 0, max: 128 }),
        fc.integer({ min: 0, max: 128 }),
        (words, bits, flip) => {
          const network = new ipaddr.IPv6(oracleBytes(words));
          const flipped = flipBit(words, flip);
          const address = new ipaddr.IPv6(oracleBytes(flipped));

          const cidr = parseCidr(`${network.toNormalizedString()}/${bits}`)!;

          expect(cidrContains(cidr, flipped)).toBe(address.match(network, bits));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('keeps the two families apart', () => {
    const everyV4 = parseCidr('0.0.0.0/0')!;

    expect(everyV4.family).toBe(4);
    expect(cidrContains(everyV4, parseIp('255.255.255.255')!)).toBe(true);
    expect(cidrContains(everyV4, parseIp('::1')!)).toBe(false);
    expect(parseCidr('::/0')!.family).toBe(6);
  });

  it('clears the bits beyond the prefix', () => {
    expect(formatCidr(parseCidr('172.30.1.77/20')!)).toBe('172.30.0.0/20');
    expect(formatCidr(parseCidr('2001:db8::77/64')!)).toBe('2001:db8::/64');
    expect(formatCidr(parseCidr('10.0.0.0/32')!)).toBe('10.0.0.0/32');
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    'x/8',
    '/8',
    '::/1 ',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

function oracleBytes(words: IpWords): number[] {
  return words.flatMap((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255]);
}

/** Bit 128 stands for none. */
function flipBit(words: IpWords, bit: number): IpWords {
  const out: [number, number, number, number] = [...words];
  const at = bit >>> 5;
  if (at < 4) out[at] = (out[at]! ^ (0x80000000 >>> (bit & 31))) >>> 0;
  return out;
}
