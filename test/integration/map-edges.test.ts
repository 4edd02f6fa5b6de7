/** `map --edges` and `map --watch` through the real executable, over a real database, on a real terminal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heartbeatPath, startHeartbeat } from '../../src/cli/lib/heartbeat.ts';
import { wallMicros } from '../../src/model/time.ts';
import { Station } from '../../src/station/station.ts';
import {
  BRIDGEWATCH,
  bridgewatch,
  NOT_BUILT,
  onTerminal,
  records,
  shell,
  start,
} from '../cli/support/bridgewatch.ts';
import { smallEngine } from '../cli/support/small-engine.ts';
import { memoryLogger, stationConfig, until } from '../station/support/harness.ts';
import { endpoint, flow, outside } from '../station/support/records.ts';
import { type FakeEngine, fakeEngine } from '../support/fake-engine.ts';

if (NOT_BUILT !== undefined) console.error(`SKIPPED: the tests of live edges: ${NOT_BUILT}`);

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const SECOND = 1_000_000;

describe.skipIf(NOT_BUILT !== undefined)('map with edges', () => {
  let folder: string;
  let database: string;
  let engine: FakeEngine;
  let stopHeartbeat: () => void;
  let onEngine: readonly string[];
  let noEngine: readonly string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bridgewatch-edges-'));
    database = await storeOf('busy', 10);
    stopHeartbeat = startHeartbeat(
      heartbeatPath(database),
      () => [],
      (error) => {
        throw error;
      },
    );
    engine = fakeEngine(smallEngine());
    await engine.listen();
    onEngine = ['map', '--db', database, '--socket', engine.socket];
    noEngine = ['map', '--db', database, '--socket', '/nowhere/docker.sock'];
  });

  afterAll(async () => {
    stopHeartbeat();
    await engine.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** With a flow to the outside and one between containers, both ended so many seconds ago. */
  async function storeOf(name: string, agoSecs: number): Promise<string> {
    const path = join(folder, name);
    const station = new Station(stationConfig(path), { logger: memoryLogger().logger });
    await station.start();
    const end = wallMicros() - agoSecs * SECOND;
    const times = { start: end - 5 * SECOND, end, reason: 'closed' } as const;
    station.receive(flow(1, { ...times, resp: outside({ names: ['api.example.com'] }), origBytes: 600_000 }));
    station.receive(flow(2, { ...times, resp: endpoint({ ip: '172.30.1.6', port: 5432 }) }));
    await station.stop();
    return join(path, 'bridgewatch.db');
  }

  it('prints them once, under what the engine says of their networks', async () => {
    const { code, stdout, stderr } = await bridgewatch([...onEngine, '--edges']);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\S+ \S+Z {2}2 edges in the last 60 s\n/);
    expect(stdout).toMatch(
      /\nshop_data {2}internal .*\n {2}shop\/db -> internet api\.example\.com:443 +tcp +[\d.]+ KiB\/s +since /,
    );
  });

  it('needs no engine for it, and says what is missing', async () => {
    const { code, stdout } = await bridgewatch([...noEngine, '--edges']);

    expect(code).toBe(0);
    expect(stdout).toContain('! networks without details: ');
    expect(stdout).toContain('shop/db -> internet api.example.com:443');
  });

  it('has a record for each with --json', async () => {
    const { code, stdout } = await bridgewatch([...noEngine, '--edges', '--json']);

    expect(code).toBe(0);
    expect(records(stdout).map(({ kind, orig, resp, network }) => [kind, orig, resp, network])).toEqual([
      ['edge', 'shop/db', 'internet api.example.com', 'shop_data'],
      ['edge', 'shop/db', 'shop/db', 'shop_data'],
    ]);
  });

  it('says that no agent runs and how old the newest flow is', async () => {
    const old = await storeOf('old', 7200);
    const { code, stdout } = await bridgewatch(['map', '--db', old, '--socket', engine.socket, '--edges']);

    expect(code).toBe(0);
    expect(stdout).toMatch(
      / 0 edges in the last 60 s\n! nothing new comes: no agent writes .*old\/bridgewatch\.db\.health/,
    );
    expect(stdout).toMatch(/\n! the newest stored flow ended \d{4}-/);
    const wider = await bridgewatch([
      'map',
      '--db',
      old,
      '--socket',
      engine.socket,
      '--edges',
      '--since',
      '3h',
    ]);
    expect(wider.stdout).toContain('2 edges in the last 3 h');
  });

  it('refuses what makes no sense, and says when there is no database', async () => {
    const [lone, bad, none] = await Promise.all([
      bridgewatch([...onEngine, '--since', '5m']),
      bridgewatch([...onEngine, '--edges', '--since', 'yesterday']),
      bridgewatch(['map', '--watch', '--db', join(folder, 'none.db')]),
    ]);

    expect([lone.code, bad.code, none.code]).toEqual([2, 2, 3]);
    expect(lone.stderr).toContain('give --edges or --watch with it');
    expect(none.stderr).toContain('there is no database at');
  });

  it('watches in blocks of records where stdout is no terminal, until Ctrl-C', async () => {
    const watching = start([...noEngine, '--watch']);
    const times = () => new Set(records(watching.stdout().replace(/[^\n]*$/, '')).map(({ time }) => time));
    await until('a second block', () => times().size >= 2, 20_000);
    const { signal, stderr } = await watching.interrupt();

    expect({ signal, stderr }).toEqual({ signal: 'SIGINT', stderr: '' });
  });

  it('ends with its reader', async () => {
    const { code, stderr } = await shell('bridgewatch "$@" --watch | head -n 1 | cut -c 1-14', noEngine);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('draws on a terminal, and gives back cursor and screen at Ctrl-C', async () => {
    const watch = [...onEngine, '--watch'].map((word) => `'${word}'`).join(' ');
    const { stdout } = await shell(
      `script --quiet --return --command "timeout --foreground --signal=INT 6 ${process.execPath} ${BRIDGEWATCH} ${watch}" /dev/null`,
      [],
      { env: { TERM: 'xterm' } },
    );
    const [before, drawn, after] = [
      stdout.slice(0, stdout.indexOf(ENTER)),
      stdout.slice(stdout.indexOf(ENTER) + ENTER.length, stdout.lastIndexOf(LEAVE)),
      stdout.slice(stdout.lastIndexOf(LEAVE) + LEAVE.length),
    ];

    expect(before).toBe('');
    expect(drawn.split(HOME).length - 1).toBeGreaterThanOrEqual(2);
    expect(drawn).toContain('shop/db -> internet api.example.com:443');
    expect(drawn).not.toContain('[?1049');
    expect(after.replace(/[\r\n^C]/g, '')).toBe('');
  });

  it('leaves the terminal as it was when it cannot begin', async () => {
    const { code, stdout } = await onTerminal(['map', '--watch', '--db', join(folder, 'none.db')]);

    expect(code).toBe(3);
    expect(stdout).not.toContain('\u001b[?');
  });
});
