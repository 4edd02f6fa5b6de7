import { describe, expect, it } from 'vitest';
import type { MemoryFrame } from '../../../capture/memory.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import {
  answer,
  bytes,
  concat,
  dnsName,
  dnsQuery,
  dnsResponse,
  QTYPE,
  u16,
} from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, startPipeline } from '../pipeline-run.ts';

const MDNS = { group: '224.0.0.251', port: 5353 };
const LLMNR = { group: '224.0.0.252', port: 5355 };
const UNICAST_ANSWER = 0x8001;

/** Header, then each question; the builder makes one only. */
const severalQuestions = (
  questions: readonly { name: string; type: number; qclass?: number }[],
): Uint8Array =>
  concat(
    bytes(0, 0, 0, 0),
    u16(questions.length),
    u16(0),
    u16(0),
    u16(0),
    ...questions.map(({ name, type, qclass }) => concat(dnsName(name), u16(type), u16(qclass ?? 1))),
  );

/** A response without a question, as RFC 6762 6 wants them. */
function unsolicited(
  name: string,
  ...answers: Parameters<typeof dnsResponse>[0]['answers'] & object
): Uint8Array {
  const whole = dnsResponse({ name, id: 0, answers });
  const questionBytes = dnsName(name).length + 4;
  const header = whole.slice(0, 12);
  header.set([0, 0], 4);
  return concat(header, whole.slice(12 + questionBytes));
}

function hear(frames: readonly MemoryFrame[]) {
  const questions: string[] = [];
  const notDns: number[] = [];
  const analyzer = listener('none', {
    onDnsQuery: ({ record, labels }) =>
      void questions.push(`${record.protocol} ${labels.map((l) => Buffer.from(l).toString()).join('.')}`),
    onNotDns: ({ bytes: size }) => void notDns.push(size),
  });
  const run = startPipeline({ analyzers: [analyzer], wants: { flows: false, traffic: false } });
  run.feed(run.tap(), frames);
  run.pipeline.finish();
  return { records: run.of('dns'), questions, notDns, anomalies: run.pipeline.totals().anomalies };
}

const said = ({ protocol, query, qtype, qclass, rcode }: DnsRecord) => [
  protocol,
  query,
  qtype,
  qclass,
  rcode,
];

describe('multicast DNS', () => {
  const ask = { src: IP.db, dst: MDNS.group, sport: MDNS.port, dport: MDNS.port };

  it('is a record for each question of a message, asked of the group', () => {
    const heard = hear([
      at(
        1,
        datagram(
          ask,
          severalQuestions([
            { name: '_http._tcp.local', type: QTYPE.PTR, qclass: UNICAST_ANSWER },
            { name: 'db.local', type: QTYPE.A },
          ]),
        ),
      ),
    ]);

    expect(heard.records.map(said)).toEqual([
      ['mdns', '_http._tcp.local', 'PTR', 'IN', undefined],
      ['mdns', 'db.local', 'A', 'IN', undefined],
    ]);
    expect(heard.records[0]).toMatchObject({
      client: { ip: IP.db, workload: { name: 'db' } },
      server: { ip: MDNS.group, port: 5353, scope: 'multicast' },
    });
    expect(heard.questions).toEqual(['mdns _http._tcp.local', 'mdns db.local']);
    expect(heard.anomalies).toEqual({});
  });

  it('an answer that nobody asked for is named by what it answers, and joins no question', () => {
    const heard = hear([
      at(1, datagram(ask, severalQuestions([{ name: 'api.local', type: QTYPE.A }]))),
      at(
        1.01,
        datagram(
          { ...ask, src: IP.api },
          unsolicited('api.local', { ...answer.a(IP.api), name: 'api.local' }),
        ),
      ),
    ]);

    expect(heard.records.map(said)).toEqual([
      ['mdns', 'api.local', 'A', 'IN', undefined],
      ['mdns', 'api.local', 'A', 'IN', 'NOERROR'],
    ]);
    expect(heard.records[1]).toMatchObject({
      server: { ip: IP.api, workload: { name: 'api' } },
      client: { ip: MDNS.group },
      answers: [{ data: IP.api }],
    });
    expect(heard.records[1]!.rtt).toBeUndefined();
  });

  it('is not mistaken for DNS that is none: others use the port by chance', () => {
    const quic = { src: IP.db, dst: IP.outside, sport: MDNS.port, dport: 443 };
    const heard = hear([
      at(1, datagram(quic, new Uint8Array(1200).fill(0xc3))),
      at(2, datagram({ ...quic, dport: 53 }, dnsQuery({ name: 'a.test' }))),
    ]);

    expect(heard.records.map(said)).toEqual([['dns', 'a.test', 'A', 'IN', undefined]]);
    expect(heard.notDns).toEqual([]);
    expect(heard.anomalies).toEqual({});
  });
});

describe('LLMNR', () => {
  it('is a record of the question, and one of the answer, which comes from another address', () => {
    const heard = hear([
      at(
        1,
        datagram(
          { src: IP.db, dst: LLMNR.group, sport: 40_000, dport: 5355 },
          dnsQuery({ name: 'wpad', id: 9 }),
        ),
      ),
      at(
        1.01,
        datagram(
          { src: IP.api, dst: IP.db, sport: 5355, dport: 40_000 },
          dnsResponse({ name: 'wpad', id: 9, answers: [answer.a(IP.api)] }),
        ),
      ),
    ]);

    expect(heard.records.map(said)).toEqual([
      ['llmnr', 'wpad', 'A', 'IN', undefined],
      ['llmnr', 'wpad', 'A', 'IN', 'NOERROR'],
    ]);
    expect(heard.records.map(({ client, server }) => [client.ip, server.ip])).toEqual([
      [IP.db, LLMNR.group],
      [IP.db, IP.api],
    ]);
    // Its bits have other meanings there than RD and RA.
    expect(heard.records.flatMap(({ flags }) => flags)).toEqual([]);
    expect(heard.questions).toEqual(['llmnr wpad']);
  });
});
