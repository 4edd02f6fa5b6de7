/** A flow as an ECS network event. `event.type` has `end` once nothing will be added: who sums flows up asks for that. */
import type { PublicFlow } from '../../../model/serialize.ts';
import { ianaNumber, isOver, microsBetween, outcomeOf, readableTime, uidOf } from '../facts.ts';
import { beyondEnd, ecsEnd, ecsIpVersion, ecsRelated, ecsTransport, ecsWorkload } from './objects.ts';

const DIRECTIONS: Readonly<Record<PublicFlow['direction'], string>> = {
  egress: 'egress',
  ingress: 'ingress',
  'east-west': 'internal',
  host: 'internal',
  unknown: 'unknown',
};

export function ecsFlow(record: PublicFlow) {
  const {
    kind: _,
    communityId,
    start,
    end,
    network,
    interface: tap,
    orig,
    resp,
    protocol,
    service,
    ...counted
  } = record;
  const { origBytes, respBytes, origPackets, respPackets, ...rest } = counted;
  const durationMicros = microsBetween(start, end);
  const iana = ianaNumber(protocol);
  const source = ecsEnd(orig);
  const destination = ecsEnd(resp);
  return {
    event: {
      kind: 'event',
      category: ['network'],
      type: eventTypes(record),
      action: `flow-${record.reason}`,
      outcome: outcomeOf(record),
      id: uidOf(record),
      start: readableTime(start),
      end,
      duration: durationMicros === undefined ? undefined : durationMicros * 1000,
    },
    source: { ...source, bytes: origBytes, packets: origPackets, nat: record.nat?.translatedSource },
    destination: {
      ...destination,
      domain: record.serverName ?? destination.domain,
      bytes: respBytes,
      packets: respPackets,
    },
    ...ecsWorkload(orig.workload ?? resp.workload),
    network: {
      name: network?.name,
      type: ecsIpVersion(orig.ip),
      transport: ecsTransport(protocol),
      iana_number: iana === undefined ? undefined : String(iana),
      protocol: service,
      direction: DIRECTIONS[record.direction],
      community_id: communityId,
      bytes: origBytes + respBytes,
      packets: origPackets + respPackets,
    },
    observer: { ingress: { interface: { name: tap } } },
    related: ecsRelated([orig, resp], [record.serverName]),
    bridgewatch: {
      flow: { ...rest, protocol, network, orig: beyondEnd(orig), resp: beyondEnd(resp) },
    },
  };
}

function eventTypes(record: PublicFlow): string[] {
  if (record.reason === 'start') return ['connection', 'start'];
  return isOver(record) ? ['connection', 'end'] : ['connection', 'info'];
}
