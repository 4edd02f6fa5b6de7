/** Builders for spoofs and claims to be a router: on `back`, by the container `web`, unless a test says otherwise. */
import type { RouterClaim } from '../../src/model/neighbor.ts';
import type { SpoofRecord } from '../../src/model/spoof.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { container, network, T0, workload } from './records.ts';

export const WEB_MAC = '02:42:ac:1e:00:03';
export const STRANGER_MAC = '0e:00:00:00:00:99';

export function spoof(fields: Partial<SpoofRecord>): AnalyzerEvent {
  const time = fields.time ?? T0;
  return {
    on: 'spoof',
    record: {
      kind: 'spoof',
      time,
      network: 'back',
      interface: 'br-000000000001',
      ip: '172.30.0.2',
      mac: WEB_MAC,
      mismatch: 'ip-of-another',
      layer: 'arp',
      target: '172.30.0.9',
      sender: workload('web'),
      senderIp: '172.30.0.3',
      holder: workload('db'),
      count: 1,
      first: time,
      ...fields,
    },
  };
}

/** The frame's MAC is nobody's. */
export function stranger(fields: Partial<SpoofRecord>): AnalyzerEvent {
  return spoof({
    mac: STRANGER_MAC,
    mismatch: 'unknown-mac',
    sender: undefined,
    senderIp: undefined,
    ...fields,
  });
}

export function claim(fields: Partial<RouterClaim>): AnalyzerEvent {
  return {
    on: 'router-claim',
    claim: {
      time: T0,
      network: network(),
      interface: 'br-000000000001',
      protocol: 'router-advertisement',
      sender: container('web', 'fe80::3', { mac: WEB_MAC }),
      routers: ['fe80::3'],
      resolvers: [],
      prefixes: [],
      count: 1,
      ...fields,
    },
  };
}
