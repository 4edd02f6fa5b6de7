import { describe, expect, it } from 'vitest';
import { FORWARDED, fateOf, textsOf } from '../../../../../src/sensor/audit/lib/firewall/fate.ts';
import { type Packets, port, prefixOf } from '../../../../../src/sensor/audit/lib/firewall/packets.ts';
import { parseIptablesSave } from '../../../../../src/sensor/host/firewall/iptables-save.ts';
import type { Ruleset } from '../../../../../src/sensor/host/firewall/ruleset.ts';
import { firewalld, saved } from './saved.ts';

const packets: Packets = { family: 'ipv4', from: 'eth0', to: 'br-a', protocols: ['tcp'] };

/** Rules of filter, FORWARD with its policy first; chains are declared by being named. */
function filter(policy: string, ...rules: readonly string[]): Ruleset[] {
  const chains = new Set(rules.map((rule) => rule.split(' ')[1]).filter((name) => name !== 'FORWARD'));
  const text = [
    ...['*filter', `:FORWARD ${policy} [0:0]`],
    ...[...chains].map((name) => `:${name} - [0:0]`),
    ...[...rules, 'COMMIT', ''],
  ].join('\n');
  return [parseIptablesSave(text, 'ipv4', 'iptables-nft')];
}

const fate = (rulesets: readonly Ruleset[], some = packets) => {
  const { state, through, by, doubts } = fateOf(rulesets, FORWARDED, some);
  return { state, through: textsOf(through), by: textsOf(by), doubts };
};

