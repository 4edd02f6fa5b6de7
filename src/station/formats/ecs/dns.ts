/** A look-up as an ECS DNS event, question and answer in one. */
import { zoneOfText } from '../../../model/dns-zone.ts';
import type { PublicDns } from '../../../model/serialize.ts';
import { ianaNumber, ipOrNothing, uidOf, unlessEmpty } from '../facts.ts';
import { beyondEnd, ecsEnd, ecsIpVersion, ecsRelated, ecsWorkload } from './objects.ts';

export function ecsDns(record: PublicDns) {
  const { kind: _, time, network, interface: tap, client, server, protocol, transport, ...asked } = record;
  const { opcode, id, query, qtype, qclass, rcode, answers, flags, rtt, ...rest } = asked;
  const resolved = answers.flatMap(({ type, data }) =>
    type === 'A' || type === 'AAAA' ? (ipOrNothing(data) ?? []) : [],
  );
  const related = ecsRelated([client, server], [query]);
  return {
    event: {
      kind: 'event',
      category: ['network'],
      type: ['connection', 'protocol'],
      action: rcode === undefined ? 'dns-query' : 'dns-answer',
      outcome: outcome(rcode),
      id: uidOf(record),
      start: time,
      duration: rtt === undefined ? undefined : rtt * 1000,
    },
    source: ecsEnd(client),
    destination: ecsEnd(server),
    ...ecsWorkload(client.workload),
    network: {
      name: network?.name,
      type: ecsIpVersion(client.ip),
      transport,
      iana_number: String(ianaNumber(transport)),
      protocol,
    },
    dns: {
      type: rcode === undefined ? 'query' : 'answer',
      id: String(id),
      op_code: opcode,
      question: { name: query, type: qtype, class: qclass, registered_domain: registeredDomain(query) },
      response_code: rcode,
      header_flags: unlessEmpty(flags),
      answers: unlessEmpty(answers.map(({ name, type, ttl, data }) => ({ name, type, ttl, data }))),
      resolved_ip: unlessEmpty(resolved),
    },
    observer: { ingress: { interface: { name: tap } } },
    related: { ...related, ip: [...new Set([...related.ip, ...resolved])] },
    bridgewatch: {
      dns: {
        ...rest,
        network,
        answerBytes: unlessEmpty(answers.map(({ bytes }) => bytes)),
        client: beyondEnd(client),
        server: beyondEnd(server),
      },
    },
  };
}

function outcome(rcode: string | undefined): string {
  if (rcode === undefined) return 'unknown';
  return rcode === 'NOERROR' ? 'success' : 'failure';
}

/** Absent where nobody registered it: `.internal`, reverse names, names without a dot. */
function registeredDomain(query: string): string | undefined {
  const zone = zoneOfText(query);
  return zone?.kind === 'registered' ? zone.zone : undefined;
}
