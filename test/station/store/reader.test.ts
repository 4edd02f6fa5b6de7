import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { type PublicOf, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../support/harness.ts';
import {
  coverage,
  database,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  network,
  outside,
  T0,
} from '../support/records.ts';

const proxy = endpoint({
  ip: '172.30.2.9',
  workload: {
    ...database,
    containerId: `beef${database.containerId.slice(4)}`,
    name: 'edge-proxy-1',
    composeProject: 'edge',
    composeService: 'proxy',
  },
});

const NETWORKS = [
  { name: 'app_front', internal: false },
  { name: 'app_back', internal: true },
];

function seenInContainer(): DnsRecord {
  const { network: _, ...rest } = dns(3, { client: proxy });
  return {
    ...rest,
    query: 'seen.in.container',
    vantage: 'container',
    interface: 'lo@edge-proxy-1',
    networks: NETWORKS,
    server: outside({ ip: '127.0.0.11', port: 53, scope: 'engine' }),
    upstream: { server: outside({ ip: '198.51.100.53' }), network: 'edge', interface: 'br-1', rtt: 800 },
    edns: { udpSizeBytes: 1232, version: 0, dnssecOk: true, options: [{ code: 10, bytes: 8 }] },
    trailingBytes: 3,
    anomalies: ['dns-trailing-bytes'],
  };
}

let directory: ReturnType<typeof temporaryDirectory>;
let reader: StoreReader;

beforeAll(async () => {
  directory = temporaryDirectory();
  const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
  await station.start();
  station.receive(finding(1, { severity: 'low' }));
  station.receive(finding(2, { severity: 'high', analyzer: 'dns-tunnel', network: 'shop_back, shop_front' }));
  station.receive(finding(3, { severity: 'critical', subject: proxy }));
  station.receive(finding(1, { severity: 'medium', status: 'update', lastSeen: finding(4).lastSeen }));
  for (let i = 0; i < 10; i++) station.receive(flow(i));
  station.receive(flow(10, { orig: proxy, network: { ...network, name: 'edge_public' } }));
  station.receive(
    flow(11, { resp: outside({ ip: '2001:db8::7', port: 53 }), protocol: 'udp', direction: 'egress' }),
  );
  station.receive(dns(1, { query: 'Aaaa.T.Example.com', rcode: 'NXDOMAIN' }));
  station.receive(dns(2, { qtype: 'TXT', client: proxy }));
  station.receive(seenInContainer());
  const { network: _, ...ofContainer } = coverage(1, {
    container: 'edge-proxy-1',
    workload: proxy.workload!,
  });
  station.receive(ofContainer);
  station.receive({
    kind: 'no-route',
    time: T0,
    subject: endpoint({ workload: undefined }),
    networks: NETWORKS,
    family: 'ipv4',
    count: 1,
    intervalSecs: 10,
  });
  station.receive(inventory(1));
  station.receive(inventory(2, { object: 'container', id: database.containerId, name: 'shop-db-1' }));
  station.receive(loss(1));
  await station.stop();
  reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
});

afterAll(() => {
  reader.close();
  directory.remove();
});

function uids(rows: readonly StoredRecord[]): string[] {
  return rows.map(({ text }) => (parseRecord(text) as PublicOf<'flow'>).uid);
}

function ids(rows: readonly StoredRecord[]): string[] {
  return rows.map(({ text }) => (parseRecord(text) as PublicOf<'finding'>).id);
}

describe('findings', () => {
  it('are given in their current state, oldest first', () => {
    expect(ids(reader.queryFindings())).toEqual(['f-2', 'f-3', 'f-1']);
    expect(ids(reader.queryFindings({ history: true }))).toEqual(['f-1', 'f-2', 'f-3', 'f-1']);
  });

  it('are filtered by least severity, of their current state', () => {
    expect(ids(reader.queryFindings({ severity: 'high' }))).toEqual(['f-2', 'f-3']);
    expect(ids(reader.queryFindings({ severity: 'medium' }))).toEqual(['f-2', 'f-3', 'f-1']);
    expect(ids(reader.queryFindings({ severity: 'critical' }))).toEqual(['f-3']);
  });

  it('are filtered by analyzer, network and id', () => {
    expect(ids(reader.queryFindings({ analyzer: 'dns-tunnel' }))).toEqual(['f-2']);
    expect(ids(reader.queryFindings({ network: 'shop_data' }))).toEqual(['f-3', 'f-1']);
    for (const network of ['shop_front', 'shop_back'])
      expect(ids(reader.queryFindings({ network })), network).toEqual(['f-2']);
    expect(ids(reader.queryFindings({ id: 'f-3' }))).toEqual(['f-3']);
  });

  it.each(['edge/proxy', 'proxy', 'edge-proxy-1', 'beef', `beef${database.containerId.slice(4)}`])(
    'are found by a container named %s',
    (container) => {
      expect(ids(reader.queryFindings({ container }))).toEqual(['f-3']);
    },
  );

  it.each(['edge', 'prox', 'bee', '2ab4', "'; DROP TABLE events; --"])('are not found by %s', (container) => {
    expect(reader.queryFindings({ container })).toEqual([]);
  });
});

describe('flows', () => {
  it('are limited to the newest, given oldest first', () => {
    expect(uids(reader.queryFlows({ limit: 3 }))).toEqual(['u9', 'u10', 'u11']);
  });

  it('are filtered by time: since is in, until is out', () => {
    expect(uids(reader.queryFlows({ since: flow(3).end, until: flow(5).end }))).toEqual(['u3', 'u4']);
  });

  it('are filtered by either address, port, protocol, direction, network and uid', () => {
    expect(uids(reader.queryFlows({ ip: '2001:db8::7' }))).toEqual(['u11']);
    expect(uids(reader.queryFlows({ ip: '172.30.2.9' }))).toEqual(['u10']);
    expect(uids(reader.queryFlows({ port: 53, protocol: 'udp' }))).toEqual(['u11']);
    expect(reader.queryFlows({ direction: 'ingress' })).toEqual([]);
    expect(uids(reader.queryFlows({ network: 'edge_public' }))).toEqual(['u10']);
    expect(uids(reader.queryFlows({ uid: 'u7' }))).toEqual(['u7']);
  });

  it('are followed by place, each once, in the order of storing', () => {
    const seen: string[] = [];
    let afterSeq = 0;
    for (;;) {
      const rows = reader.queryFlows({ afterSeq, limit: 5 });
      if (rows.length === 0) break;
      seen.push(...uids(rows));
      afterSeq = rows.at(-1)!.seq;
    }

    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `u${i}`));
    expect(afterSeq).toBe(reader.lastSeq('flows'));
  });
});

