/** `flows` and `events` with filters over a real database, through the command line as a person types it. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { explainFailure } from '../../src/cli/lib/failure.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { coverage, finding, flow, network, outside, T0 } from '../station/support/records.ts';
import { runProgram } from './support/run-program.ts';

const MINUTE = 60_000_000;
const NOW = T0 + 10 * MINUTE;

let directory: ReturnType<typeof temporaryDirectory>;
let database: string;

/** u0 is two days old, u1 an hour and a half, u2 to u5 some minutes. */
beforeAll(async () => {
  directory = temporaryDirectory();
  database = join(directory.path, 'bridgewatch.db');
  const at = (start: number) => ({ start, end: start + 1000 });
  const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
  await station.start();
  station.receive(flow(0, at(NOW - 2 * 1440 * MINUTE)));
  station.receive(flow(1, at(NOW - 90 * MINUTE)));
  station.receive(flow(2, at(T0 + MINUTE)));
  station.receive(flow(3, { ...at(T0 + 2 * MINUTE), respBytes: 2_000_000 }));
  station.receive(
    flow(4, { ...at(T0 + 3 * MINUTE), network: { ...network, name: 'edge' }, respBytes: 2_000_000 }),
  );
  station.receive(flow(5, { ...at(T0 + 4 * MINUTE), resp: outside({ port: 80 }), service: 'http' }));
  station.receive(finding(1, { severity: 'low' }));
  station.receive(finding(2, { severity: 'critical', analyzer: 'dns-tunnel' }));
  station.receive(coverage(3));
  await station.stop();
});

afterAll(() => directory.remove());
beforeEach(() => {
  vi.useFakeTimers({ now: NOW / 1000, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const run = (...args: string[]) => runProgram(database, ...args);

async function uids(...args: string[]): Promise<string[]> {
  const { stdout } = await run('flows', ...args, '--json');
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as { uid: string }).uid));
}

describe('flows', () => {
  it('takes a filter in one word or in several', async () => {
    expect(await uids('network:data and bytes>1MB')).toEqual(['u3']);
    expect(await uids('network:data', 'bytes>1MB')).toEqual(['u3']);
    expect(await uids('bytes>1MB', 'or', 'service:http')).toEqual(['u3', 'u4', 'u5']);
  });

  it('looks at the last hour, unless told otherwise by --since or by the filter itself', async () => {
    expect(await uids()).toEqual(['u2', 'u3', 'u4', 'u5']);
    expect(await uids('port:443')).toEqual(['u2', 'u3', 'u4']);
    expect(await uids('port:443', '--since', '2h')).toEqual(['u1', 'u2', 'u3', 'u4']);
    expect(await uids('port:443 start<-1h')).toEqual(['u0', 'u1']);
    expect(await uids('port:443 start<-1h', '--since', '1d')).toEqual(['u1']);
    expect(await uids('start:2026-11-23T14:02')).toEqual(['u3']);
  });

  it('narrows further by the other options', async () => {
    expect(await uids('bytes>1MB', '--network', 'edge')).toEqual(['u4']);
    expect(await uids('bytes>1MB', '--workload', 'shop/db')).toEqual(['u3', 'u4']);
    expect(await uids('bytes>1MB', '--workload', 'shop/api')).toEqual([]);
    expect(await uids('start<now', '--until', '90m')).toEqual(['u0']);
  });

  it('gives the newest so many that match, however many do not', async () => {
    expect(await uids('bytes<1MB time<now', '--limit', '2')).toEqual(['u2', 'u5']);
    expect(await uids('bytes>1MB', '--limit', '1')).toEqual(['u4']);
  });

  it('prints a table, and says what it looked at when that is empty', async () => {
    expect((await run('flows', 'service:http')).stdout).toMatch(
      /^STARTED .*\n2026-11-23 14:04:00Z {2}shop_data {2}shop\/db@data -> internet 198\.51\.100\.7:80 .*\n$/,
    );
    expect((await run('flows', 'service:ssh')).stdout).toBe(
      'No flow is recorded since 2026-11-23 13:10:00Z with these filters.\n',
    );
  });

  it('shows the place of a mistake, with the exit code of a wrong command line', async () => {
    const error = await run('flows', 'network:data', 'and', 'dst.scop:internet').catch(
      (thrown: unknown) => thrown,
    );

    expect(explainFailure(error)).toEqual({
      lines: [
        'filter: unknown field "dst.scop"; did you mean "dst.scope"?',
        '  network:data and dst.scop:internet',
        '                   ^^^^^^^^',
      ],
      exitCode: 2,
    });
  });
});

describe('events', () => {
  it('takes a filter over findings, beside its options', async () => {
    expect((await run('events', 'severity>=high')).stdout).toMatch(/^.* {2}CRITICAL {2}.*\n.*\n$/);
    expect((await run('events', 'subject.container:shop/db', '--severity', 'high')).stdout).toMatch(
      /CRITICAL/,
    );
    expect((await run('events', 'severity<high')).stdout).toMatch(/^.* {2}LOW {2}.*\n.*\n$/);
    expect((await run('events', 'severity<high', '--analyzer', 'dns-tunnel')).stdout).toMatch(/^No finding/);
  });

  it('takes it over the other kinds with --all, and refuses fields that none of them has', async () => {
    const { stdout } = await run('events', '--all', 'kind:coverage or severity:critical', '--json');
    const failure = await run('events', 'bytes>1MB').catch((error: unknown) => error);

    expect(stdout.match(/"kind":"\w+"/g)).toEqual(['"kind":"finding"', '"kind":"coverage"']);
    expect(explainFailure(failure).lines[0]).toBe('filter: bytes is of flows; this filters findings');
  });
});
