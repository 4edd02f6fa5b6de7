import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { concerns, interestIn, interestOf, merged } from '../../../src/sensor/evidence/interest.ts';
import { arp, dockerMac, ETHERTYPE, ethernet, icmp, ipv4, vxlan } from '../../support/packet-builder.ts';
import { datagram, IP, segment } from '../pipeline-run.ts';
import { finding, HOST_MAC, worldOf } from './collector-run.ts';

const world = worldOf();
const OTHER = '198.51.100.99';

function end(ip: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    ip,
    scope: 'internet',
    names: [],
    attribution: { method: 'range', confidence: 'certain' },
    ...more,
  };
}

/** With all that the inventory has of it. */
function container(name: string, ip: string): Endpoint {
  const { workload } = world.containers.find((each) => each.workload.name === name)!;
  return end(ip, {
    scope: 'container',
    mac: dockerMac(ip),
    workload,
    attribution: { method: 'mac+ip', confidence: 'certain' },
  });
}

function doesConcern(told: Partial<Finding>, frame: Uint8Array): boolean {
  const interest = interestOf(finding(told), world);
  if (interest === undefined) throw new Error('of interest to nobody');
  const decoder = new Decoder();
  const view = decoder.newView();
  decoder.decode(new DataView(frame.buffer, frame.byteOffset), 0, frame.length, frame.length, 1, view);
  return concerns(interest, view);
}

const tcp = (src: string, dst: string, flags: string, dport = 443) =>
  segment({ src, dst, sport: 40_000, dport, flags }, new Uint8Array(flags.includes('P') ? 100 : 0));
const udp = (src: string, dst: string, dport: number, length = 40) =>
  datagram({ src, dst, sport: 40_000, dport }, new Uint8Array(length));
const ask = (senderMac: string, sender: string, target: string) =>
  ethernet({ src: senderMac, type: ETHERTYPE.ARP }, arp({ senderMac, senderIp: sender, targetIp: target }));

describe('a finding with one peer', () => {
  const told = { subject: container('db', IP.db), peers: [end(IP.outside, { port: 443 })] };

  it.each([
    ['what the subject sends', tcp(IP.db, IP.outside, 'PA'), true],
    ['what the peer answers', tcp(IP.outside, IP.db, 'A'), true],
    ['another port of the same two', tcp(IP.db, IP.outside, 'S', 22), true],
    ['the subject with somebody else', tcp(IP.db, OTHER, 'PA'), false],
    ['attempts of the subject elsewhere', tcp(IP.db, OTHER, 'S'), false],
    ['the peer with somebody else', tcp(IP.api, IP.outside, 'PA'), false],
    ["the subject's DNS", udp(IP.db, OTHER, 53), false],
  ])('takes %s: %#', (_, frame, isTaken) => {
    expect(doesConcern(told, frame)).toBe(isTaken);
  });
});

describe('a finding with several peers, who may be a sample', () => {
  const told = { subject: container('db', IP.db), peers: [end(IP.outside), container('api', IP.api)] };

  it.each([
    ['all with each of them', tcp(IP.db, IP.api, 'PA'), true],
    ['a SYN to one that it does not name', tcp(IP.db, OTHER, 'S'), true],
    ['its refusal', tcp(OTHER, IP.db, 'RA'), true],
    ['a probe with FIN alone', tcp(IP.db, OTHER, 'F'), true],
    ['a probe without any flag', tcp(IP.db, OTHER, ''), true],
    ['a datagram of 512 bytes', udp(IP.db, OTHER, 161, 512), true],
    ['a datagram of 513', udp(IP.db, OTHER, 161, 513), false],
    ['the data of a connection with another', tcp(IP.db, OTHER, 'PA'), false],
    ['the end of one', tcp(IP.db, OTHER, 'FA'), false],
    ['its question who holds an address', ask(dockerMac(IP.db), IP.db, '172.30.20.77'), true],
    [
      'that a network cannot be reached',
      ethernet({}, ipv4({ src: IP.dataGateway, dst: IP.db, protocol: 1 }, icmp({ type: 3, code: 0 }))),
      true,
    ],
    ['attempts of others', tcp(IP.api, OTHER, 'S'), false],
  ])('takes %s: %#', (_, frame, isTaken) => {
    expect(doesConcern(told, frame)).toBe(isTaken);
  });
});

describe('a finding without a peer', () => {
  it('takes all of its subject, on each of its networks', () => {
    const told = { subject: container('api', IP.api) };

    expect(doesConcern(told, tcp(IP.apiFront, OTHER, 'PA'))).toBe(true);
    expect(doesConcern(told, tcp(IP.db, OTHER, 'PA'))).toBe(false);
  });

  it('takes only its port, where it names one', () => {
    const told = { subject: { ...container('api', IP.api), port: 8080 } };

    expect(doesConcern(told, tcp(OTHER, IP.api, 'S', 8080))).toBe(true);
    expect(doesConcern(told, tcp(OTHER, IP.api, 'S', 8081))).toBe(false);
  });
});

