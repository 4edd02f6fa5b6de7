/** `dns` over a real database, through the command line as a person types it. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FollowedDns } from '../../src/cli/dns/followed.ts';
import { explainFailure } from '../../src/cli/lib/failure.ts';
import type { DnsRecord } from '../../src/model/dns.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import { compileFilter } from '../../src/query/filter.ts';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly, type StoreReader } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { coverage, database, dns, endpoint, finding, outside, T0 } from '../station/support/records.ts';
import { runProgram } from './support/run-program.ts';

const MINUTE = 60_000_000;
const NOW = T0 + 10 * MINUTE;
const api = endpoint({ workload: { ...database, name: 'shop-api-1', composeService: 'api' } });

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

function inContainer(number: number, over: Partial<DnsRecord> = {}): DnsRecord {
  const { network: _, ...rest } = dns(number, { client: api, ...over });
  return {
    ...rest,
    vantage: 'container',
    interface: 'lo@shop-api-1',
    networks: [
      { name: 'shop_data', internal: true },
      { name: 'shop_front', internal: false },
    ],
    server: outside({ ip: '127.0.0.11', port: 53, scope: 'engine' }),
  };
}

async function store(...records: readonly Parameters<Station['receive']>[0][]): Promise<void> {
  const station = new Station(stationConfig(directory.path), {
    logger: memoryLogger().logger,
    now: () => NOW,
  });
  await station.start();
  for (const record of records) station.receive(record);
  await station.stop();
}

/** q0 is two days old, q1 an hour and a half, the rest some minutes. */
beforeAll(async () => {
  directory = temporaryDirectory();
  path = join(directory.path, 'bridgewatch.db');
  const { network: _, ...ofContainer } = coverage(0, { container: 'shop-api-1', reason: 'tap opened' });
  await store(
    dns(0, { time: NOW - 2 * 1440 * MINUTE, query: 'q0.example.com' }),
    dns(1, { time: NOW - 90 * MINUTE, query: 'q1.example.com' }),
    dns(2, { time: T0 + MINUTE, query: 'q2.example.com' }),
    dns(3, { time: T0 + 2 * MINUTE, query: 'q3.Example.net', rcode: 'NXDOMAIN', answers: [] }),
    inContainer(4, { time: T0 + 3 * MINUTE, query: 'q4.example.com', rtt: 700_000 }),
    inContainer(5, { time: T0 + 4 * MINUTE, query: 'q5\\032x.example.com' }),
    ofContainer,
    finding(1),
  );
});