describe('the fate of packets', () => {
  it('is the policy’s where no rule decides', () => {
    expect(fate(filter('DROP'))).toMatchObject({ state: 'held', by: ['-P FORWARD DROP'] });
    expect(fate(filter('ACCEPT'))).toMatchObject({ state: 'open', through: ['-P FORWARD ACCEPT'] });
    expect(fate([{ family: 'ipv4', backend: 'iptables-nft', tables: [] }])).toMatchObject({ state: 'open' });
  });

  it('is not known where no rule of their family was read', () => {
    expect(fate(filter('DROP'), { ...packets, family: 'ipv6' })).toMatchObject({
      state: 'unknown',
      doubts: ['the rules for IPv6 could not be read'],
    });
  });

  it('follows jumps, and comes back; RETURN comes back early', () => {
    const rules = ['-A FORWARD -j a', '-A FORWARD -j DROP', '-A a -i eth0 -j RETURN', '-A a -j ACCEPT'];

    expect(fate(filter('ACCEPT', ...rules))).toMatchObject({ state: 'held', by: ['-A FORWARD -j DROP'] });
    expect(fate(filter('ACCEPT', ...rules), { ...packets, from: 'eth1' })).toMatchObject({
      state: 'open',
      through: ['-A a -j ACCEPT'],
    });
  });

  it('does not come back from goto to the chain that went there', () => {
    const rules = ['-A FORWARD -g a', '-A FORWARD -j DROP', '-A a -i eth9 -j DROP'];

    expect(fate(filter('ACCEPT', ...rules))).toMatchObject({ state: 'open', through: ['-P FORWARD ACCEPT'] });
    expect(fate(filter('ACCEPT', ...rules.map((rule) => rule.replace('-g', '-j'))))).toMatchObject({
      state: 'held',
    });
  });

  it('is open where a part gets through, and held where each part is dropped somewhere', () => {
    const parts = [
      '-A FORWARD -s 10.0.0.0/8 -j DROP',
      '-A FORWARD ! -s 10.0.0.0/8 -j DROP',
      '-A FORWARD -j ACCEPT',
    ];

    expect(fate(filter('ACCEPT', ...parts))).toMatchObject({ state: 'held' });
    expect(
      fate(filter('ACCEPT', parts[0]!, '-A FORWARD -s 10.1.0.0/16 -j ACCEPT', '-A FORWARD -j DROP')),
    ).toMatchObject({
      state: 'held',
    });
    expect(
      fate(
        filter(
          'ACCEPT',
          '-A FORWARD -s 10.0.0.0/16 -j DROP',
          '-A FORWARD -s 10.0.0.0/8 -j ACCEPT',
          '-A FORWARD -j DROP',
        ),
      ),
    ).toMatchObject({
      state: 'open',
      through: ['-A FORWARD -s 10.0.0.0/8 -j ACCEPT'],
    });
  });

  it('is in doubt only where what is not modelled decides', () => {
    const marked = '-A FORWARD -m physdev --physdev-is-bridged';

    expect(fate(filter('DROP', `${marked} -j ACCEPT`))).toMatchObject({
      state: 'unknown',
      doubts: [`${marked} -j ACCEPT`],
    });
    expect(fate(filter('ACCEPT', `${marked} -j DROP`))).toMatchObject({
      state: 'unknown',
      doubts: [`${marked} -j DROP`],
    });
    expect(fate(filter('ACCEPT', `${marked} -j ACCEPT`))).toMatchObject({ state: 'open' });
    expect(fate(filter('DROP', `${marked} -j DROP`))).toMatchObject({ state: 'held' });
    expect(fate(filter('DROP', `${marked} -j LOG`))).toMatchObject({ state: 'held' });
    expect(fate(filter('DROP', `${marked} -j a`, '-A a -i eth9 -j ACCEPT'))).toMatchObject({ state: 'held' });
    expect(fate(filter('ACCEPT', `${marked} -j a`, '-A a -j DROP'))).toMatchObject({ state: 'unknown' });
    expect(fate(filter('ACCEPT', '-A FORWARD -j NFQUEUE --queue-num 0'))).toMatchObject({ state: 'unknown' });
    expect(fate(filter('DROP', '-A FORWARD -j MARK --set-xmark 0x1/0x1'))).toMatchObject({ state: 'held' });
  });

  it('knows the mark of packets, which rules before set (as Tailscale does)', () => {
    const rules = [
      '-A FORWARD -j ts-forward',
      '-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000',
      '-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT',
    ];
    const restored = [...rules.slice(0, 1), '-A ts-forward -j CONNMARK --restore-mark', rules[2]!];

    expect(fate(filter('DROP', ...rules))).toMatchObject({ state: 'held' });
    expect(fate(filter('DROP', ...rules), { ...packets, from: 'tailscale0' })).toMatchObject({
      state: 'open',
      through: [rules[2]],
    });
    expect(fate(filter('DROP', ...restored))).toMatchObject({ state: 'unknown', doubts: [rules[2]] });
  });

  it('ends where chains lead in a circle, which no kernel loads', () => {
    expect(fate(filter('ACCEPT', '-A FORWARD -j a', '-A a -j a'))).toMatchObject({ state: 'unknown' });
  });

  it('stays bounded where every rule splits the rest', () => {
    const rules = Array.from({ length: 60 }, (_, i) => `-A FORWARD -s 10.${i}.0.0/16 -j c${i}`);
    const chains = rules.flatMap((_, i) => [
      `-A c${i} -p tcp -m tcp --dport ${i} -j DROP`,
      `-A c${i} -m set --match-set s${i} src -j DROP`,
    ]);

    expect(fate(filter('ACCEPT', ...rules, ...chains))).toMatchObject({ state: 'open' });
  });

  it('is dropped by any table of any tool, whatever the others accept', () => {
    const raw = '*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -j DROP\nCOMMIT\n';
    const legacy = parseIptablesSave(raw, 'ipv4', 'iptables-legacy');

    expect(fate([...filter('DROP', '-A FORWARD -j ACCEPT'), legacy])).toMatchObject({
      state: 'held',
      by: ['-A PREROUTING -i eth0 -j DROP'],
    });
  });

  it('meets zones of firewalld beside the rules of the engine: what DNAT rewrote passes, else what a zone lets in', () => {
    const both = [...saved('engine-28'), ...firewalld()];
    const published: Packets = {
      ...{ family: 'ipv4', from: 'eth0', to: 'br-front', protocols: ['tcp'], destinationPorts: port(80) },
      ...{ destination: prefixOf('172.30.1.2')!, sentTo: { port: 8080 } },
    };
    const { sentTo, ...direct } = published;
    const input = (number: number): Packets => ({
      ...{ family: 'ipv4', from: 'eth0', protocols: ['tcp'], destinationPorts: port(number) },
    });

    expect(sentTo).toBeDefined();
    expect(fateOf(both, ['forward'], published)).toMatchObject({ state: 'open', doubts: [] });
    expect(fateOf(both, ['forward'], direct)).toMatchObject({ state: 'held' });
    expect(fateOf(both, ['input'], input(22)).state).toBe('open');
    expect(fateOf(both, ['input'], input(8080)).state).toBe('held');
    expect(fateOf(firewalld(), ['forward'], { ...packets, family: 'ipv6' })).toMatchObject({ state: 'held' });
  });
});