describe('a finding of DNS', () => {
  const engine = end('127.0.0.11', { scope: 'engine', port: 53 });
  const told = { subject: container('db', IP.db), peers: [engine] };

  it('takes the questions of the subject, whoever is asked, and nothing else of it', () => {
    expect(doesConcern(told, udp(IP.db, OTHER, 53))).toBe(true);
    expect(doesConcern(told, tcp(IP.db, OTHER, 'PA', 53))).toBe(true);
    expect(doesConcern(told, udp(IP.db, OTHER, 443))).toBe(false);
    expect(doesConcern(told, udp(IP.api, OTHER, 53))).toBe(false);
  });

  it("takes what is asked inside the subject's namespace, also where that is another's", () => {
    const { askers } = interestOf(finding(told), world)!;
    const shared = container('db', IP.db);
    const joined = { ...shared, workload: { ...shared.workload!, networkMode: 'container:owner-id' } };
    const state = world.containers.find(({ workload }) => workload.name === 'db')!;
    const sharing = { ...world, containers: [{ ...state, workload: joined.workload }] };

    expect([...askers]).toEqual(['db-id']);
    expect([...interestOf(finding({ ...told, subject: joined }), sharing)!.askers]).toEqual([
      'db-id',
      'owner-id',
    ]);
  });

  it('is nothing to the namespaces otherwise', () => {
    expect(interestOf(finding({ ...told, peers: [end(IP.outside)] }), world)!.askers.size).toBe(0);
  });
});

describe('who it is', () => {
  it('is told by the MAC where an address is forged, in IP and in ARP', () => {
    const spoofer = { ...end(IP.web, { scope: 'unknown' }), mac: '02:42:de:ad:00:01' };
    const told = { subject: spoofer, peers: [container('api', IP.api)] };

    expect(doesConcern(told, ask('02:42:de:ad:00:01', IP.api, IP.db))).toBe(true);
    const forged = segment({
      srcMac: '02:42:de:ad:00:01',
      src: IP.api,
      dst: OTHER,
      sport: 1,
      dport: 2,
      flags: 'S',
    });
    expect(doesConcern(told, forged)).toBe(true);
    expect(doesConcern(told, ask(dockerMac(IP.api), IP.api, IP.db))).toBe(false);
  });

  it("is never told by the host's MAC or a router's, which stand for everybody behind them", () => {
    const routed = (src: string) =>
      segment({ srcMac: HOST_MAC, src, dst: IP.db, sport: 443, dport: 40_000, flags: 'PA' });
    const behind = { subject: container('db', IP.db), peers: [end(IP.outside, { mac: HOST_MAC })] };
    const unknown = { subject: end(IP.outside, { scope: 'unknown', mac: HOST_MAC }) };

    expect(doesConcern(behind, routed(IP.outside))).toBe(true);
    expect(doesConcern(behind, routed(OTHER))).toBe(false);
    expect(doesConcern(unknown, routed(OTHER))).toBe(false);
  });

  it('is the gateway on the bridge, where the kernel translated', () => {
    const client = end(OTHER, { attribution: { method: 'conntrack', confidence: 'certain' } });
    const told = { subject: container('db', IP.db), peers: [client], network: 'data' };

    expect(doesConcern(told, tcp(IP.dataGateway, IP.db, 'S', 5432))).toBe(true);
    expect(doesConcern({ ...told, peers: [end(OTHER)] }, tcp(IP.dataGateway, IP.db, 'S', 5432))).toBe(false);
  });

  it('is found in frames that carry it', () => {
    const told = { subject: container('db', IP.db), peers: [container('api', IP.api)] };
    const inner = tcp(IP.db, IP.api, 'PA');

    expect(doesConcern(told, udpWith(vxlan({ vni: 4097 }, inner)))).toBe(true);
    expect(doesConcern(told, udpWith(vxlan({ vni: 4097 }, tcp(IP.web, IP.api, 'PA'))))).toBe(false);
  });

  it('is nobody for what is about this machine, or about counters', () => {
    const machine = end('127.0.0.1', { scope: 'host' });
    const nobody = end('0.0.0.0', { scope: 'unknown' });

    expect(interestOf(finding({ subject: machine }), world)).toBeUndefined();
    expect(interestOf(finding({ subject: nobody }), world)).toBeUndefined();
    // Whom the counters suspect is looked at all the same.
    expect(doesConcern({ subject: nobody, peers: [container('db', IP.db)] }, tcp(IP.db, OTHER, 'S'))).toBe(
      true,
    );
  });
});

const udpWith = (payload: Uint8Array) =>
  datagram({ src: '10.9.0.1', dst: '10.9.0.2', sport: 50_000, dport: 4789 }, payload);

describe('interests', () => {
  it('of a finding that goes on add up', () => {
    const subject = container('db', IP.db);
    const one = interestOf(finding({ subject, peers: [end(IP.outside)] }), world)!;
    const more = interestOf(finding({ subject, peers: [end(IP.outside), end(OTHER)] }), world)!;

    expect(merged(one, more)).toMatchObject({ what: 'attempts', networks: ['data'] });
    expect(merged(more, one).what).toBe('attempts');
  });

  it('of a person are all frames of the containers', () => {
    const api = world.containers.filter(({ workload }) => workload.name === 'api');
    const { networks, askers, what } = interestIn(api, world);

    expect([...networks].sort()).toEqual(['data', 'front']);
    expect([...askers]).toEqual(['api-id']);
    expect(what).toBe('all');
  });
});
