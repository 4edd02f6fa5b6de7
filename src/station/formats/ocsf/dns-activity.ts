/** OCSF DNS Activity (4003): a question, an answer, or both in one event. */
import type { PublicDns } from '../../../model/serialize.ts';
import { DNS_OPCODES, ianaNumber, microsOf, millisOf, unlessEmpty } from '../facts.ts';
import type { Emitter } from '../format.ts';
import { beyondEndpoint, type OcsfActivity, ocsfEndpoint, ocsfHead, ocsfIpVersion } from './objects.ts';

const CLASS = { classUid: 4003, className: 'DNS Activity', categoryUid: 4, categoryName: 'Network Activity' };

/** By our mnemonics (RFC 6895): OCSF's number and its word. */
const RCODES: Readonly<Record<string, readonly [id: number, name: string]>> = {
  NOERROR: [0, 'NoError'],
  FORMERR: [1, 'FormError'],
  SERVFAIL: [2, 'ServError'],
  NXDOMAIN: [3, 'NXDomain'],
  NOTIMP: [4, 'NotImp'],
  REFUSED: [5, 'Refused'],
  YXDOMAIN: [6, 'YXDomain'],
  YXRRSET: [7, 'YXRRSet'],
  NXRRSET: [8, 'NXRRSet'],
  NOTAUTH: [9, 'NotAuth'],
  NOTZONE: [10, 'NotZone'],
  DSOTYPENI: [11, 'DSOTYPENI'],
  BADVERS: [16, 'BADSIG_VERS'],
  BADKEY: [17, 'BADKEY'],
  BADTIME: [18, 'BADTIME'],
  BADMODE: [19, 'BADMODE'],
  BADNAME: [20, 'BADNAME'],
  BADALG: [21, 'BADALG'],
  BADTRUNC: [22, 'BADTRUNC'],
  BADCOOKIE: [23, 'BADCOOKIE'],
};
const OTHER = 99;

const FLAG_IDS: Readonly<Record<PublicDns['flags'][number], number>> = {
  AA: 1,
  TC: 2,
  RD: 3,
  RA: 4,
  AD: 5,
  CD: 6,
};

export function ocsfDns(record: PublicDns, time: string, emitter: Emitter): object {
  const { kind: _, network, client, server, transport, opcode, id, query, qtype, qclass, ...seen } = record;
  const { rcode, answers, rtt, time: __, ...rest } = seen;
  const zone = network?.name;
  return {
    ...ocsfHead(record, time, CLASS, activity(record), emitter),
    severity_id: 1,
    severity: 'Informational',
    ...status(rcode),
    query_time: rcode !== undefined && rtt === undefined ? undefined : millisOf(time),
    response_time: responseTime(record),
    duration: rtt === undefined ? undefined : Math.round(rtt / 1000),
    src_endpoint: ocsfEndpoint(client, { zone }),
    dst_endpoint: ocsfEndpoint(server, { zone, serviceName: record.protocol }),
    connection_info: {
      direction_id: 0,
      direction: 'Unknown',
      protocol_name: transport,
      protocol_num: ianaNumber(transport),
      ...ocsfIpVersion(client.ip),
    },
    query: {
      hostname: query,
      type: qtype,
      class: qclass,
      opcode,
      opcode_id: DNS_OPCODES[opcode] ?? OTHER,
      packet_uid: id,
    },
    ...response(rcode),
    answers: unlessEmpty(
      answers.map(({ type, ttl, data }) => ({
        rdata: data,
        type,
        ttl,
        flags: unlessEmpty(record.flags),
        flag_ids: unlessEmpty(record.flags.map((flag) => FLAG_IDS[flag])),
      })),
    ),
    unmapped: {
      ...rest,
      network,
      rtt,
      answerNames: unlessEmpty(answers.map(({ name }) => name)),
      answerBytes: unlessEmpty(answers.map(({ bytes }) => bytes)),
      client: beyondEndpoint(client),
      server: beyondEndpoint(server),
    },
  };
}

function activity({ rcode, rtt }: PublicDns): OcsfActivity {
  if (rcode === undefined) return { id: 1, name: 'Query' };
  return rtt === undefined ? { id: 2, name: 'Response' } : { id: 6, name: 'Traffic' };
}

function status(rcode: string | undefined) {
  if (rcode === undefined) return { status_id: 0, status: 'Unknown' };
  return rcode === 'NOERROR' ? { status_id: 1, status: 'Success' } : { status_id: 2, status: 'Failure' };
}

function response(rcode: string | undefined) {
  if (rcode === undefined) return {};
  const [rcode_id, name] = RCODES[rcode] ?? [OTHER, rcode];
  return { rcode_id, rcode: name };
}

function responseTime({ time, rcode, rtt }: PublicDns): number | undefined {
  if (rcode === undefined) return undefined;
  const asked = microsOf(time);
  return asked === undefined ? undefined : Math.floor((asked + (rtt ?? 0)) / 1000);
}
