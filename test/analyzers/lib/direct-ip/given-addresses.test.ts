import { describe, expect, it } from 'vitest';
import { givenAddresses } from '../../../../analyzers/lib/direct-ip/given-addresses.ts';
import type { DnsAnswer } from '../../../../src/model/dns.ts';
import { question } from '../../../support/records.ts';

function given(...answers: readonly (readonly [type: string, data: string])[]) {
  const list: DnsAnswer[] = answers.map(([type, data]) => ({ name: 'x', type, ttl: 60, bytes: 0, data }));
  return givenAddresses(question({ labels: ['www', 'example', 'com'], answers: list }));
}

describe('addresses that an answer gives', () => {
  it('are those of A and AAAA records, under whatever name', () => {
    expect(given(['CNAME', 'cdn.example.net'], ['A', '198.51.100.7'], ['AAAA', '2001:db8::7'])).toEqual({
      addresses: ['198.51.100.7', '2001:db8::7'],
      isPartial: false,
    });
  });

  it('are the hints of service records, in bytes', () => {
    // 1 . alpn=h2 ipv4hint=198.51.100.7,198.51.100.8 ipv6hint=2001:db8::7
    const hex = `0001000001000302683200040008c6336407c633640800060010${'20010db8'}${'0'.repeat(22)}07`;

    expect(given(['HTTPS', `\\# ${hex.length / 2} ${hex}`]).addresses).toEqual([
      '198.51.100.7',
      '198.51.100.8',
      '2001:db8::7',
    ]);
  });

  it('are the hints of service records, in text', () => {
    const data =
      '1 svc.example.net. alpn="h2" ipv4hint=198.51.100.7,198.51.100.8 ipv6hint="2001:DB8::7"'.toLowerCase();

    expect(given(['SVCB', data]).addresses).toEqual(['198.51.100.7', '198.51.100.8', '2001:db8::7']);
  });

  it('are not all of them when the record was cut, or the answer has more than are kept', () => {
    expect(given(['HTTPS', '\\# 200 000100000500c0fe~'])).toEqual({ addresses: [], isPartial: true });
    expect(given(...Array.from({ length: 31 }, () => ['A', '198.51.100.7'] as const)).isPartial).toBe(false);
    expect(given(...Array.from({ length: 32 }, () => ['A', '198.51.100.7'] as const)).isPartial).toBe(true);
  });

  it.each([
    '',
    '\\# 0 ',
    '\\# 2 0001',
    '\\# 3 0001ff',
    '\\# 7 00010000040004',
    '\\# 9 0001000004ffffc633',
    'ipv4hint=',
    'ipv4hint=x',
  ])('are none in %j, and nothing breaks', (data) => {
    expect(given(['HTTPS', data]).addresses).toEqual([]);
  });

  it('are none of other records', () => {
    expect(given(['TXT', '"198.51.100.7"'], ['PTR', 'x.example.com']).addresses).toEqual([]);
  });
});
