import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { AnalyzerDefinition, DnsQuery } from '../../../src/sensor/analysis/analyzer.ts';
import type { DnsConfig } from '../../../src/sensor/config.ts';
import { SECOND, T0 } from '../../support/inventory-facts.ts';
import {
  answer,
  bytes,
  concat,
  dnsOverTcp,
  dnsQuery,
  dnsResponse,
  ethernet,
  hex,
  ipv4,
  QTYPE,
  u16,
  udp,
} from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, segment, startPipeline } from '../pipeline-run.ts';

const CLIENT_PORT = 33_000;

const toServer = (payload: Uint8Array, sport = CLIENT_PORT): Uint8Array =>
  datagram({ src: IP.db, dst: IP.dataGateway, sport, dport: 53 }, payload);
const toClient = (payload: Uint8Array, dport = CLIENT_PORT): Uint8Array =>
  datagram({ src: IP.dataGateway, dst: IP.db, sport: 53, dport }, payload);

interface Heard {
  readonly records: readonly DnsRecord[];
  /** Names of the questions told at once, with the labels as text. */
  readonly questions: readonly { readonly name: string; readonly labels: readonly string[] }[];
  readonly count: number;
  readonly anomalies: Readonly<Record<string, number>>;
}

function hear(frames: readonly MemoryFrame[], dns: Partial<DnsConfig> = {}): Heard {
  const questions: { name: string; labels: string[] }[] = [];
  const analyzer: AnalyzerDefinition = listener('none', {
    onDnsQuery: ({ record, labels }: DnsQuery) =>
      void questions.push({
        name: record.query,
        labels: labels.map((label) => Buffer.from(label).toString('latin1')),
      }),
  });
  const run = startPipeline({ analyzers: [analyzer], dns, wants: { flows: false, traffic: false } });
  const tap = run.tap();
  for (const frame of frames) run.pipeline.onBatch(batchOf([frame]), [tap]);
  run.pipeline.finish();
  return {
    records: run.of('dns'),
    questions,
    count: run.pipeline.dnsQuestions,
    anomalies: run.pipeline.totals().anomalies,
  };
}

const rcodes = ({ records }: Heard): string[] =>
  records.map(({ query, rcode }) => `${query} ${rcode ?? 'no answer'}`);

