import { describe, expect, it } from 'vitest';
import internalEgress from '../../analyzers/internal-egress.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { type ReplayOptions, type ReplayResult, replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { scratchFolder } from '../support/frames.ts';
import { T0 } from '../support/inventory-facts.ts';
import { dnsQuery, dnsResponse, dockerMac, LINKTYPE, pcapFile, tcpFrame } from '../support/packet-builder.ts';
import { PcapngBlocks } from '../support/pcap-writer.ts';
import { at, connection, datagram, IP, inventory, segment } from './pipeline-run.ts';

const write = scratchFolder();
const OPT_IF_NAME = 2;

async function replayed(
  path: string,
  over: Partial<ReplayOptions> = {},
): Promise<ReplayResult & { readonly records: readonly AgentRecord[] }> {
  const records: AgentRecord[] = [];
  const result = await replay({
    path,
    backend: 'auto',
    config: loadConfig({ env: {}, analyzers: [internalEgress] }),
    analyzers: [internalEgress],
    inventory: { state: inventory(), hostAddresses: [] },
    wants: { flows: true, dns: true },
    emit: (record) => void records.push(record),
    log: createLogger('silent'),
    ...over,
  });
  return { ...result, records };
}

/** A flow inside `data`, a question to its gateway, an attempt to leave, and a frame that is cut off. */
function incident() {
  return [
    ...connection(1, { src: IP.api, dst: IP.db }),
    at(
      2,
      datagram({ src: IP.db, dst: IP.dataGateway, sport: 40_000, dport: 53 }, dnsQuery({ name: 'a.test' })),
    ),
    at(3, segment({ src: IP.db, dst: IP.outside, sport: 40_001, dport: 443, flags: 'S' })),
    at(4, new Uint8Array([...new Array(12).fill(2), 8, 0, 0x45, 0])),
  ];
}

function pcap(name: string, frames = incident()): string {
  return write(name, pcapFile(frames.map(({ data, time }) => ({ frame: data, timeMicros: time }))));
}

const flowsOf = (records: readonly AgentRecord[]) =>
  records.flatMap((record) => (record.kind === 'flow' ? [record] : []));

