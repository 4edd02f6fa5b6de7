/** Small whole leases for tests; each takes what the test is about. */
import type { LeaseRecord } from '../../../src/model/lease.ts';
import type { InventoryChange } from '../../../src/model/record.ts';
import { database, network, T0 } from './records.ts';

export const SECOND = 1_000_000;

/** `shop/db` on shop_data since T0 + `number` seconds; still held. */
export function lease(number: number, over: Partial<LeaseRecord> = {}): LeaseRecord {
  const from = T0 + number * SECOND;
  return {
    kind: 'lease',
    time: from,
    id: `l-${number}`,
    networkId: network.id,
    network: network.name,
    ips: ['172.30.1.5', '2001:db8:1::5'],
    mac: '02:42:ac:1e:01:05',
    veth: 'veth1a2b3c4',
    ifIndex: 17,
    netns: 4_026_532_281,
    workload: database,
    from,
    ...over,
  };
}

/** The engine answered, or went. */
export function engineChange(change: 'added' | 'removed', time: number): InventoryChange {
  const detail = change === 'added' ? { version: '27.5.1' } : { reason: 'gone' };
  return { kind: 'inventory', time, change, object: 'engine', id: 'e', name: 'e', detail };
}
