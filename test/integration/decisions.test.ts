/**
 * Decisions about findings, made with the commands against the process of the station, with this test in the sensor's
 * place: what was decided is there after every kill, findings agree with it, and a finding goes on over runs.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ToSensor } from '../../src/channel/messages.ts';
import { StationLink } from '../../src/channel/station-link.ts';
import { StationProcess } from '../../src/channel/station-process.ts';
import { type PublicDecision, type PublicFinding, parseRecord } from '../../src/model/serialize.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { memoryLogger } from '../station/support/harness.ts';
import { finding } from '../station/support/records.ts';

const MAIN = join(REPOSITORY, 'dist/src/cli/main.js');
const isBuilt = existsSync(MAIN);
if (!isBuilt) console.warn('SKIPPED: decisions about findings: the agent is not built (`make build`)');

const KILLS = 3;

type Welcome = Extract<ToSensor, { type: 'welcome' }>;

describe.skipIf(!isBuilt)('decisions, by the commands', () => {
  let dir: string;
  let storePath: string;
  let stop: () => Promise<void>;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-decisions-'));
    storePath = join(dir, 'bridgewatch.db');
    stop = async () => {};
  });

  afterEach(async () => {
    await stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function begin(run: string) {
    const welcomes: Welcome[] = [];
    const problems: string[] = [];
    let pids = 0;
    const link: StationLink = new StationLink({
      run,
      config: {
        store: { path: storePath },
        influxdb: {},
        sinks: [],
        api: { listen: 'off' },
        log: { level: 'error' },
      },
      json: true,
      onMessage: (message) => {
        if (message.type === 'failed') problems.push(...message.lines);
        else if (message.type === 'welcome') {
          welcomes.push(message);
          child.isWell();
        }
      },
      onNonsense: () => problems.push('nonsense'),
    });
    const child: StationProcess = new StationProcess({
      command: { file: process.execPath, args: [MAIN, 'station'] },
      link,
      pauses: { firstMs: 50, maxMs: 100 },
      log: memoryLogger().logger,
      onStillborn: (how) => problems.push(how),
    });
    child.start();
    stop = () => child.stop(10_000);
    const welcomed = async () => {
      pids += 1;
      await expect
        .poll(() => problems.concat(welcomes.length >= pids ? 'welcome' : ''), { timeout: 20_000 })
        .toEqual(['welcome']);
    };
    await welcomed();
    return { link, child, welcomed, first: welcomes[0]! };
  }

  function bridgewatch(
    ...args: string[]
  ): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
    return new Promise((resolve) => {
      const command = spawn(process.execPath, [MAIN, ...args, '--db', storePath], {
        env: { ...process.env, SUDO_USER: 'alice' },
      });
      let out = '';
      let err = '';
      command.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      command.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      command.once('close', (code) => resolve({ code, out, err }));
    });
  }

  async function stored(): Promise<{
    readonly findings: PublicFinding[];
    readonly decisions: PublicDecision[];
  }> {
    const reader = await openStoreReadOnly(storePath);
    const parsed = (rows: readonly { readonly text: string }[]) => rows.map(({ text }) => parseRecord(text));
    const findings = parsed(reader.queryFindings({ history: true, limit: 10_000 })) as PublicFinding[];
    const events = parsed(reader.queryEvents({ limit: 10_000 }));
    reader.close();
    return { findings, decisions: events.filter((event) => event.kind === 'decision') };
  }

  it('are there after every kill, and each finding is as was decided', async () => {
    const { link, child, welcomed } = await begin('run-1');
    for (let i = 0; i < 120; i++) link.send(finding(i, { id: `abcd${i}x` }));
    await expect.poll(() => link.waiting, { timeout: 10_000 }).toBe(0);

    const acked = await bridgewatch('ack', 'abcd7x', 'nosuchid', '--note', 'looking');
    expect(acked.code, acked.err).toBe(1);
    expect(acked.out).toContain('acknowledged by ');
    expect(acked.out).toContain('for alice');
    expect(acked.err).toContain('no finding nosuchid');
    // Killed while it tells a hundred findings again: what was decided stands, the rest follows from it.
    const mutes: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const asked = bridgewatch(
        'mute',
        '--where',
        `analyzer:internal-egress count<${100 + kill}`,
        '--reason',
        `drill ${kill}`,
        '--for',
        '7d',
      );
      await expect
        .poll(async () => (await stored()).decisions.filter(({ action }) => action === 'mute').length, {
          interval: 5,
          timeout: 10_000,
        })
        .toBe(kill + 1);
      child.hangUp();
      await asked;
      await welcomed();
      const listed = await bridgewatch('mutes', '--json');
      const last = listed.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { id: string; reason: string });
      expect(last.map(({ reason }) => reason)).toContain(`drill ${kill}`);
      mutes.push(last.at(-1)!.id);
    }
    const latest = async () => new Map((await stored()).findings.map((each) => [each.id, each]));
    await expect
      .poll(async () => [...(await latest()).values()].filter(({ muted }) => muted !== undefined).length, {
        timeout: 10_000,
      })
      .toBe(120);
    expect((await latest()).get('abcd7x')).toMatchObject({ acknowledged: { note: 'looking' } });
    // Whoever left muted ones out was told exactly once of each that it is muted now.
    const begun = (await stored()).findings.filter(({ muted }) => muted?.begins === true).map(({ id }) => id);
    expect([begun.length, new Set(begun).size]).toEqual([120, 120]);

    expect(await bridgewatch('unmute', ...new Set(mutes))).toMatchObject({ code: 0, err: '' });
    expect([...(await latest()).values()].filter(({ muted }) => muted !== undefined)).toEqual([]);
    expect((await bridgewatch('mutes')).err).toContain('Nothing is muted');
  });

  it('need an agent, and words that can be printed', async () => {
    const away = await bridgewatch('mute', 'abcd1', '--reason', 'r', '--forever');
    expect([away.code, away.out]).toEqual([3, '']);
    expect(away.err).toMatch(/no agent listens at .*is it running/);

    const { link } = await begin('run-1');
    link.send(finding(1, { id: 'abcd1' }));
    await expect.poll(() => link.waiting, { timeout: 10_000 }).toBe(0);
    expect(await bridgewatch('mute', 'abcd1', '--reason', 'a\u001b[2Jb', '--forever')).toMatchObject({
      code: 2,
    });
    expect(await bridgewatch('mute', 'abcd1', '--reason', 'r')).toMatchObject({ code: 2 });
    expect(await bridgewatch('mute', '--reason', 'r', '--forever')).toMatchObject({ code: 2 });
    expect((await stored()).decisions).toEqual([]);
  });

  it('the next run is told which findings there were, when the agent was killed too', async () => {
    const one = await begin('run-1');
    one.link.send(finding(1, { id: 'abcd1', count: 41 }));
    one.link.send(finding(2, { id: 'abcd2', status: 'closed' }));
    await expect.poll(() => one.link.waiting, { timeout: 10_000 }).toBe(0);
    one.child.hangUp();
    await stop();

    const two = await begin('run-2');
    expect(one.first.findings).toEqual([]);
    expect(two.first.findings.map(({ id, wasOpen, count }) => [id, wasOpen, count]).sort()).toEqual([
      ['abcd1', true, 41],
      ['abcd2', false, 1],
    ]);
  });
});