describe('the replay of a file', () => {
  it("reads what a container asked Docker's resolver out of a capture of its own loopback", async () => {
    const ends = { src: '127.0.0.1', dst: '127.0.0.11', sport: 40_000, dport: 38_211 };
    const asked = datagram(ends, dnsQuery({ name: 'a.test', id: 7 }));
    const answered = datagram(
      { src: '127.0.0.11', dst: '127.0.0.1', sport: 53, dport: 40_000 },
      dnsResponse({ name: 'a.test', id: 7, rcode: 3 }),
    );
    const { summary, records } = await replayed(pcap('lo.pcap', [at(1, asked), at(1.02, answered)]));

    expect(summary).toMatchObject({ packets: 2, dnsQuestions: 1, flows: 0 });
    expect(records.filter(({ kind }) => kind === 'dns')).toMatchObject([
      { vantage: 'file', query: 'a.test', rcode: 'NXDOMAIN', rtt: 20_000, server: { scope: 'engine' } },
    ]);
  });

  it('ends with a summary that adds up', async () => {
    const frames = incident();
    const { summary, end, records } = await replayed(pcap('incident.pcap', frames));

    expect(end).toEqual({ reason: 'end-of-file' });
    expect(summary).toMatchObject({
      kind: 'summary',
      packets: frames.length,
      bytes: frames.reduce((total, { data }) => total + data.length, 0),
      first: T0 + 1_000_000,
      last: T0 + 4_000_000,
      flows: 3,
      dnsQuestions: 1,
      notUnderstood: {},
      losses: {},
    });
    expect(Object.values(summary.anomalies)).toEqual([1]);
    expect(flowsOf(records)).toHaveLength(3);
    const opened = records.filter((record) => record.kind === 'finding' && record.status === 'open');
    expect(summary.findings).toBe(opened.length);
    expect(opened.length).toBeGreaterThan(0);
  });

  it('is the same each time, byte for byte', async () => {
    const path = pcap('twice.pcap');

    const texts = [];
    for (let i = 0; i < 2; i++) {
      const { records, summary } = await replayed(path);
      texts.push([...records, summary].map(serializeRecord).join('\n'));
    }

    expect(texts[1]).toBe(texts[0]);
  });

  it('makes no flow and DNS records when nobody wants them, and finds the same', async () => {
    const path = pcap('quiet.pcap');
    const all = await replayed(path);
    const quiet = await replayed(path, { wants: { flows: false, dns: false } });

    const withoutBulk = all.records.filter(({ kind }) => kind !== 'flow' && kind !== 'dns');
    expect(quiet.records.map(serializeRecord)).toEqual(withoutBulk.map(serializeRecord));
    expect(quiet.summary).toEqual(all.summary);
    expect(quiet.records.some(({ kind }) => kind === 'flow' || kind === 'dns')).toBe(false);
  });

  it('counts frames that the snaplen cut as a loss', async () => {
    const [whole] = connection(1, { src: IP.api, dst: IP.db });
    const cut = { frame: whole!.data.slice(0, 30), timeMicros: T0, wireLen: whole!.data.length };
    const { summary } = await replayed(write('cut.pcap', pcapFile([cut])));

    expect(summary.losses).toEqual({ snaplen: 1 });
    expect(summary.bytes).toBe(whole!.data.length);
  });

  it('without a packet has no first and last', async () => {
    const { summary } = await replayed(write('empty.pcap', pcapFile([])));

    expect(summary).toMatchObject({ packets: 0, flows: 0, findings: 0 });
    expect(summary).not.toHaveProperty('first');
  });

  it('of a file that breaks off keeps what came before, and says why it ended', async () => {
    const whole = pcapFile(incident().map(({ data, time }) => ({ frame: data, timeMicros: time })));
    const { end, summary } = await replayed(write('broken.pcap', whole.slice(0, -10)));

    expect(end.reason).toBe('truncated');
    expect(summary.packets).toBe(incident().length - 1);
    expect(summary.flows).toBe(3);
  });

  it('rejects with the reason when there is nothing to read', async () => {
    await expect(replayed('/nonexistent/file.pcap')).rejects.toMatchObject({ code: 'CAPTURE_FILE' });
    await expect(replayed(write('text.pcap', 'hello there, this is text'))).rejects.toMatchObject({
      code: 'CAPTURE_NOT_A_CAPTURE',
    });
  });

  it('attributes the host by the addresses that the inventory brought', async () => {
    const { records } = await replayed(pcap('host.pcap'), {
      inventory: { state: inventory(), hostAddresses: [IP.outside] },
    });

    const flow = flowsOf(records).find(({ resp }) => resp.ip === IP.outside);
    expect(flow).toMatchObject({ resp: { scope: 'host' }, direction: 'host' });
    expect(records.find(({ kind }) => kind === 'finding')).toMatchObject({ message: 'reached-host' });
  });
});

