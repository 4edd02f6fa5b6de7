import { describe, expect, it } from 'vitest';
import { dropsOf } from '../../../../src/sensor/host/firewall/docker-drops.ts';
import { parseIptablesSave } from '../../../../src/sensor/host/firewall/iptables-save.ts';
import type { Ruleset } from '../../../../src/sensor/host/firewall/ruleset.ts';
import { recordedNft, recordedSave, recordedText } from './recorded.ts';

/** Those that have counted anything, as one line each. */
function counted(ruleset: Ruleset, bridges: readonly string[] = []): string[] {
  return dropsOf(ruleset, new Set(bridges))
    .filter(({ counters }) => counters.packets > 0)
    .map(({ reason, verdict, from, to, source, destination, counters }) =>
      [reason, verdict, from ?? '-', to ?? '-', source ?? '-', destination ?? '-', counters.packets].join(
        ' ',
      ),
    );
}

describe('the rules that hold packets back', () => {
  it('of a real engine 20.10: isolation, internal, icc, policy, and the operator’s two', () => {
    const ruleset = recordedSave('engine-20.10-nft.txt');
    const short = (line: string) => line.replaceAll(/br-[0-9a-f]{12}/g, 'br');

    const bridges = recordedText('engine-20.10-nft.txt').match(/br-[0-9a-f]{12}/g)!;

    expect(counted(ruleset, bridges).map(short).sort()).toEqual([
      'icc drop br br - - 3',
      'internal drop br - - - 3',
      'isolation drop - br - - 3',
      'operator drop - - - - 1',
      'operator reject - - 172.30.50.0/24 - 1',
      'policy drop - - - - 3',
    ]);
  });

  it('of an engine 28: raw table, DOCKER-INTERNAL, unpublished ports, encrypted overlays, chains behind DOCKER-USER', () => {
    expect(counted(recordedSave('engine-28-written.txt'), ['br-web', 'br-data']).sort()).toEqual([
      'direct drop - - - 172.30.60.2/32 40',
      'icc drop br-web br-web - - 9',
      'internal drop - br-data - - 6',
      'internal drop br-data - - - 8',
      'loopback drop - - - - 2',
      'operator drop - - - - 13',
      'operator drop eth7 br-web - - 4',
      'overlay drop - - - - 5',
      'policy drop - - - - 7',
      'unpublished drop - br-web - - 11',
    ]);
  });

  it('of an engine 29 with nftables, both families', () => {
    expect(
      recordedNft()
        .flatMap((ruleset) => counted(ruleset))
        .sort(),
    ).toEqual([
      'direct drop - - - 172.30.60.2 40',
      'icc drop br-web br-web - - 9',
      'internal drop - br-data - - 6',
      'internal drop br-data - - - 8',
      'isolation reject - br-web - - 1',
      'loopback drop - - - - 2',
      'unpublished drop - br-web - - 11',
    ]);
  });

  it('leaves out what other firewalls drop elsewhere, and a policy that accepts', () => {
    const text = `*filter
:INPUT DROP [9:9]
:FORWARD ACCEPT [9:9]
:DOCKER - [0:0]
:ufw-user-input - [0:0]
[9:9] -A INPUT -p tcp -m tcp --dport 22 -j DROP
[9:9] -A FORWARD -i tun0 -j DROP
[9:9] -A ufw-user-input -j DROP
COMMIT
`;

    expect(counted(parseIptablesSave(text, 'ipv4', 'iptables-nft'), ['br-web'])).toEqual([]);
  });

  it('ends where chains of the operator’s lead in a circle', () => {
    const text = `*filter
:DOCKER-USER - [0:0]
:a - [0:0]
[1:1] -A DOCKER-USER -j a
[1:1] -A a -j DOCKER-USER
[2:2] -A a -j DROP
COMMIT
`;

    expect(counted(parseIptablesSave(text, 'ipv4', 'iptables-nft'))).toEqual(['operator drop - - - - 2']);
  });

  it('are each known by their text; the same text twice in a chain is two rules', () => {
    const text = (order: readonly string[]) =>
      `*filter\n:DOCKER-USER - [0:0]\n${order.map((rule) => `[1:1] -A DOCKER-USER ${rule}\n`).join('')}COMMIT\n`;
    const keys = (...order: string[]) =>
      dropsOf(parseIptablesSave(text(order), 'ipv4', 'iptables-nft'), new Set()).map(({ key }) => key);

    expect(new Set(keys('-j DROP', '-j DROP')).size).toBe(2);
    expect(keys('-i a -j DROP', '-i b -j DROP').sort()).toEqual(keys('-i b -j DROP', '-i a -j DROP').sort());
  });
});
