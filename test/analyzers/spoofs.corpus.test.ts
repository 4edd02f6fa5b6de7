/** arp-spoof, ip-spoof and rogue-gateway over real captures, without an inventory of containers. */
import { describe, expect, it } from 'vitest';
import arpSpoof from '../../analyzers/arp-spoof.ts';
import ipSpoof from '../../analyzers/ip-spoof.ts';
import rogueGateway from '../../analyzers/rogue-gateway.ts';
import { capturesIn, findingRecordsIn, innocentCaptures, isCorpusThere } from '../support/corpus.ts';

const analyzers = [arpSpoof, ipSpoof, rogueGateway];
const NETWORKS = ['a=10.0.0.0/8', 'b=172.16.0.0/12', 'c=192.168.0.0/16'];
const POISONED = /arp-?(spoof|poison)/;

const isThere = isCorpusThere('arp-spoof, ip-spoof and rogue-gateway');

describe.skipIf(!isThere)('spoofs in real captures', () => {
  it('both ends of a poisoned conversation are one finding, from the first message on', async () => {
    const records = await findingRecordsIn('own/arp-spoof-20s.pcap', { analyzers });

    expect(records[0]).toMatchObject({
      analyzer: 'arp-spoof',
      message: 'contradiction',
      status: 'open',
      subject: { ip: '172.28.5.23', mac: '6e:ea:4d:d3:73:46' },
      evidence: { claims: 1 },
    });
    expect(records.at(-1)!.evidence).toMatchObject({ addresses: ['172.28.5.2', '172.28.5.10'], claims: 40 });
    expect(new Set(records.map(({ id }) => id)).size).toBe(1);
  });

  it('a poisoner whose victim never spoke by ARP is found by its two addresses', async () => {
    const records = await findingRecordsIn('malicious/packets--arppoison.pcapng', { analyzers });

    expect(records[0]).toMatchObject({
      message: 'contradiction',
      confidence: 'low',
      subject: { ip: '172.16.0.105', mac: '00:25:b3:bf:91:ee' },
      evidence: { addresses: ['172.16.0.1'] },
    });
  });

  it('nobody is accused in ordinary traffic, and in what attacks of other kinds look like', {
    timeout: 120_000,
  }, async () => {
    const found: string[] = [];
    for (const file of [...innocentCaptures(), ...capturesIn('malicious')].filter(
      (name) => !POISONED.test(name),
    )) {
      for (const { analyzer, severity, message } of await findingRecordsIn(file, { analyzers }))
        found.push(`${file} ${analyzer} ${severity} ${message}`);
    }

    expect(found).toEqual([]);
  });

  it('nobody above low where the private ranges are networks', { timeout: 120_000 }, async () => {
    const found: string[] = [];
    for (const file of capturesIn('benign')) {
      for (const { analyzer, severity, message } of await findingRecordsIn(file, {
        analyzers,
        networks: NETWORKS,
      }))
        if (severity !== 'low') found.push(`${file} ${analyzer} ${severity} ${message}`);
    }

    expect(found).toEqual([]);
  });
});
