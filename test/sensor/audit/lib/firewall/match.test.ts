import { describe, expect, it } from 'vitest';
import { fitOf } from '../../../../../src/sensor/audit/lib/firewall/match.ts';
import {
  isEmpty,
  type Packets,
  port,
  prefixOf,
} from '../../../../../src/sensor/audit/lib/firewall/packets.ts';
import { parseIptablesSave } from '../../../../../src/sensor/host/firewall/iptables-save.ts';
import { parseNftJson } from '../../../../../src/sensor/host/firewall/nft-json.ts';
import type { Rule } from '../../../../../src/sensor/host/firewall/ruleset.ts';

function iptables(words: string): Rule {
  const text = `*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD ${words} -j DROP\nCOMMIT\n`;
  return parseIptablesSave(text, 'ipv4', 'iptables-nft').tables[0]!.chains[0]!.rules[0]!;
}

function nft(...expr: readonly object[]): Rule {
  const rule = { family: 'ip', table: 't', chain: 'c', expr: [...expr, { drop: null }] };
  return parseNftJson(JSON.stringify({ nftables: [{ rule }] }))[0]!.tables[0]!.chains[0]!.rules[0]!;
}

const payload = (protocol: string, field: string, right: unknown, op = '==') => ({
  match: { op, left: { payload: { protocol, field } }, right },
});
const meta = (key: string, right: unknown, op = '==') => ({ match: { op, left: { meta: { key } }, right } });

/** From a container to a neighbour's port: both are known. */
const exact: Packets = {
  ...{ family: 'ipv4', from: 'br-a', to: 'br-b', protocols: ['tcp'], destinationPorts: port(80) },
  ...{ source: prefixOf('172.30.1.2')!, destination: prefixOf('172.30.2.0/24')! },
};
const any: Packets = { family: 'ipv4', from: 'eth0', to: 'br-b' };
const translated: Packets = { ...exact, from: 'eth0', sentTo: { port: 8080 } };

const kindOf = (rule: Rule, packets: Packets) => fitOf(rule, packets).kind;

