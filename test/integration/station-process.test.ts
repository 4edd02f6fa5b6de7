/**
 * The station as the process that `run` makes of it, with this test in the sensor's place: what it may do, and what is
 * left of five thousand findings when it is killed again and again.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StationLink } from '../../src/channel/station-link.ts';
import { type StationCommand, StationProcess } from '../../src/channel/station-process.ts';
import { giveStore, unprivilegedCommand } from '../../src/channel/unprivileged.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { memoryLogger } from '../station/support/harness.ts';
import { finding, flow } from '../station/support/records.ts';

const MAIN = join(REPOSITORY, 'dist/src/cli/main.js');
const isBuilt = existsSync(MAIN);
if (!isBuilt) console.warn('SKIPPED: the process of the station: the agent is not built (`make build`)');
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: what the station may not do: only root can give privileges up');

const FINDINGS = 5000;
const KILLS = 5;

describe.skipIf(!isBuilt)('the process of the station', () => {
  let dir: string;
  let storePath: string;
  let stop: () => Promise<void>;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-station-'));
    chmodSync(dir, 0o755);
    storePath = join(dir, 'state/bridgewatch.db');
    stop = async () => {};
  });

  afterEach(async () => {
    await stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** As `run` does it. */
  async function begun() {
    const command = unprivilegedCommand({
      file: process.execPath,
      args: [MAIN, 'station'],
      users: ['nobody'],
      storePath,
      uid: process.getuid?.(),
    });
    if (command.user !== undefined) giveStore(storePath, command.user);
    let welcomes = 0;
    const problems: string[] = [];
    const link: StationLink = new StationLink({
      run: 'run-of-the-test',
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
        else {
          welcomes += 1;
          child.isWell();
        }
      },
      onNonsense: () => problems.push('nonsense'),
    });
    const child: StationProcess = new StationProcess({
      command: quiet(command),
      link,
      pauses: { firstMs: 50, maxMs: 200 },
      log: memoryLogger().logger,
      onStillborn: (how) => problems.push(how),
    });
    child.start();
    stop = () => child.stop(10_000);
    await expect.poll(() => welcomes + problems.length, { timeout: 15_000 }).toBeGreaterThan(0);
    return { link, child, problems, command, welcomes: () => welcomes, pid: () => pidFrom(storePath) };
  }

  it.skipIf(!isRoot)(
    'holds no capability, gains none, and cannot open the socket of the engine',
    async () => {
      const { pid, command } = await begun();
      await expect.poll(pid).toBeGreaterThan(0);
      const status = readFileSync(`/proc/${pid()}/status`, 'utf8');
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      if (command.user === undefined) {
        console.warn(`SKIPPED: the user of the station: ${command.notice}`);
        return;
      }
      expect(status).toMatch(new RegExp(`^Uid:(\\t${command.user.uid}){4}$`, 'm'));
      expect(status).toMatch(/^Groups:\t\s*$/m);
      // What it has of its own is no more than that: the socket of the API is its user's.
      const own = `${storePath}.sock`;
      await expect.poll(() => existsSync(own)).toBe(true);
      expect(statSync(own).uid).toBe(command.user.uid);

      // Docker's socket is of root and its group, 0660.
      const socket = join(dir, 'docker.sock');
      const server = await listening(socket);
      chmodSync(socket, 0o660);
      const knock = `require('net').connect('${socket}').on('connect', () => process.exit(0)).on('error', (e) => { console.log(e.code); process.exit(1); })`;
      const asStation = command.args.slice(0, command.args.indexOf(MAIN));
      const tried = spawnSync(command.file, [...asStation, '-e', knock], { encoding: 'utf8' });
      expect(tried.stdout).toBe('EACCES\n');
      expect(spawnSync(process.execPath, ['-e', knock]).status).toBe(0);
      server.close();
    },
  );

  it(`keeps each of ${FINDINGS} findings once and in order, though it is killed ${KILLS} times`, async () => {
    const { link, welcomes, pid, problems } = await begun();
    for (let i = 0; i < FINDINGS; i++) {
      link.send(finding(i));
      link.send(flow(i));
      if (i % (FINDINGS / KILLS) === FINDINGS / KILLS / 2) {
        const before = welcomes();
        await expect.poll(pid, { timeout: 15_000 }).toBeGreaterThan(0);
        process.kill(pid()!, 'SIGKILL');
        await expect.poll(welcomes, { timeout: 30_000 }).toBeGreaterThan(before);
      }
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => link.waiting, { timeout: 30_000 }).toBe(0);
    await stop();

    expect(welcomes()).toBe(1 + KILLS);
    expect(problems).toEqual([]);
    const reader = await openStoreReadOnly(storePath);
    const ids = reader
      .queryFindings({ limit: FINDINGS * 2, history: true })
      .map(({ text }) => JSON.parse(text).id);
    reader.close();
    expect(ids).toEqual(Array.from({ length: FINDINGS }, (_, i) => finding(i).id));
  }, 120_000);

  it('says why it cannot start, and is not started again', async () => {
    mkdirSync(storePath, { recursive: true });
    const { problems, welcomes, pid } = await begun();
    expect(problems[0]).toContain(storePath);
    expect(welcomes()).toBe(0);
    // Its end is told, and nobody comes after it.
    await expect.poll(() => problems.at(-1), { timeout: 15_000 }).toBe('exit code 3');
    expect(pid()).toBeUndefined();
  }, 30_000);
});

/** The station writes it into its heartbeat; the one of a station that was killed is no process any more. */
function pidFrom(path: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(`${path}.health`, 'utf8')) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

/** What it prints is another's test. */
function quiet({ file, args, ...ids }: StationCommand): StationCommand {
  return { file: '/bin/sh', args: ['-c', 'exec "$@" >/dev/null', 'sh', file, ...args], ...ids };
}

function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}
