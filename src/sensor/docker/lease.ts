/** An interval of the address book as the record that the station keeps. */
import type { LeaseRecord } from '../../model/lease.ts';
import type { Micros } from '../../model/time.ts';
import type { Interval } from './address-book.ts';

const SHORT = 12;

/** An endpoint's id changes with each connect, so it tells intervals apart; else the time of its beginning must. */
export function leaseId(
  networkId: string,
  containerId: string,
  endpointId: string | undefined,
  from: Micros,
): string {
  const last = endpointId?.slice(0, SHORT) ?? from.toString(36);
  return `${networkId.slice(0, SHORT)}-${containerId.slice(0, SHORT)}-${last}`;
}

export function toLease(interval: Interval, time: Micros): LeaseRecord {
  const { id, networkId, networkName, holder, ips, mac, link, from, to, uncertain } = interval;
  return {
    kind: 'lease',
    time,
    id,
    networkId,
    network: networkName,
    ips,
    ...(mac === undefined ? {} : { mac }),
    ...link,
    workload: holder.workload,
    from,
    ...(to === Number.POSITIVE_INFINITY ? {} : { to }),
    ...(uncertain ? { uncertain: true } : {}),
  };
}