describe('what of some packets a rule of iptables is about', () => {
  it.each([
    ['-i br-a', 'all'],
    ['! -i br-a', 'none'],
    ['-i br-b', 'none'],
    ['-i br-+', 'all'],
    ['! -i eth+', 'all'],
    ['-o br-b -i br-a', 'all'],
    ['-s 172.30.1.0/24', 'all'],
    ['-s 172.30.1.3/32', 'none'],
    ['! -s 172.30.1.0/24', 'none'],
    ['! -s 10.0.0.0/8', 'all'],
    ['-s 0.0.0.0/0', 'all'],
    ['-d 172.30.2.7/32', 'part'],
    ['! -d 172.30.2.7/32', 'part'],
    ['-p tcp', 'all'],
    ['-p udp', 'none'],
    ['! -p udp', 'all'],
    ['-p 6', 'all'],
    ['-p tcp -m tcp --dport 80', 'all'],
    ['-p tcp -m tcp --dport 79:81', 'all'],
    ['-p tcp -m tcp ! --dport 80', 'none'],
    ['-p tcp -m multiport --dports 25,80,443', 'all'],
    ['-p tcp -m tcp --dport 8080', 'none'],
    ['-p tcp -m tcp --sport 53', 'part'],
    ['-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN', 'all'],
    ['-m conntrack --ctstate RELATED,ESTABLISHED', 'none'],
    ['-m conntrack ! --ctstate RELATED,ESTABLISHED', 'all'],
    ['-m state --state NEW', 'all'],
    ['-m conntrack --ctstate DNAT', 'none'],
    ['-m conntrack --ctorigdstport 80', 'all'],
    ['-m conntrack --ctdir REPLY', 'none'],
    ['-m addrtype --dst-type LOCAL', 'none'],
    ['-m addrtype ! --dst-type LOCAL', 'all'],
    ['-m mark --mark 0x1', 'none'],
    ['-m mark ! --mark 0x1', 'all'],
    ['-m mark --mark 0x0/0xff', 'all'],
    ['-m set --match-set banned src', 'unknown'],
    ['-m limit --limit 3/min', 'unknown'],
    ['-m physdev --physdev-is-bridged', 'unknown'],
    ['-i br-b -m physdev --physdev-is-bridged', 'none'],
    ['-m comment --comment "-i eth9"', 'all'],
  ] as const)('%s: %s', (words, kind) => {
    expect(kindOf(iptables(words), exact)).toBe(kind);
  });

  it('knows the published port of what DNAT has rewritten, beside the one that it has now', () => {
    expect(kindOf(iptables('-p tcp -m tcp --dport 8080'), translated)).toBe('none');
    expect(kindOf(iptables('-p tcp -m tcp --dport 80'), translated)).toBe('all');
    expect(kindOf(iptables('-m conntrack --ctorigdstport 8080'), translated)).toBe('all');
    expect(kindOf(iptables('-m conntrack --ctorigdstport 80'), translated)).toBe('none');
    expect(kindOf(iptables('-m conntrack --ctstate DNAT'), translated)).toBe('all');
    expect(kindOf(iptables('-m conntrack --ctorigdst 198.51.100.2'), translated)).toBe('unknown');
  });

  it('does not know an interface outside by name, only that it is no bridge of the engine’s', () => {
    const outside: Packets = { ...any, from: new Set(['lo', 'br-a', 'br-b']) };

    expect(kindOf(iptables('-i br-a'), outside)).toBe('none');
    expect(kindOf(iptables('! -i br-a'), outside)).toBe('all');
    expect(kindOf(iptables('-i eth0'), outside)).toBe('unknown');
    expect(kindOf(iptables('-i br-+'), outside)).toBe('unknown');
    expect(kindOf(iptables('-i +'), outside)).toBe('all');
  });

  it('splits a set into the part and the rest, of which nothing is left when all of it was taken', () => {
    const web = fitOf(iptables('-s 10.0.0.0/8 -p tcp -m tcp --dport 80'), any);
    if (web.kind !== 'part') throw new Error(web.kind);

    expect(web.part).toMatchObject({
      protocols: ['tcp'],
      destinationPorts: port(80),
      source: prefixOf('10.0.0.0/8'),
    });
    expect(isEmpty(web.rest)).toBe(false);
    expect(
      isEmpty({
        ...web.rest,
        source: prefixOf('10.1.0.0/16')!,
        protocols: ['tcp'],
        destinationPorts: port(80),
      }),
    ).toBe(true);
    expect(
      isEmpty({
        ...web.rest,
        source: prefixOf('10.1.0.0/16')!,
        protocols: ['tcp'],
        destinationPorts: port(81),
      }),
    ).toBe(false);
    expect(
      isEmpty({
        ...web.rest,
        source: prefixOf('11.0.0.0/8')!,
        protocols: ['tcp'],
        destinationPorts: port(80),
      }),
    ).toBe(false);

    const but = fitOf(iptables('! -s 10.0.0.0/8'), any);
    if (but.kind !== 'part') throw new Error(but.kind);
    expect(but.rest.source).toEqual(prefixOf('10.0.0.0/8'));
    expect(isEmpty({ ...but.part, source: prefixOf('10.9.0.0/16')! })).toBe(true);
  });
});

describe('what of some packets a rule of nft is about', () => {
  it.each([
    ['interfaces of a set', nft(meta('iifname', { set: ['br-a', 'br-c'] })), 'all'],
    ['interfaces by their beginning', nft(meta('iifname', 'br-*')), 'all'],
    ['another interface', nft(meta('oifname', 'br-a')), 'none'],
    ['a set of ports', nft(payload('tcp', 'dport', { set: [25, { range: [79, 81] }] })), 'all'],
    ['protocols of a set', nft(meta('l4proto', { set: ['tcp', 'udp'] })), 'all'],
    ['addresses of a named set', nft(payload('ip', 'saddr', '@friends')), 'unknown'],
    [
      'an address of IPv6',
      nft(payload('ip6', 'daddr', { prefix: { addr: '::ffff:0.0.0.0', len: 96 } })),
      'none',
    ],
    ['all but an address of IPv6', nft(payload('ip6', 'daddr', 'fd00::1', '!=')), 'none'],
    ['its family', nft(meta('nfproto', 'ipv4')), 'all'],
    ['the other family', nft(meta('nfproto', 'ipv6')), 'none'],
    ['its protocol in the header', nft(payload('ip', 'protocol', 'tcp')), 'all'],
    [
      'an address of the host',
      nft({ match: { op: '==', left: { fib: { result: 'type', flags: ['daddr'] } }, right: 'local' } }),
      'none',
    ],
    [
      'what was rewritten',
      nft({ match: { op: 'in', left: { ct: { key: 'status' } }, right: 'dnat' } }),
      'none',
    ],
    ['a mark', nft(meta('mark', 1)), 'unknown'],
    ['a line in the log', nft({ log: { prefix: 'x' } }), 'all'],
    ['so many a minute', nft({ limit: { rate: 3, per: 'minute' } }), 'unknown'],
  ] as const)('%s: %j', (_, rule, kind) => {
    expect(kindOf(rule, exact)).toBe(kind);
  });
});
