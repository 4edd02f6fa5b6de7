import { describe, expect, it } from 'vitest';
import { SampleBudget } from '../../../../analyzers/lib/dns-tunnel/distinct-history.ts';
import { DownlinkBytes } from '../../../../analyzers/lib/dns-tunnel/downlink-bytes.ts';
import type { DnsAnswer } from '../../../../src/model/dns.ts';
import { question, secs } from '../../../support/records.ts';

type Data = Partial<Omit<DnsAnswer, 'name'>>;

/** Bytes within ten minutes of what `answers` say to one name. */
function counted(answers: readonly Data[], labels = ['a', 'example', 'com'], withAddresses = true) {
  const downlink = new DownlinkBytes(new SampleBudget(0));
  for (const [i, answer] of answers.entries()) {
    const whole = { name: '', type: 'TXT', ttl: 60, bytes: 10, data: `"${i}"`, ...answer };
    downlink.note(question({ labels, time: secs(i), answers: [whole] }));
  }
  return { bytes: downlink.bytes(0, secs(answers.length), withAddresses), answers: downlink.answers };
}

describe('data that comes in with answers', () => {
  it('is counted once, however often it comes', () => {
    expect(counted([{ data: '"x"' }, { data: '"y"' }, { data: '"x"' }])).toEqual({ bytes: 20, answers: 2 });
  });

  it('is told apart by its length too, where the text was cut', () => {
    expect(
      counted([
        { data: '"x~', bytes: 300 },
        { data: '"x~', bytes: 301 },
      ]).answers,
    ).toBe(2);
  });

  it('counts long data whole, and again only what is new', () => {
    expect(counted([{ bytes: 5000 }]).bytes).toBe(5000);
    expect(
      counted([
        { bytes: 600, data: '"x"' },
        { bytes: 600, data: '"x"' },
      ]),
    ).toEqual({ bytes: 600, answers: 1 });
  });

  it.each(['RRSIG', 'DNSKEY', 'NSEC3', 'SOA', 'OPT'])(
    'is none in %s, which resolvers and zones make anew',
    (type) => {
      expect(counted([{ type, bytes: 100 }])).toEqual({ bytes: 0, answers: 0 });
    },
  );

  it('is none in a record without data', () => {
    expect(counted([{ bytes: 0, data: '' }])).toEqual({ bytes: 0, answers: 0 });
  });

  it.each([
    ['HTTPS', 64, 64],
    ['HTTPS', 65, 64],
    ['SVCB', 500, 64],
    ['TXT', 500, 500],
  ])('of %s with %i bytes is %i', (type, bytes, expected) => {
    expect(counted([{ type, bytes }]).bytes).toBe(expected);
  });

  it('of underscored names is a sixteenth', () => {
    expect(counted([{ bytes: 160 }], ['_dmarc', 'example', 'com']).bytes).toBe(10);
    expect(counted([{ bytes: 160 }], ['k1', '_domainkey', 'example', 'com']).bytes).toBe(10);
    expect(counted([{ bytes: 160 }], ['k1', 'domain_key', 'example', 'com']).bytes).toBe(160);
  });

  it('counts addresses only where they are not used as addresses', () => {
    const answers = [{ type: 'A', bytes: 4, data: '198.51.100.1' }, { bytes: 20 }];

    expect(counted(answers).bytes).toBe(24);
    expect(counted(answers, undefined, false).bytes).toBe(20);
  });

  it('is gone when its span is over', () => {
    const downlink = new DownlinkBytes(new SampleBudget(0));
    const answers = [{ name: '', type: 'TXT', ttl: 60, bytes: 10, data: '"x"' }];
    downlink.note(question({ labels: ['a', 'example', 'com'], time: secs(0), answers }));

    expect([599, 1200].map((time) => downlink.bytes(0, secs(time), true))).toEqual([10, 0]);
    expect(downlink.bytes(1, secs(1200), true)).toBe(10);
    expect(downlink.upperBound(2, secs(1200))).toBeGreaterThanOrEqual(10);
  });
});
