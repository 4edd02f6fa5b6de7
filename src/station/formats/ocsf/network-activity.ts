/** OCSF Network Activity (4001): opened, traffic so far, and how it ended. */
import type { PublicFlow } from '../../../model/serialize.ts';
import { ianaNumber, isOver, microsBetween, millisOf, outcomeOf } from '../facts.ts';
import type { Emitter } from '../format.ts';
import { beyondEndpoint, type OcsfActivity, ocsfEndpoint, ocsfHead, ocsfIpVersion } from './objects.ts';

const CLASS = {
  classUid: 4001,
  className: 'Network Activity',
  categoryUid: 4,
  categoryName: 'Network Activity',
};

const OPEN = { id: 1, name: 'Open' };
const CLOSE = { id: 2, name: 'Close' };
const RESET = { id: 3, name: 'Reset' };
const FAIL = { id: 4, name: 'Fail' };
const REFUSE = { id: 5, name: 'Refuse' };
const TRAFFIC = { id: 6, name: 'Traffic' };

const DIRECTIONS = {
  ingress: { direction_id: 1, direction: 'Inbound' },
  egress: { direction_id: 2, direction: 'Outbound' },
  'east-west': { direction_id: 3, direction: 'Lateral' },
  host: { direction_id: 99, direction: 'host' },
  unknown: { direction_id: 0, direction: 'Unknown' },
} as const;

const STATUSES = {
  success: { status_id: 1, status: 'Success' },
  failure: { status_id: 2, status: 'Failure' },
  unknown: { status_id: 0, status: 'Unknown' },
} as const;

export function ocsfFlow(record: PublicFlow, time: string, emitter: Emitter): object {
  const {
    kind: _,
    uid,
    communityId,
    start,
    end,
    network,
    orig,
    resp,
    protocol,
    service,
    ...counted
  } = record;
  const { origBytes, respBytes, origPackets, respPackets, history, direction, ...rest } = counted;
  const durationMicros = microsBetween(start, end);
  const zone = network?.name;
  return {
    ...ocsfHead(record, time, CLASS, activity(record), emitter),
    severity_id: 1,
    severity: 'Informational',
    ...STATUSES[outcomeOf(record)],
    status_code: record.connState,
    start_time: millisOf(start),
    end_time: millisOf(end),
    duration: durationMicros === undefined ? undefined : Math.round(durationMicros / 1000),
    app_name: service,
    src_endpoint: ocsfEndpoint(orig, { zone }),
    dst_endpoint: ocsfEndpoint(resp, { zone, serverName: record.serverName, serviceName: service }),
    connection_info: {
      uid,
      community_uid: communityId,
      ...DIRECTIONS[direction],
      protocol_name: protocol === 'icmp6' ? 'ipv6-icmp' : protocol,
      protocol_num: ianaNumber(protocol),
      ...ocsfIpVersion(orig.ip),
      flag_history: history,
    },
    traffic: {
      bytes: origBytes + respBytes,
      bytes_in: respBytes,
      bytes_out: origBytes,
      packets: origPackets + respPackets,
      packets_in: respPackets,
      packets_out: origPackets,
    },
    unmapped: { ...rest, network, orig: beyondEndpoint(orig), resp: beyondEndpoint(resp) },
  };
}

function activity(record: PublicFlow): OcsfActivity {
  if (record.reason === 'start') return OPEN;
  if (!isOver(record)) return TRAFFIC;
  switch (record.connState) {
    case 'REJ':
      return REFUSE;
    case 'RSTO':
    case 'RSTR':
    case 'RSTOS0':
    case 'RSTRH':
      return RESET;
    case 'S0':
    case 'SH':
      return FAIL;
    default:
      return CLOSE;
  }
}
