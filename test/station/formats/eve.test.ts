import { describe, expect, it } from 'vitest';
import { analyzers } from '../../../analyzers/index.ts';
import { signatureId } from '../../../src/station/formats/eve.ts';
import { dns, endpoint, finding, flow, outside, T0 } from '../support/records.ts';
import { encoded } from './support.ts';

describe('a finding as an EVE alert', () => {
  it('is what Suricata would write of a rule', () => {
    expect(encoded('eve', finding(1))).toMatchObject({
      timestamp: '2026-11-23T14:00:00.001000+0000',
      event_type: 'alert',
      src_ip: '172.30.1.5',
      src_port: 40_000,
      dest_ip: '198.51.100.7',
      dest_port: 443,
      community_id: '1:abc=',
      host: 'vps1',
      alert: {
        action: 'allowed',
        signature: 'Egress from an internal network (attempted-blocked)',
        category: 'internal-egress',
        severity: 1,
        metadata: {
          mitre_tactic_id: ['TA0010'],
          mitre_technique_id: ['T1048'],
          evidence: ['attempts=3', 'ports=443,8443'],
        },
      },
    });
  });

  it.each([
    ['critical', 1],
    ['high', 1],
    ['medium', 2],
    ['low', 3],
    ['informational', 4],
  ] as const)('tells %s as %i', (severity, number) => {
    expect(encoded('eve', finding(1, { severity })).alert.severity).toBe(number);
  });

  it('has one number for each message of each analyzer, and no two the same', () => {
    const ids = analyzers.flatMap(({ id, messages }) =>
      Object.keys(messages).map((message) => signatureId(id, message)),
    );

    expect(ids.length).toBeGreaterThan(30);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) {
      expect(id).toBeGreaterThanOrEqual(1_000_000);
      expect(id).toBeLessThan(2_000_000);
    }
  });

  it('has the flow number of the flow that it is about', () => {
    const alert = encoded('eve', finding(1, { flowUids: ['u7'] }));

    expect(alert.flow_id).toBe(encoded('eve', flow(7)).flow_id);
    expect(alert.flow_id).not.toBe(encoded('eve', flow(8)).flow_id);
    expect(Number.isSafeInteger(alert.flow_id)).toBe(true);
  });

  it('keeps every peer', () => {
    const alert = encoded('eve', finding(1, { peers: [outside(), outside({ ip: '198.51.100.8' })] }));

    expect(alert.dest_ip).toBe('198.51.100.7');
    expect(alert.bridgewatch.otherPeers).toMatchObject([{ ip: '198.51.100.8' }]);
  });

  it('without a peer names no destination', () => {
    expect(encoded('eve', finding(1, { peers: [] }))).not.toHaveProperty('dest_ip');
  });
});

describe('a flow in EVE', () => {
  it.each(['start', 'answered', 'active'] as const)('has no form while it runs (%s)', (reason) => {
    expect(encoded('eve', flow(1, { reason }))).toBeUndefined();
  });

  it.each([
    ['closed', 'SF', 'closed', 'timeout'],
    ['idle', 'S0', 'new', 'timeout'],
    ['idle', 'S1', 'established', 'timeout'],
    ['evicted', 'S1', 'established', 'forced'],
    ['tap-ended', 'OTH', 'new', 'forced'],
    ['shutdown', 'REJ', 'closed', 'shutdown'],
  ] as const)('that ended by %s in state %s is %s, %s', (reason, connState, state, told) => {
    expect(encoded('eve', flow(1, { reason, connState })).flow).toMatchObject({ state, reason: told });
  });

  it('counts from the client, and its age in whole seconds', () => {
    const record = flow(0, { start: T0, end: T0 + 2_999_999 });

    expect(encoded('eve', record).flow).toEqual({
      pkts_toserver: 10,
      pkts_toclient: 12,
      bytes_toserver: 1200,
      bytes_toclient: 5400,
      start: '2026-11-23T14:00:00.000000+0000',
      end: '2026-11-23T14:00:02.999999+0000',
      age: 2,
      state: 'closed',
      reason: 'timeout',
    });
  });

  it('has protocols by the names of Suricata', () => {
    expect(encoded('eve', flow(1, { protocol: 'udp' })).proto).toBe('UDP');
    expect(
      encoded(
        'eve',
        flow(1, { protocol: 'icmp6', icmp: { type: 128, code: 0 }, orig: endpoint({ port: undefined }) }),
      ),
    ).toMatchObject({ proto: 'IPv6-ICMP', icmp_type: 128, icmp_code: 0 });
  });
});

describe('a look-up in EVE', () => {
  it('is an answer with its question', () => {
    expect(encoded('eve', dns(1)).dns).toEqual({
      version: 2,
      type: 'answer',
      id: 1,
      qr: true,
      rd: true,
      ra: true,
      opcode: 0,
      rrname: 'host1.example.com',
      rrtype: 'A',
      rcode: 'NOERROR',
      answers: [{ rrname: 'host1.example.com', rrtype: 'A', ttl: 60, rdata: '198.51.100.9' }],
    });
  });

  it('is a query when nobody answered', () => {
    const { rcode: _, rtt: __, ...asked } = dns(1, { answers: [], flags: ['RD'] });

    expect(encoded('eve', asked).dns).toEqual({
      version: 2,
      type: 'query',
      id: 1,
      rd: true,
      opcode: 0,
      rrname: 'host1.example.com',
      rrtype: 'A',
    });
  });

  it('calls nothing an address that is none: readers would refuse the line', () => {
    const answers = [{ name: 'a.example', type: 'A', ttl: 1, bytes: 3, data: '\\# 3 0a0b0c' }];

    expect(encoded('eve', dns(1, { answers })).dns.answers).toEqual([
      { rrname: 'a.example', rrtype: 'A', ttl: 1 },
    ]);
    expect(encoded('ecs', dns(1, { answers })).dns).not.toHaveProperty('resolved_ip');
  });
});
