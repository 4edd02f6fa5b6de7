import { describe, expect, it } from 'vitest';
import { database, dns, endpoint, finding, flow, inventory, loss, outside, T0 } from '../support/records.ts';
import { encoded } from './support.ts';

describe('a finding in ECS', () => {
  it('is an alert that says who, with whom, which rule and which technique', () => {
    const attack = [{ technique: 'T1071.004', tactic: 'command-and-control' }];

    expect(encoded('ecs', finding(1, { attack }))).toMatchObject({
      '@timestamp': '2026-11-23T14:00:00.001000Z',
      ecs: { version: '8.11.0' },
      event: {
        kind: 'alert',
        category: ['network', 'intrusion_detection'],
        severity: 4,
        dataset: 'bridgewatch.finding',
      },
      rule: { id: 'internal-egress', name: 'Egress from an internal network' },
      threat: {
        tactic: { id: ['TA0011'], name: ['Command and Control'] },
        technique: { id: ['T1071'], subtechnique: { id: ['T1071.004'], name: ['DNS'] } },
      },
      source: { ip: '172.30.1.5', mac: '02-42-AC-1E-01-05' },
      destination: { ip: '198.51.100.7', port: 443 },
      container: {
        id: '3f2ab4c5d6e7',
        name: 'shop-db-1',
        image: { name: 'postgres', tag: ['17'] },
        labels: { com_docker_compose_project: 'shop', com_docker_compose_service: 'db' },
      },
      service: { name: 'db' },
      network: { name: 'shop_data', community_id: '1:abc=' },
      related: { ip: ['172.30.1.5', '198.51.100.7'], hosts: ['shop-db-1'] },
      host: { name: 'vps1' },
    });
  });

  it('that is over is no alert', () => {
    expect(encoded('ecs', finding(1, { status: 'update' })).event.kind).toBe('alert');
    expect(encoded('ecs', finding(1, { status: 'closed' })).event.kind).toBe('event');
  });

  it('lasts in nanoseconds', () => {
    expect(encoded('ecs', finding(0, { firstSeen: T0, lastSeen: T0 + 1_500_000 })).event).toMatchObject({
      start: '2026-11-23T14:00:00.000000Z',
      end: '2026-11-23T14:00:01.500000Z',
      duration: 1_500_000_000,
    });
  });

  it('has evidence as one text, whatever its names and types', () => {
    const evidence = { attempts: 3, hosts: ['a', 'b'], 'odd.name': true };

    expect(JSON.parse(encoded('ecs', finding(1, { evidence })).bridgewatch.finding.evidence)).toEqual(
      evidence,
    );
  });

  it('has an id of its own for each report, the same when that is sent again', () => {
    const ids = [
      finding(1),
      finding(1),
      finding(1, { status: 'update', count: 2, lastSeen: T0 + 9_000_000 }),
      finding(1, { status: 'closed', count: 2, lastSeen: T0 + 9_000_000 }),
    ].map((record) => encoded('ecs', record).event.id);

    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('a flow in ECS', () => {
  it('adds both directions up, and says that its counts are final', () => {
    expect(encoded('ecs', flow(1))).toMatchObject({
      event: { type: ['connection', 'end'], outcome: 'success', duration: 500_000 },
      source: { bytes: 1200, packets: 10 },
      destination: { bytes: 5400, packets: 12 },
      network: {
        transport: 'tcp',
        iana_number: '6',
        type: 'ipv4',
        direction: 'egress',
        bytes: 6600,
        packets: 22,
      },
      observer: { ingress: { interface: { name: 'br-5d0c3a1f9b7e' } } },
    });
  });

  it.each([
    ['start', ['connection', 'start']],
    ['active', ['connection', 'info']],
    ['answered', ['connection', 'info']],
    ['idle', ['connection', 'end']],
    ['evicted', ['connection', 'end']],
  ] as const)('written because of %s is of type %j', (reason, type) => {
    expect(encoded('ecs', flow(1, { reason })).event.type).toEqual(type);
  });

  it.each([
    ['SF', 'success'],
    ['REJ', 'failure'],
    ['S0', 'failure'],
    ['OTH', 'unknown'],
  ] as const)('that ended in state %s is a %s', (connState, outcome) => {
    expect(encoded('ecs', flow(1, { connState })).event.outcome).toBe(outcome);
    expect(encoded('ecs', flow(1, { connState, reason: 'active' })).event.outcome).toBe('unknown');
  });

  it.each([
    ['icmp6', { transport: 'ipv6-icmp', iana_number: '58' }],
    ['ip-47', { iana_number: '47' }],
  ])('has %s as %j', (protocol, told) => {
    const { network } = encoded('ecs', flow(1, { protocol }));

    expect({ transport: network.transport, iana_number: network.iana_number }).toEqual({
      transport: undefined,
      ...told,
    });
  });

  it('coming in names the container that is spoken to', () => {
    const record = flow(1, {
      orig: outside(),
      resp: endpoint({ workload: { ...database, name: 'shop-web-1' } }),
    });

    expect(encoded('ecs', record).container.name).toBe('shop-web-1');
  });

  it('has the address behind a translation, and the name that was asked for', () => {
    const nat = {
      kind: 'masquerade',
      method: 'conntrack',
      confidence: 'certain',
      translatedSource: { ip: '198.51.100.1', port: 1024 },
    } as const;
    const record = encoded('ecs', flow(1, { nat, serverName: 'api.example.com', serverNameFrom: 'tls-sni' }));

    expect(record.source.nat).toEqual({ ip: '198.51.100.1', port: 1024 });
    expect(record.destination.domain).toBe('api.example.com');
  });
});

describe('a look-up in ECS', () => {
  it('has question, answers and what they resolve to', () => {
    expect(encoded('ecs', dns(1))).toMatchObject({
      event: { outcome: 'success', duration: 1_200_000 },
      dns: {
        type: 'answer',
        id: '1',
        question: { name: 'host1.example.com', type: 'A', class: 'IN', registered_domain: 'example.com' },
        response_code: 'NOERROR',
        header_flags: ['RD', 'RA'],
        resolved_ip: ['198.51.100.9'],
      },
      related: { ip: ['172.30.1.5', '198.51.100.53', '198.51.100.9'] },
    });
  });

  it('that failed, or was not answered, says so', () => {
    const { rcode: _, rtt: __, ...asked } = dns(1, { answers: [] });

    expect(encoded('ecs', dns(1, { rcode: 'NXDOMAIN' })).event.outcome).toBe('failure');
    expect(encoded('ecs', asked)).toMatchObject({ event: { outcome: 'unknown' }, dns: { type: 'query' } });
    expect(encoded('ecs', dns(1, { query: 'db' })).dns.question).not.toHaveProperty('registered_domain');
  });
});

describe('the other kinds in ECS', () => {
  it('are whole under their name', () => {
    expect(encoded('ecs', loss(1))).toMatchObject({
      event: { kind: 'metric', dataset: 'bridgewatch.loss' },
      bridgewatch: { loss: { source: 'kernel-ring', where: 'br-1', count: 5 } },
    });
  });

  it('tell creation from deletion', () => {
    expect(encoded('ecs', inventory(1)).event).toMatchObject({
      category: ['configuration'],
      type: ['creation'],
    });
    expect(encoded('ecs', inventory(1, { change: 'removed' })).event.type).toEqual(['deletion']);
  });
});

describe('an image', () => {
  it.each([
    ['postgres', { name: 'postgres' }],
    ['postgres:17', { name: 'postgres', tag: ['17'] }],
    ['registry:5000/team/app', { name: 'registry:5000/team/app' }],
    ['registry:5000/team/app:1.2', { name: 'registry:5000/team/app', tag: ['1.2'] }],
    ['app:1@sha256:ab', { name: 'app', tag: ['1'], hash: { all: ['sha256:ab'] } }],
  ])('%s is told in parts', (image, parts) => {
    const record = finding(1, { subject: endpoint({ workload: { ...database, image } }) });

    expect(encoded('ecs', record).container.image).toEqual(parts);
  });
});
