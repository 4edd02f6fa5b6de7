import { describe, expect, it } from 'vitest';
import { innerText, judgeAddress } from '../../../analyzers/lib/address-kind.ts';

describe('an address', () => {
  it.each([
    ['198.51.100.7', 'outside'],
    ['9.255.255.255', 'outside'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'outside'],
    ['172.15.255.255', 'outside'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'outside'],
    ['192.168.0.1', 'private'],
    ['100.63.255.255', 'outside'],
    ['100.64.0.0', 'shared'],
    ['100.100.100.200', 'metadata'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.0', 'outside'],
    ['126.255.255.255', 'outside'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['128.0.0.0', 'outside'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['169.254.169.254', 'metadata'],
    ['169.254.169.253', 'link-local'],
    ['223.255.255.255', 'outside'],
    ['224.0.0.1', 'other'],
    ['255.255.255.255', 'other'],
    ['198.18.0.1', 'other'],
    ['2001:db8::7', 'outside'],
    ['3fff:ffff::1', 'outside'],
    ['4000::1', 'other'],
    ['fc00::1', 'private'],
    ['fd00:ec2::254', 'metadata'],
    ['fd20:ce::254', 'metadata'],
    ['fe80::a9fe:a9fe', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['168.63.129.17', 'outside'],
    ['fd00:ec2::253', 'private'],
    ['fe7f::1', 'other'],
    ['fe80::1', 'link-local'],
    ['fec0::1', 'private'],
    ['ff02::1', 'other'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
  ])('%s is %s, as it stands', (text, kind) => {
    const judged = judgeAddress(text)!;

    expect(judged.kind).toBe(kind);
    expect(judged.wrappedAs).toBeUndefined();
    expect(innerText(judged)).toBe(text);
  });

  it.each([
    ['64:ff9b::a00:5', 'NAT64', '10.0.0.5', 'private'],
    ['64:ff9b::c633:6407', 'NAT64', '198.51.100.7', 'outside'],
    ['64:ff9b:1::a9fe:a9fe', 'NAT64', '169.254.169.254', 'metadata'],
    ['2002:c0a8:105::1', '6to4', '192.168.1.5', 'private'],
    ['2002:c633:6407::', '6to4', '198.51.100.7', 'outside'],
    ['::7f00:1', 'IPv4-compatible', '127.0.0.1', 'loopback'],
  ])('%s is what it carries: %s of %s, %s', (text, wrappedAs, inner, kind) => {
    const judged = judgeAddress(text)!;

    expect(judged).toMatchObject({ wrappedAs, kind });
    expect(innerText(judged)).toBe(inner);
  });

  it('in its mapped form is IPv4', () => {
    expect(judgeAddress('::ffff:10.0.0.5')).toEqual(judgeAddress('10.0.0.5'));
  });

  it.each(['', 'db', '010.0.0.1', '10.0.0', '10.0.0.5/8'])('%j is none', (text) => {
    expect(judgeAddress(text)).toBeUndefined();
  });
});
