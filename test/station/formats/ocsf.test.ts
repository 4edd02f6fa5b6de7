import { describe, expect, it } from 'vitest';
import { dns, finding, flow, outside, T0 } from '../support/records.ts';
import { encoded } from './support.ts';

describe('a finding in OCSF', () => {
  it('is a Detection Finding with its techniques and its evidence', () => {
    expect(encoded('ocsf', finding(1))).toMatchObject({
      class_uid: 2004,
      category_uid: 2,
      activity_id: 1,
      type_uid: 200_401,
      time: T0 / 1000 + 1,
      severity_id: 4,
      status_id: 1,
      is_alert: true,
      metadata: {
        version: '1.5.0',
        product: { name: 'bridgewatch' },
        original_time: '2026-11-23T14:00:00.001000Z',
      },
      finding_info: {
        uid: 'f-1',
        attacks: [{ tactic: { uid: 'TA0010' }, technique: { uid: 'T1048' } }],
        related_events: [{ uid: 'c1' }],
      },
      evidences: [
        {
          src_endpoint: {
            ip: '172.30.1.5',
            name: 'shop/db',
            container: { image: { name: 'postgres', tag: '17' } },
          },
          dst_endpoint: { ip: '198.51.100.7', port: 443 },
          data: { attempts: 3, ports: [443, 8443] },
        },
      ],
      resources: [
        { uid: '3f2ab4c5d6e7', labels: ['com.docker.compose.project=shop', 'com.docker.compose.service=db'] },
      ],
    });
  });

  it.each([
    ['open', 1, 1, true],
    ['update', 2, 1, true],
    ['closed', 3, 99, false],
  ] as const)('that is %s has activity %i, status %i', (status, activity_id, status_id, is_alert) => {
    expect(encoded('ocsf', finding(1, { status }))).toMatchObject({
      activity_id,
      type_uid: 200_400 + activity_id,
      status_id,
      is_alert,
    });
  });

  it('that the operator expects is suppressed, with the reason', () => {
    const exception = { reason: 'the nightly backup', severity: 'high' } as const;

    expect(encoded('ocsf', finding(1, { severity: 'informational', exception }))).toMatchObject({
      severity_id: 1,
      status_id: 3,
      status_detail: 'the nightly backup',
      is_alert: false,
    });
  });

  it('has an entry for each peer, and one when there is none', () => {
    const peers = [outside(), outside({ ip: '198.51.100.8' })];

    expect(
      encoded('ocsf', finding(1, { peers })).evidences.map(({ dst_endpoint }: never) => dst_endpoint),
    ).toMatchObject([{ ip: '198.51.100.7' }, { ip: '198.51.100.8' }]);
    expect(encoded('ocsf', finding(1, { peers: [] })).evidences).toHaveLength(1);
  });
});

describe('a flow in OCSF', () => {
  it.each([
    ['start', 'S0', 1],
    ['active', 'S1', 6],
    ['closed', 'SF', 2],
    ['closed', 'RSTO', 3],
    ['idle', 'S0', 4],
    ['closed', 'REJ', 5],
  ] as const)('written because of %s in state %s has activity %i', (reason, connState, activity_id) => {
    expect(encoded('ocsf', flow(1, { reason, connState }))).toMatchObject({
      class_uid: 4001,
      activity_id,
      type_uid: 400_100 + activity_id,
    });
  });

  it('counts out from the originator, in to it', () => {
    expect(encoded('ocsf', flow(1))).toMatchObject({
      traffic: { bytes: 6600, bytes_out: 1200, bytes_in: 5400, packets_out: 10, packets_in: 12 },
      connection_info: {
        direction_id: 2,
        protocol_num: 6,
        protocol_ver_id: 4,
        community_uid: '1:abc=',
        flag_history: 'ShADadFf',
      },
    });
  });

  it('calls a hostname what is one', () => {
    const named = (serverName: string) => encoded('ocsf', flow(1, { serverName })).dst_endpoint.hostname;

    expect(named('api.example.com')).toBe('api.example.com');
    expect(named('no host name')).toBeUndefined();
    expect(named('x.'.repeat(200))).toBeUndefined();
  });
});

describe('a look-up in OCSF', () => {
  it('has its answer and when both were', () => {
    expect(encoded('ocsf', dns(1))).toMatchObject({
      class_uid: 4003,
      activity_id: 6,
      type_uid: 400_306,
      query_time: T0 / 1000 + 1,
      response_time: T0 / 1000 + 2,
      query: { hostname: 'host1.example.com', type: 'A', opcode_id: 0 },
      rcode_id: 0,
      rcode: 'NoError',
      answers: [{ rdata: '198.51.100.9', type: 'A', ttl: 60, flag_ids: [3, 4] }],
    });
  });

  it.each([
    ['NXDOMAIN', 3, 'NXDomain'],
    ['BADCOOKIE', 23, 'BADCOOKIE'],
    ['RCODE4000', 99, 'RCODE4000'],
  ])('answered %s has the code %i', (rcode, rcode_id, told) => {
    expect(encoded('ocsf', dns(1, { rcode }))).toMatchObject({ rcode_id, rcode: told, status_id: 2 });
  });

  it('is a query without an answer, a response without a question', () => {
    const { rcode: _, rtt: __, ...asked } = dns(1, { answers: [] });
    const { rtt: ___, ...answered } = dns(1);

    expect(encoded('ocsf', asked)).toMatchObject({ activity_id: 1, status_id: 0 });
    expect(encoded('ocsf', asked)).not.toHaveProperty('response_time');
    expect(encoded('ocsf', answered)).toMatchObject({ activity_id: 2 });
    expect(encoded('ocsf', answered)).not.toHaveProperty('query_time');
  });
});