afterAll(() => directory.remove());
beforeEach(() => {
  vi.useFakeTimers({ now: NOW / 1000, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const run = (...args: string[]) => runProgram(path, ...args);

async function asked(...args: string[]): Promise<string[]> {
  const { stdout } = await run('dns', ...args, '--json');
  return [...stdout.matchAll(/"query":"q(\d)/g)].map(([, number]) => `q${number}`);
}

describe('dns', () => {
  it('looks at the last hour, unless told otherwise', async () => {
    expect(await asked()).toEqual(['q2', 'q3', 'q4', 'q5']);
    expect(await asked('--since', '2h')).toEqual(['q1', 'q2', 'q3', 'q4', 'q5']);
    expect(await asked('time<-1h')).toEqual(['q0', 'q1']);
    expect(await asked('--until', '8m')).toEqual(['q2']);
    expect(await asked('--limit', '1')).toEqual(['q5']);
  });

  it('takes a filter, a network and a workload', async () => {
    expect(await asked('query:*.example.net')).toEqual(['q3']);
    expect(await asked('rcode:NXDOMAIN or rtt>500ms')).toEqual(['q3', 'q4']);
    expect(await asked('query:"q5\\032x.example.com"')).toEqual(['q5']);
    expect(await asked('--network', 'shop_front')).toEqual(['q4', 'q5']);
    expect(await asked('--network', 'shop_data', 'vantage:bridge')).toEqual(['q2', 'q3']);
    expect(await asked('--workload', 'shop/api', 'rtt<1s')).toEqual(['q4', 'q5']);
  });

  it('gives JSON as it was stored', async () => {
    const { stdout } = await run('dns', 'query:q4.*', '--json');
    const record = inContainer(4, { time: T0 + 3 * MINUTE, query: 'q4.example.com', rtt: 700_000 });
    expect(stdout).toBe(`${serializeRecord(record)}\n`);
  });

  it('prints a table, and says what it looked at when that is empty', async () => {
    expect((await run('dns', 'query:q5*')).stdout).toMatch(
      /^TIME .*\n2026-11-23 14:04:00Z {2}shop\/api {2}A {5}q5\\032x\.example\.com {2}198\.51\.100\.9 {3}1\.2 ms {2}engine\n$/,
    );
    expect((await run('dns', 'query:nobody')).stdout).toBe(
      'No DNS is recorded since 2026-11-23 13:10:00Z with these filters.\n',
    );
    expect((await run('dns', 'query:nobody', '--by', 'name')).stdout).toBe(
      'No DNS is recorded since 2026-11-23 13:10:00Z with these filters.\n',
    );
  });

  it('sums up what the filter takes, the most asked first, the rest in a last line', async () => {
    const { stdout } = await run('dns', '--by', 'container', '--since', '2h', '--json');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { kind: 'dns-summary', by: 'container', key: 'shop/db', questions: 3, names: 3, nxdomain: 1 },
      { kind: 'dns-summary', by: 'container', key: 'shop/api', questions: 2 },
    ]);
    expect((await run('dns', '--by', 'name', 'query:*.example.com', '--limit', '1')).stdout).toMatch(
      /^NAME .*\nq2\.example\.com .*\n\(2 others\) .*\n$/,
    );
  });

  it.each([
    [['--follow', '--until', '1m'], /--follow and --until/],
    [['--follow', '--by', 'name'], /--follow and --by/],
    [['bytes>1MB'], /bytes is of flows; this filters DNS records/],
    [['query>a'], /query is a text and has no order/],
  ])('refuses %j with the exit code of a wrong command line', async (args, words) => {
    const error = await run('dns', ...args).catch((thrown: unknown) => thrown);
    const { lines, exitCode } = explainFailure(error);
    expect(lines.join('\n')).toMatch(words);
    expect(exitCode).toBe(2);
  });
});

describe('events --all', () => {
  it('tells what became of the DNS of a container, also by its name alone', async () => {
    const line = '2026-11-23 14:00:00Z  covered  DNS of shop-api-1: tap opened\n';
    expect((await run('events', '--all', 'kind:coverage')).stdout).toBe(line);
    expect((await run('events', '--all', '--workload', 'shop-api-1')).stdout).toBe(line);
    expect((await run('events', '--all', '--workload', 'shop/db')).stdout).toMatch(/^.* HIGH .*\n.*\n$/);
  });
});

describe('what is followed', () => {
  const names = (followed: FollowedDns) =>
    [...followed.next()].map(({ text }) => (JSON.parse(text) as { query: string }).query);

  it('is told once each, page by page, what the filters take', async () => {
    const reader: StoreReader = await openStoreReadOnly(path);
    const filter = compileFilter('query:*.follow.example', { kinds: ['dns'], now: NOW });
    const all = new FollowedDns(reader, {}, 4);
    const some = new FollowedDns(reader, { filter, container: 'shop/api', network: 'shop_front' }, 4);
    const times = Array.from({ length: 20 }, (_, i) => T0 + 5 * MINUTE - i);
    await store(
      ...times.map((time, i) => dns(i, { time, query: `n${i}.follow.example` })),
      inContainer(1, { query: 'mine.follow.example' }),
      inContainer(1, { query: 'mine.other.example' }),
    );

    expect(names(all)).toHaveLength(22);
    expect(names(all)).toEqual([]);
    expect(names(some)).toEqual(['mine.follow.example']);
    expect(some.seen).toBe(all.seen);
    reader.close();
  });
});

describe('a scan of all', () => {
  it('sees each row once, the newest first, over pages, equal times and a filter', async () => {
    const own = temporaryDirectory();
    const station = new Station(stationConfig(own.path), { logger: memoryLogger().logger, now: () => NOW });
    await station.start();
    const many = 12_000;
    for (let i = 0; i < many; i++) station.receive(dns(i, { time: T0 + Math.floor(i / 7), query: `n${i}` }));
    await station.stop();
    const reader = await openStoreReadOnly(join(own.path, 'bridgewatch.db'));

    const rows = [...reader.scanDns()];
    expect(new Set(rows.map(({ seq }) => seq)).size).toBe(many);
    expect(rows.every(({ time }, i) => i === 0 || time <= rows[i - 1]!.time)).toBe(true);
    const filter = compileFilter('query:n1199*', { kinds: ['dns'], now: NOW });
    expect([...reader.scanDns({ matching: { filter } })]).toHaveLength(11);

    const stops: number[] = [];
    const onStopped = (at: number) => stops.push(at);
    expect([...reader.scanDns({ matching: { maxRows: 7000, onStopped } })]).toHaveLength(7000);
    expect(stops).toEqual([rows[6999]!.time]);
    expect([...reader.scanDns({ matching: { maxRows: many, onStopped } })]).toHaveLength(many);
    expect(stops).toHaveLength(1);
    reader.close();
    own.remove();
  });
});