describe('DNS and events', () => {
  it('finds questions by part of the name in any case, type, code and container', () => {
    expect(reader.queryDns({ query: 't.example' })).toHaveLength(1);
    expect(reader.queryDns({ qtype: 'TXT' })).toHaveLength(1);
    expect(reader.queryDns({ rcode: 'NXDOMAIN' })).toHaveLength(1);
    expect(reader.queryDns({ container: 'proxy' })).toHaveLength(2);
    expect(reader.queryDns({ query: '%' })).toHaveLength(0);
  });

  it('finds a question seen in its container by each of its networks, and by what carried it on', () => {
    for (const network of ['app_front', 'app_back', 'edge']) {
      expect(reader.queryDns({ network }), network).toHaveLength(1);
    }
    expect(reader.queryDns({ network: 'app' })).toEqual([]);
    expect(reader.queryDns({ network: 'shop_data' })).toHaveLength(2);
    expect(reader.queryDns({ container: 'edge-proxy-1', network: 'edge' })).toHaveLength(1);
  });

  it('keeps all that the record of a question says', () => {
    const [row] = reader.queryDns({ network: 'app_back' });
    expect(row!.text).toBe(serializeRecord(seenInContainer()));
  });

  it.each(['edge-proxy-1', 'edge/proxy', 'proxy', 'beef'])(
    'finds what became of the DNS of a container by %s',
    (container) => {
      const found = reader.queryEvents({ container }).map(({ text }) => parseRecord(text));
      expect(found).toMatchObject([{ kind: 'coverage', container: 'edge-proxy-1' }]);
    },
  );

  it('finds a refused route by each network of the container', () => {
    expect(reader.queryEvents({ network: 'app_back' })).toHaveLength(1);
    expect(reader.queryEvents({ network: 'app_front' })).toHaveLength(1);
  });

  it('gives events by kind', () => {
    expect(reader.queryEvents().map(({ kind }) => kind)).toEqual([
      'no-route',
      'coverage',
      'inventory',
      'loss',
      'inventory',
    ]);
    expect(reader.queryEvents({ kinds: ['loss'] })).toHaveLength(1);
    expect(reader.queryEvents({ container: 'shop-db-1' })).toHaveLength(1);
    expect(reader.queryEvents({ network: 'shop_data' })).toHaveLength(1);
  });
});
