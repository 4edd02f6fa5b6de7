import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IpWords, parseIp } from '../../../src/model/ip.ts';
import { communityId } from '../../../src/sensor/flow/community-id.ts';
import { icmpAnswerType } from '../../../src/sensor/flow/icmp-ports.ts';

/** github.com/corelight/community-id-spec, baseline_deflt.json and baseline_seed1.json, seeds 0 and 1. */
const VECTORS: readonly [number, string, string, number | undefined, number | undefined, string, string][] = [
  [
    58,
    'fe80::200:86ff:fe05:80da',
    'fe80::260:97ff:fe07:69ea',
    135,
    136,
    '1:dGHyGvjMfljg6Bppwm3bg0LO8TY=',
    '1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=',
  ],
  [
    58,
    'fe80::260:97ff:fe07:69ea',
    'fe80::200:86ff:fe05:80da',
    136,
    135,
    '1:dGHyGvjMfljg6Bppwm3bg0LO8TY=',
    '1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=',
  ],
  [
    58,
    'fe80::260:97ff:fe07:69ea',
    'fe80::200:86ff:fe05:80da',
    135,
    136,
    '1:zavyT/cezQr1fmImYCwYnMXbgck=',
    '1:2hSqmsDZ2kdcY9kbiUzOEBic0iM=',
  ],
  [
    58,
    'fe80::200:86ff:fe05:80da',
    'fe80::260:97ff:fe07:69ea',
    136,
    135,
    '1:zavyT/cezQr1fmImYCwYnMXbgck=',
    '1:2hSqmsDZ2kdcY9kbiUzOEBic0iM=',
  ],
  [
    58,
    '3ffe:501:1800:2345::2',
    '3ffe:507:0:1:200:86ff:fe05:80da',
    3,
    0,
    '1:2ObVBgIn28oZvibYZhZMBgh7WdQ=',
    '1:lVEtCZpYu84Xqaa++3lXFyuu2n4=',
  ],
  [
    58,
    '3ffe:501:410:0:2c0:dfff:fe47:33e',
    '3ffe:507:0:1:200:86ff:fe05:80da',
    1,
    4,
    '1:hLZd0XGWojozrvxqE0dWB1iM6R0=',
    '1:W8MHwXpWzpoSTD+cGcaJr4u0ys8=',
  ],
  [
    58,
    '3ffe:507:0:1:200:86ff:fe05:80da',
    '3ffe:501:0:1001::2',
    128,
    129,
    '1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=',
    '1:GfZxjAkDk2MkegpBYHV6tadtFXQ=',
  ],
  [
    58,
    '3ffe:501:0:1001::2',
    '3ffe:507:0:1:200:86ff:fe05:80da',
    129,
    128,
    '1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=',
    '1:GfZxjAkDk2MkegpBYHV6tadtFXQ=',
  ],
  [
    58,
    'fe80::200:86ff:fe05:80da',
    'ff02::2',
    133,
    134,
    '1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=',
    '1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8=',
  ],
  [
    58,
    'fe80::260:97ff:fe07:69ea',
    'ff02::1',
    134,
    133,
    '1:pkvHqCL88/tg1k4cPigmZXUtL00=',
    '1:K/ee5UCqAMAQXDorP5nSa2CGLjc=',
  ],
  [
    1,
    '192.168.0.89',
    '192.168.0.1',
    8,
    0,
    '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=',
    '1:03g6IloqVBdcZlPyX8r0hgoE7kA=',
  ],
  [
    1,
    '192.168.0.1',
    '192.168.0.89',
    0,
    8,
    '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=',
    '1:03g6IloqVBdcZlPyX8r0hgoE7kA=',
  ],
  [1, '10.0.0.1', '10.0.0.2', 11, 0, '1:YHxtAirCG//0OzkcVAukqKQN9xM=', '1:XjUibYHaafLQ3pxQeiMI8g25q20='],
  [
    6,
    '2001:470:e5bf:dead:4957:2174:e82c:4887',
    '2607:f8b0:400c:c03::1a',
    63943,
    25,
    '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=',
    '1:eJYTW6AOzFLlSUoESovMjnu7rMw=',
  ],
  [
    6,
    '2607:f8b0:400c:c03::1a',
    '2001:470:e5bf:dead:4957:2174:e82c:4887',
    25,
    63943,
    '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=',
    '1:eJYTW6AOzFLlSUoESovMjnu7rMw=',
  ],
  [
    132,
    '192.168.170.8',
    '192.168.170.56',
    7,
    7,
    '1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=',
    '1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=',
  ],
  [
    132,
    '192.168.170.56',
    '192.168.170.8',
    7,
    7,
    '1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=',
    '1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=',
  ],
  [
    6,
    '128.232.110.120',
    '66.35.250.204',
    34855,
    80,
    '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
    '1:3V71V58M3Ksw/yuFALMcW0LAHvc=',
  ],
  [
    6,
    '66.35.250.204',
    '128.232.110.120',
    80,
    34855,
    '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
    '1:3V71V58M3Ksw/yuFALMcW0LAHvc=',
  ],
  [
    17,
    '192.168.1.52',
    '8.8.8.8',
    54585,
    53,
    '1:d/FP5EW3wiY1vCndhwleRRKHowQ=',
    '1:Q9We8WO3piVF8yEQBNJF4uiSVrI=',
  ],
  [
    17,
    '8.8.8.8',
    '192.168.1.52',
    53,
    54585,
    '1:d/FP5EW3wiY1vCndhwleRRKHowQ=',
    '1:Q9We8WO3piVF8yEQBNJF4uiSVrI=',
  ],
  [
    46,
    '10.1.12.1',
    '10.1.12.2',
    undefined,
    undefined,
    '1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=',
    '1:rYir8gphR31noO9iDRQmF/BteEI=',
  ],
  [
    46,
    '10.1.12.2',
    '10.1.12.1',
    undefined,
    undefined,
    '1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=',
    '1:rYir8gphR31noO9iDRQmF/BteEI=',
  ],
];