describe('the interfaces of a pcapng file', () => {
  const ng = new PcapngBlocks();
  const named = (name: string, linkType = LINKTYPE.ETHERNET) =>
    ng.interface(linkType, [[OPT_IF_NAME, Buffer.from(name)]]);
  const syn = (src: string, dst: string) => segment({ src, dst, sport: 40_000, dport: 80, flags: 'S' });
  const packet = (id: number, data: Uint8Array) => ng.enhancedPacket(id, BigInt(T0 + 1_000_000), data);

  it('are mapped to the networks whose bridge they are, also those described late', async () => {
    const overlapping = syn('10.0.0.1', '10.0.0.2');
    const file = Buffer.concat([
      ng.section(),
      named('br-data'),
      packet(0, overlapping),
      named('br-front'),
      packet(1, overlapping),
      named('br-elsewhere'),
      packet(2, overlapping),
    ]);

    const { records, summary } = await replayed(write('bridges.pcapng', file));

    const networks = flowsOf(records).map((flow) => [flow.interface, flow.network?.name]);
    expect(networks.sort()).toEqual([
      ['br-data', 'data'],
      ['br-elsewhere', undefined],
      ['br-front', 'front'],
    ]);
    expect(summary.flows).toBe(3);
  });

  it('each have their own link type', async () => {
    const frame = syn(IP.api, IP.db);
    const file = Buffer.concat([
      ng.section(),
      named('br-data'),
      named('tun0', LINKTYPE.RAW),
      packet(0, frame),
      packet(1, frame.slice(14)),
    ]);

    const { records, summary } = await replayed(write('links.pcapng', file));

    expect(flowsOf(records)).toHaveLength(2);
    expect(summary.notUnderstood).toEqual({});
    const raw = flowsOf(records).find((flow) => flow.interface === 'tun0');
    expect(raw).toMatchObject({ network: { name: 'data' }, orig: { workload: { name: 'api' } } });
  });

  it('are no hindrance with networks given by hand: flows find theirs by the subnets', async () => {
    const file = Buffer.concat([ng.section(), named('eth0'), packet(0, syn(IP.db, IP.outside))]);
    const state = inventoryFromNetworkFlags(['vault=172.30.20.0/24,internal']);

    const { records, summary } = await replayed(write('flags.pcapng', file), {
      inventory: { state, hostAddresses: [] },
    });

    expect(flowsOf(records)[0]).toMatchObject({ network: { name: 'vault', internal: true } });
    expect(summary.findings).toBe(1);
  });

  describe('whose bridge is known: sources are held against the inventory', () => {
    const from = (src: string, mac: string, dst: string = IP.db) =>
      tcpFrame({ src, dst, srcMac: mac, dstMac: dockerMac(dst), sport: 40_000, dport: 80, flags: 'S' });
    const capture = (name: string, bridge: string, ...frames: Uint8Array[]) =>
      write(name, Buffer.concat([ng.section(), named(bridge), ...frames.map((frame) => packet(0, frame))]));
    const spoofsOf = (records: readonly AgentRecord[]) => records.filter(({ kind }) => kind === 'spoof');
    const asGateway = from(IP.dataGateway, dockerMac(IP.api));
    const HOST_MAC = '02:42:00:00:00:01';

    it("a container with its neighbour's or its gateway's address is told, once each", async () => {
      const asDb = from(IP.db, dockerMac(IP.api), IP.dataGateway);

      const { records } = await replayed(capture('spoofed.pcapng', 'br-data', asDb, asGateway, asDb));

      const sender = { name: 'api' };
      expect(spoofsOf(records)).toMatchObject([
        { mismatch: 'ip-of-another', ip: IP.db, network: 'data', interface: 'br-data', sender },
        { mismatch: 'gateway-address', ip: IP.dataGateway, sender },
      ]);
    });

    it('a quiet capture has none, and neither what the host forwards with a MAC that the file does not tell', async () => {
      const { records } = await replayed(
        capture(
          'quiet.pcapng',
          'br-data',
          from(IP.api, dockerMac(IP.api)),
          from(IP.db, dockerMac(IP.db), IP.api),
          from(IP.dataGateway, HOST_MAC),
          from(IP.outside, HOST_MAC),
          from(IP.api, HOST_MAC),
        ),
      );

      expect(flowsOf(records).length).toBeGreaterThan(3);
      expect(spoofsOf(records)).toEqual([]);
    });

    it('nobody is accused where the bridge is not known, or no containers are', async () => {
      const elsewhere = await replayed(capture('elsewhere.pcapng', 'eth0', asGateway));
      const state = inventoryFromNetworkFlags(['data=172.30.20.0/24']);
      const withoutContainers = await replayed(capture('flagged.pcapng', 'data', asGateway), {
        inventory: { state, hostAddresses: [] },
      });

      expect(spoofsOf([...elsewhere.records, ...withoutContainers.records])).toEqual([]);
    });
  });
});