describe('DNS over UDP', () => {
  it('is one record of question and answer, with both ends named and the time between', () => {
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'Www.Example.test', id: 7 }))),
      at(1.025, toClient(dnsResponse({ name: 'Www.Example.test', id: 7, answers: [answer.a(IP.outside)] }))),
    ]);

    expect(heard.records).toMatchObject([
      {
        time: T0 + SECOND,
        network: { name: 'data' },
        interface: 'br-data',
        client: { ip: IP.db, port: CLIENT_PORT, workload: { name: 'db' } },
        server: { ip: IP.dataGateway, port: 53, scope: 'gateway' },
        vantage: 'bridge',
        transport: 'udp',
        id: 7,
        query: 'Www.Example.test',
        qtype: 'A',
        qclass: 'IN',
        rcode: 'NOERROR',
        answers: [{ name: 'Www.Example.test', type: 'A', ttl: 60, data: IP.outside }],
        rtt: 25_000,
        flags: ['RD', 'RA'],
        anomalies: [],
      },
    ]);
    expect(heard.questions).toEqual([{ name: 'Www.Example.test', labels: ['Www', 'Example', 'test'] }]);
  });

  it('keeps NXDOMAIN, and answers in another case of letters', () => {
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'GoNe.test' }))),
      at(1.01, toClient(dnsResponse({ name: 'gone.TEST', rcode: 3 }))),
    ]);

    expect(heard.records).toMatchObject([{ query: 'GoNe.test', rcode: 'NXDOMAIN', rtt: 10_000 }]);
  });

  it('counts a question sent again once, and joins the first answer', () => {
    const query = toServer(dnsQuery({ name: 'a.test', id: 9 }));
    const reply = toClient(dnsResponse({ name: 'a.test', id: 9, answers: [answer.a(IP.outside)] }));
    const heard = hear([at(1, query), at(2, query), at(2.5, reply)]);

    expect(heard.count).toBe(1);
    expect(heard.questions).toHaveLength(1);
    expect(heard.records).toMatchObject([{ rtt: 1_500_000, rcode: 'NOERROR' }]);
  });

  it('takes another question under the same id for what it is', () => {
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'one.t.test', id: 0 }))),
      at(1.1, toServer(dnsQuery({ name: 'two.t.test', id: 0 }))),
      at(1.2, toServer(dnsQuery({ name: 'two.t.test', id: 0, type: QTYPE.TXT }))),
      at(1.3, toClient(dnsResponse({ name: 'two.t.test', id: 0, type: QTYPE.TXT }))),
    ]);

    expect(heard.questions.map(({ name }) => name)).toEqual(['one.t.test', 'two.t.test', 'two.t.test']);
    expect(rcodes(heard)).toEqual(['one.t.test no answer', 'two.t.test no answer', 'two.t.test NOERROR']);
  });

  it('is not confused by the same id from another port', () => {
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'a.test', id: 1 }), 33_001)),
      at(1, toServer(dnsQuery({ name: 'a.test', id: 1 }), 33_002)),
      at(1.1, toClient(dnsResponse({ name: 'a.test', id: 1 }), 33_002)),
    ]);

    expect(heard.count).toBe(2);
    expect(heard.records.map(({ client, rcode }) => [client.port, rcode])).toEqual([
      [33_002, 'NOERROR'],
      [33_001, undefined],
    ]);
  });

  it.each([
    ['another name', { name: 'evil.test', id: 5 }],
    ['another type', { name: 'a.test', id: 5, type: QTYPE.TXT }],
    ['another id', { name: 'a.test', id: 6 }],
  ])('does not join an answer to %s; the true one still finds its question', (_, forged) => {
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'a.test', id: 5 }))),
      at(1.01, toClient(dnsResponse({ ...forged, answers: [answer.txt('x')] }))),
      at(1.02, toClient(dnsResponse({ name: 'a.test', id: 5, answers: [answer.a(IP.outside)] }))),
    ]);

    expect(heard.records).toHaveLength(2);
    expect(heard.records[0]).toMatchObject({ query: forged.name, rcode: 'NOERROR' });
    expect(heard.records[0]!.rtt).toBeUndefined();
    expect(heard.records[1]).toMatchObject({ query: 'a.test', rtt: 20_000 });
    expect(heard.count).toBe(1);
  });

  it('joins an answer that leaves the question out, as some servers do', () => {
    const whole = dnsResponse({ name: 'a.test', id: 5, rcode: 2 });
    const withoutQuestion = whole.slice(0, 12);
    withoutQuestion.set([0, 0], 4);

    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'a.test', id: 5 }))),
      at(1.01, toClient(withoutQuestion)),
    ]);

    expect(heard.records).toMatchObject([{ query: 'a.test', rcode: 'SERVFAIL', rtt: 10_000 }]);
  });

  describe('that were answered already', () => {
    const asked = at(1, toServer(dnsQuery({ name: 'a.test', id: 5 })));
    const reply = (ip: string, ttl = 60): Uint8Array =>
      toClient(dnsResponse({ name: 'a.test', id: 5, answers: [{ ...answer.a(ip), ttl }] }));
    const told = ({ records }: Heard) =>
      records.map(({ rtt, answers }) => [rtt, answers.map(({ data, ttl }) => `${data} ${ttl}`).join(' ')]);

    it('have the same answer again: it is told once', () => {
      const heard = hear([asked, ...[1.01, 1.0101, 2].map((seconds) => at(seconds, reply(IP.outside)))]);

      expect(told(heard)).toEqual([[10_000, `${IP.outside} 60`]]);
    });

    it.each([
      ['with another address, as a forger who was slower or faster', reply(IP.api), `${IP.api} 60`],
      ['with another TTL', reply(IP.outside, 59), `${IP.outside} 59`],
      ['with bytes behind it', concatToClient(), `${IP.outside} 60`],
    ])('have another answer: it is told as well, %s', (_, second, text) => {
      const heard = hear([asked, at(1.01, reply(IP.outside)), at(1.02, second)]);

      expect(told(heard)).toEqual([
        [10_000, `${IP.outside} 60`],
        [undefined, text],
      ]);
    });

    it.each([
      ['to another port', toClient(dnsResponse({ name: 'a.test', id: 5 }), 33_999)],
      ['from the client', toServer(dnsResponse({ name: 'a.test', id: 5 }))],
      ['with another id', toClient(dnsResponse({ name: 'a.test', id: 6 }))],
      ['for another name', toClient(dnsResponse({ name: 'b.test', id: 5 }))],
    ])('have an answer that is not theirs: it is told, %s', (_, other) => {
      const heard = hear([
        asked,
        at(1.01, toClient(dnsResponse({ name: 'a.test', id: 5 }))),
        at(1.02, other),
      ]);

      expect(heard.records).toHaveLength(2);
    });

    it('are asked again: that is a question with an answer of its own', () => {
      const again = at(1.5, toServer(dnsQuery({ name: 'a.test', id: 5 })));
      const heard = hear([asked, at(1.01, reply(IP.outside)), again, at(1.51, reply(IP.outside))]);

      expect(heard.count).toBe(2);
      expect(heard.records.map(({ rtt }) => rtt)).toEqual([10_000, 10_000]);
    });

    it('have the same answer again long after: then nobody knows what it is', () => {
      const heard = hear(
        [asked, at(1.01, reply(IP.outside)), at(4.01, reply(IP.outside)), at(4.02, reply(IP.outside))],
        {
          answer_timeout_secs: 3,
        },
      );

      expect(told(heard).map(([rtt]) => rtt)).toEqual([10_000, undefined]);
    });

    function concatToClient(): Uint8Array {
      const message = dnsResponse({ name: 'a.test', id: 5, answers: [answer.a(IP.outside)] });
      return toClient(concat(message, bytes(1, 2, 3)));
    }
  });

  it('records an answer whose question was never seen, without a time it took', () => {
    const heard = hear([at(1, toClient(dnsResponse({ name: 'a.test', answers: [answer.a(IP.outside)] })))]);

    expect(heard.count).toBe(0);
    expect(heard.records).toMatchObject([
      { query: 'a.test', client: { ip: IP.db }, server: { ip: IP.dataGateway, port: 53 } },
    ]);
    expect(heard.records[0]!.rtt).toBeUndefined();
  });

  it('reads what is there of a question that the snaplen cut, and says that it was cut', () => {
    const whole = toServer(dnsQuery({ name: 'a-long-enough-name.test', edns: {} }));
    const cut = { ...at(1, whole.slice(0, -6)), wireLen: whole.length };

    const heard = hear([cut]);

    expect(heard.records).toMatchObject([{ query: 'a-long-enough-name.test' }]);
    expect(heard.count).toBe(1);
  });

  it('reads the first fragment and leaves the later ones alone', () => {
    const message = udp({ sport: CLIENT_PORT, dport: 53 }, dnsQuery({ name: 'a.test', edns: {} }));
    const ends = { src: IP.db, dst: IP.dataGateway, protocol: 17, id: 77 };
    const first = ethernet({}, ipv4({ ...ends, moreFragments: true }, message.slice(0, 40)));
    const later = ethernet({}, ipv4({ ...ends, fragmentOffset: 40 }, message.slice(40)));

    expect(hear([at(1, first), at(1, later)]).records).toMatchObject([{ query: 'a.test' }]);
  });

  it('counts what is no DNS on port 53 as an anomaly, and records nothing', () => {
    const heard = hear([at(1, toServer(Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')))]);

    expect(heard.records).toEqual([]);
    expect(heard.count).toBe(0);
    expect(Object.keys(heard.anomalies).filter((code) => code.startsWith('dns-'))).not.toEqual([]);
  });

  it('tells as a loss how many were given up before their answer could come', () => {
    const run = startPipeline({ dns: { max_pending: 256 } });
    const asked = Array.from({ length: 300 }, (_, i) =>
      at(1 + i / 1000, toServer(dnsQuery({ name: `n${i}.test`, id: i }))),
    );
    run.feed(run.tap(), asked.slice(0, 256));
    expect(run.pipeline.dnsQuestions).toBe(256);
    run.feed(run.tap(), asked.slice(256));
    run.pipeline.finish();

    expect(run.of('loss')).toMatchObject([{ source: 'dns-pairing', where: 'dns.max_pending', count: 44 }]);
  });

  it('records the oldest question as unanswered when too many wait, and none is lost', () => {
    const asked = Array.from({ length: 300 }, (_, i) =>
      at(1 + i / 1000, toServer(dnsQuery({ name: `n${i}.test`, id: i }))),
    );

    const heard = hear(asked, { max_pending: 256 });

    expect(heard.count).toBe(300);
    expect(heard.records.map(({ query }) => query)).toEqual(asked.map((_, i) => `n${i}.test`));
  });
});

describe('what else a message says', () => {
  it('EDNS of the question, its options with their bytes, and what comes after the last record', () => {
    const cookie = concat(u16(10), u16(8), bytes(1, 2, 3, 4, 5, 6, 7, 8));
    const asked = dnsQuery({ name: 'a.test', edns: { udpSize: 1400, data: cookie } });
    const reply = dnsResponse({ name: 'a.test', edns: {}, answers: [answer.txt('x'.repeat(200))] });
    const options: { code: number; data: number[] }[] = [];
    const analyzer = listener('none', {
      onDnsQuery: (query) =>
        void options.push(...query.options.map(({ code, data }) => ({ code, data: [...data] }))),
    });
    const run = startPipeline({ analyzers: [analyzer] });
    run.feed(run.tap(), [
      at(1, toServer(concat(asked, new Uint8Array(33)))),
      at(1.1, toClient(concat(reply, new Uint8Array(5)))),
    ]);
    run.pipeline.finish();

    expect(options).toEqual([{ code: 10, data: [1, 2, 3, 4, 5, 6, 7, 8] }]);
    expect(run.of('dns')).toMatchObject([
      {
        protocol: 'dns',
        opcode: 'QUERY',
        edns: { udpSizeBytes: 1400, version: 0, dnssecOk: false, options: [{ code: 10, bytes: 8 }] },
        trailingBytes: 33,
        answers: [{ type: 'TXT', bytes: 201 }],
        anomalies: ['dns-trailing-bytes', 'dns-trailing-bytes'],
      },
    ]);
  });

  it('an rcode with the bits that EDNS adds, and an opcode that is no query', () => {
    const badVersion = dnsResponse({ name: 'a.test', edns: {} });
    // The extended bits stand first in the TTL of OPT: 1 << 4 is BADVERS.
    badVersion[badVersion.length - 6] = 1;
    const update = dnsQuery({ name: 'zone.test', id: 5 });
    update[2] = 0x28;
    const heard = hear([
      at(1, toServer(dnsQuery({ name: 'a.test', edns: {} }))),
      at(1.1, toClient(badVersion)),
      at(2, toServer(update)),
    ]);

    expect(heard.records.map(({ query, opcode, rcode }) => [query, opcode, rcode])).toEqual([
      ['a.test', 'QUERY', 'BADVERS'],
      ['zone.test', 'UPDATE', undefined],
    ]);
  });

  it('is told as no DNS, with its direction, when it is none', () => {
    const events: unknown[] = [];
    const analyzer = listener('none', {
      onNotDns: ({ client, server, fromClient, transport, bytes: size, network }) =>
        void events.push([client.ip, server.ip, fromClient, transport, size, network?.name]),
    });
    const run = startPipeline({ analyzers: [analyzer] });
    const raw = concat(hex('10 d1 9e 20'), new Uint8Array(60).fill(0xa5));
    run.feed(run.tap(), [
      at(1, toServer(raw)),
      at(1.1, toClient(raw.slice(0, 40))),
      at(1.2, toServer(bytes())),
    ]);
    run.pipeline.finish();

    expect(events).toEqual([
      [IP.db, IP.dataGateway, true, 'udp', 64, 'data'],
      [IP.db, IP.dataGateway, false, 'udp', 40, 'data'],
    ]);
  });
});

describe('DNS over TCP', () => {
  /** Each byte in a segment of its own. */
  const bytewise = (message: Uint8Array, firstSeq: number, fields: { fromServer: boolean }): Uint8Array[] =>
    Array.from(message, (_, i) => tcp(fields.fromServer, firstSeq + i, 'PA', message.slice(i, i + 1)));
  const tcp = (fromServer: boolean, seq: number, flags: string, payload?: Uint8Array): Uint8Array =>
    fromServer
      ? segment({ src: IP.dataGateway, dst: IP.db, sport: 53, dport: CLIENT_PORT, seq, flags }, payload)
      : segment({ src: IP.db, dst: IP.dataGateway, sport: CLIENT_PORT, dport: 53, seq, flags }, payload);
  const query = dnsOverTcp(dnsQuery({ name: 'over.tcp.test', id: 3 }));
  const reply = dnsOverTcp(dnsResponse({ name: 'over.tcp.test', id: 3, answers: [answer.a(IP.outside)] }));
  const handshake = [tcp(false, 100, 'S'), tcp(true, 900, 'SA'), tcp(false, 101, 'A')];
  const spaced = (frames: readonly Uint8Array[]) => frames.map((data, i) => at(1 + i / 1000, data));

  it('is the same record over any segmentation: one byte a segment', () => {
    const heard = hear(
      spaced([
        ...handshake,
        ...bytewise(query, 101, { fromServer: false }),
        ...bytewise(reply, 901, { fromServer: true }),
      ]),
    );

    expect(heard.records).toMatchObject([
      {
        transport: 'tcp',
        query: 'over.tcp.test',
        rcode: 'NOERROR',
        client: { ip: IP.db },
        answers: [{ data: IP.outside }],
        // Taken when the last byte came.
        rtt: reply.length * 1000,
      },
    ]);
    expect(heard.count).toBe(1);
  });

  it('counts a segment sent again once', () => {
    const asked = tcp(false, 101, 'PA', query);

    expect(hear(spaced([...handshake, asked, asked, tcp(true, 901, 'PA', reply)])).records).toHaveLength(1);
  });

  it('reads several questions of one segment, each with its own answer', () => {
    const second = dnsOverTcp(dnsQuery({ name: 'second.test', id: 4 }));
    const secondReply = dnsOverTcp(dnsResponse({ name: 'second.test', id: 4, rcode: 3 }));
    const both = new Uint8Array([...query, ...second]);

    const heard = hear(
      spaced([
        ...handshake,
        tcp(false, 101, 'PA', both),
        tcp(true, 901, 'PA', new Uint8Array([...secondReply, ...reply])),
      ]),
    );

    expect(rcodes(heard)).toEqual(['second.test NXDOMAIN', 'over.tcp.test NOERROR']);
  });

  it('does not mix a connection with the one before it on the same ports', () => {
    const half = query.slice(0, 10);
    const heard = hear([
      ...spaced([...handshake, tcp(false, 101, 'PA', half), tcp(false, 101 + half.length, 'R')]),
      ...[
        tcp(false, 70_000, 'S'),
        tcp(true, 80_000, 'SA'),
        tcp(false, 70_001, 'A'),
        tcp(false, 70_001, 'PA', query),
        tcp(true, 80_001, 'PA', reply),
      ].map((data, i) => at(3 + i / 1000, data)),
    ]);

    expect(rcodes(heard)).toEqual(['over.tcp.test NOERROR']);
  });
});