function idOf(
  protocol: number,
  src: string,
  dst: string,
  srcPort: number | undefined,
  dstPort: number | undefined,
  seed = 0,
): string {
  return communityId(
    {
      protocol,
      src: parseIp(src)!,
      dst: parseIp(dst)!,
      ...(srcPort !== undefined && dstPort !== undefined && { srcPort, dstPort }),
    },
    seed,
  );
}

/** The specification again, the long way: buffers compared and hashed by node:crypto. */
function oracle(
  v6: boolean,
  protocol: number,
  src: IpWords,
  dst: IpWords,
  sport: number,
  dport: number,
): string {
  const address = (words: IpWords) => {
    const buffer = Buffer.alloc(16);
    words.forEach((word, i) => {
      buffer.writeUInt32BE(word, 4 * i);
    });
    return v6 ? buffer : buffer.subarray(12);
  };
  let ends = [
    { ip: address(src), port: sport },
    { ip: address(dst), port: dport },
  ] as const;
  const order = Buffer.compare(ends[0].ip, ends[1].ip) || ends[0].port - ends[1].port;
  if (order > 0) ends = [ends[1], ends[0]];
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(ends[0].port, 0);
  ports.writeUInt16BE(ends[1].port, 2);
  const input = Buffer.concat([
    Buffer.from([0, 0]),
    ends[0].ip,
    ends[1].ip,
    Buffer.from([protocol, 0]),
    ports,
  ]);
  return `1:${createHash('sha1').update(input).digest('base64')}`;
}

describe('communityId', () => {
  it.each(VECTORS)(
    'protocol %i, %s -> %s, ports %s and %s',
    (protocol, src, dst, sport, dport, seed0, seed1) => {
      expect(idOf(protocol, src, dst, sport, dport)).toBe(seed0);
      expect(idOf(protocol, src, dst, sport, dport, 1)).toBe(seed1);
    },
  );

  it('agrees with an independent implementation on any TCP, UDP or SCTP tuple', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const v6 = fc.tuple(fc.integer({ min: 1, max: 0xffffffff }), word, word, word);
    const v4 = word.map((w3): IpWords => [0, 0, 0xffff, w3]);
    const port = fc.integer({ min: 0, max: 65_535 });
    const ends = fc.oneof(fc.tuple(fc.constant(true), v6, v6), fc.tuple(fc.constant(false), v4, v4));
    fc.assert(
      fc.property(
        ends,
        fc.constantFrom(6, 17, 132),
        port,
        port,
        ([isV6, src, dst], protocol, srcPort, dstPort) => {
          expect(communityId({ protocol, src, dst, srcPort, dstPort })).toBe(
            oracle(isV6, protocol, src, dst, srcPort, dstPort),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is the same for both directions when only the ports differ', () => {
    expect(idOf(6, '10.0.0.1', '10.0.0.1', 5, 9)).toBe(idOf(6, '10.0.0.1', '10.0.0.1', 9, 5));
    expect(idOf(6, '10.0.0.1', '10.0.0.1', 5, 9)).not.toBe(idOf(6, '10.0.0.1', '10.0.0.1', 5, 10));
  });

  it('compares addresses as unsigned', () => {
    expect(idOf(17, '200.0.0.1', '10.0.0.1', 1, 2)).toBe(idOf(17, '10.0.0.1', '200.0.0.1', 2, 1));
  });
});

describe('icmpAnswerType', () => {
  it('pairs each request with its reply, both ways', () => {
    for (const isV6 of [false, true]) {
      for (let type = 0; type < 256; type++) {
        const answer = icmpAnswerType(isV6, type);
        if (answer >= 0) expect(icmpAnswerType(isV6, answer)).toBe(type);
      }
    }
    expect(icmpAnswerType(false, 3)).toBe(-1);
    expect(icmpAnswerType(true, 1)).toBe(-1);
  });
});
