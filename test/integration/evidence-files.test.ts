/**
 * Packets put aside, by the executable: this test in the sensor's place tells the station's process collections and
 * answers what it is asked; the commands list, verify, copy out and ask. What comes out is read by tshark and capinfos.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StationLink } from '../../src/channel/station-link.ts';
import { StationProcess } from '../../src/channel/station-process.ts';
import type { EvidenceRequest } from '../../src/model/evidence.ts';
import type { PublicEvidence } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { type Collection, collection } from '../station/evidence/support.ts';
import { memoryLogger } from '../station/support/harness.ts';
import { finding, T0 } from '../station/support/records.ts';

const MAIN = join(REPOSITORY, 'dist/src/cli/main.js');
const isBuilt = existsSync(MAIN);
if (!isBuilt) console.warn('SKIPPED: evidence by the executable: the agent is not built (`make build`)');
const hasTools = ['tshark', 'capinfos'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!hasTools)
  console.warn('SKIPPED: no tshark and capinfos on the PATH: nobody else reads what is written out');

const FINDING = '5c1d9a03b2e4f611';
const HOSTILE = 'e\u001b[2J\u202edata';

describe.skipIf(!isBuilt)('evidence, by the executable', () => {
  let dir: string;
  let storePath: string;
  let folder: string;
  let stop: () => Promise<void>;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-evidence-'));
    storePath = join(dir, 'bridgewatch.db');
    folder = join(dir, 'evidence');
    stop = async () => {};
  });

  afterEach(async () => {
    await stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function begin(onCollect: (link: StationLink, request: EvidenceRequest) => void = () => {}) {
    const problems: string[] = [];
    let welcomes = 0;
    const link: StationLink = new StationLink({
      run: 'run',
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
        else if (message.type === 'collect') onCollect(link, message.request);
        else {
          welcomes += 1;
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
    const welcomed = (count: number) =>
      expect
        .poll(() => problems.concat(welcomes >= count ? 'welcome' : ''), { timeout: 20_000 })
        .toEqual(['welcome']);
    await welcomed(1);
    return { link, child, welcomed };
  }

  function bridgewatch(...args: string[]): Promise<{ code: number | null; out: Buffer; err: string }> {
    return new Promise((resolve) => {
      const command = spawn(process.execPath, [MAIN, ...args, '--db', storePath]);
      const out: Buffer[] = [];
      let err = '';
      command.stdout.on('data', (chunk: Buffer) => void out.push(chunk));
      command.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      command.once('close', (code) => resolve({ code, out: Buffer.concat(out), err }));
    });
  }

  const told = (link: StationLink, { all }: Collection) => {
    for (const piece of all) link.sendEvidence(piece);
  };

  async function recorded(count: number): Promise<PublicEvidence[]> {
    const records = async () => {
      const { out } = await bridgewatch('evidence', '--json');
      return out
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as PublicEvidence);
    };
    await expect.poll(async () => (await records()).length, { timeout: 20_000 }).toBe(count);
    return records();
  }

  it('is listed, shown, verified and copied out while no agent runs, and no name in it reaches a terminal', async () => {
    const { link } = await begin();
    link.send(finding(1, { id: FINDING }));
    link.send(finding(2, { id: '5c1d9a03b2e4f622', severity: 'low' }));
    const later = { firstSeen: T0 + 3_600_000_000, lastSeen: T0 + 3_600_000_000 };
    link.send(finding(3, { id: 'aaaa9a03b2e4f633', ...later }));
    const { firstSeen: time } = later;
    const where = 'evidence.max_per_hour';
    link.send({ kind: 'loss', time, source: 'evidence', where, count: 1, first: time, last: time });
    link.send(finding(4, { id: 'bbbb9a03b2e4f644' }));
    const kept = collection({ id: 'e-1', packets: 30, networks: [HOSTILE], missing: [`before ${HOSTILE}`] });
    told(link, kept);
    await recorded(1);
    await stop();

    const [list, shown, json, timeline, events] = await Promise.all([
      bridgewatch('evidence'),
      bridgewatch('evidence', FINDING),
      bridgewatch('evidence', 'e-1', '--json'),
      bridgewatch('timeline', '--since', '24h', '--no-talks'),
      bridgewatch('events', '--all', 'kind:evidence', '--since', '24h'),
    ]);
    for (const { out, err } of [list, shown, json, timeline, events])
      expect(`${out}${err}`).not.toMatch(/[^\n -~]/);
    expect(list.out.toString()).toMatch(
      /5c1d9a03b2e4f611 +high +port-scan .* 30 +4\.\d KiB +whole, without before/,
    );
    expect(shown.out.toString()).toMatch(/sha256 +[0-9a-f]{64}, verified now\n/);
    expect(shown.out.toString()).toContain(`file      ${join(folder, 'e-1.pcapng')}\n`);
    expect(JSON.parse(json.out.toString())).toMatchObject({
      kind: 'evidence',
      networks: [HOSTILE],
      packets: 30,
    });
    expect(timeline.out.toString()).toContain('5c1d9a03b2e4f611 (port-scan): 30 packets');
    expect(events.out.toString()).toContain('evidence kept  5c1d9a03b2e4f611 (port-scan): 30 packets');

    const copy = join(dir, 'copy.pcapng');
    expect(await bridgewatch('evidence', FINDING, '-w', copy)).toMatchObject({ code: 0 });
    expect(readFileSync(copy).equals(kept.file)).toBe(true);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const again = await bridgewatch('evidence', FINDING, '-w', copy);
    expect([again.code, again.err]).toEqual([3, expect.stringContaining('copy.pcapng')]);
    const piped = await bridgewatch('evidence', FINDING, '-w', '-');
    expect([piped.code, piped.out.equals(kept.file)]).toEqual([0, true]);
    if (hasTools) {
      const read = spawnSync('tshark', ['-r', copy, '-T', 'fields', '-e', 'frame.number'], {
        encoding: 'utf8',
      });
      expect([read.status, read.stdout.trim().split('\n').length]).toEqual([0, 30]);
      expect(spawnSync('capinfos', ['-c', copy], { encoding: 'utf8' }).stdout).toMatch(/packets: +30/);
    }

    appendFileSync(join(folder, 'e-1.pcapng'), 'x');
    const changed = await bridgewatch('evidence', FINDING);
    expect([changed.code, changed.out.toString()]).toEqual([1, expect.stringContaining('THE FILE HAS')]);
    const wrong = await bridgewatch('evidence', FINDING, '-w', join(dir, 'wrong.pcapng'));
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('the file was changed')]);
    const low = await bridgewatch('evidence', '5c1d9a03b2e4f622');
    expect([low.code, low.err]).toEqual([1, expect.stringContaining('evidence.min_severity')]);
    const many = await bridgewatch('evidence', 'aaaa9a03b2e4f633');
    expect([many.code, many.err]).toEqual([1, expect.stringContaining('beyond evidence.max_per_hour')]);
    const none = await bridgewatch('evidence', 'bbbb9a03b2e4f644');
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('nothing says why')]);
    expect((await bridgewatch('evidence', '5c1d')).err).toContain('several findings begin with 5c1d');
    expect(await bridgewatch('evidence', 'ffffffff')).toMatchObject({ code: 2 });
  });

  it('survives the kill of its station in the middle, as a file that is cut off, and the collector begins anew', async () => {
    const { link, child, welcomed } = await begin();
    const { begin: first, bytes, all, file } = collection({ id: 'e-1', packets: 150 });
    for (const piece of [first, ...bytes.slice(0, 2)]) link.sendEvidence(piece);
    const part = join(folder, 'e-1.pcapng.part');
    const size = bytes
      .slice(0, 2)
      .reduce((sum, piece) => sum + (piece.type === 'bytes' ? piece.bytes.length : 0), 0);
    await expect.poll(() => statSync(part, { throwIfNoEntry: false })?.size, { timeout: 10_000 }).toBe(size);
    child.hangUp();
    await welcomed(2);

    const [cut] = await recorded(1);
    expect(cut).toMatchObject({ id: 'e-1', end: 'cut', packets: 100, bytes: size, finding: FINDING });
    expect(readdirSync(folder).sort()).toEqual(['e-1.json', 'e-1.pcapng']);
    for (const piece of all) link.sendEvidence(piece);
    await expect.poll(async () => (await recorded(1))[0]!.end, { timeout: 20_000 }).toBe('whole');
    expect(readFileSync(join(folder, 'e-1.pcapng')).equals(file)).toBe(true);
    expect((await bridgewatch('evidence', 'e-1')).code).toBe(0);
  });

  it('is asked for by `capture --last`, and refused with the words of the sensor', async () => {
    const asked: EvidenceRequest[] = [];
    const kept = (request: string) =>
      collection({
        id: 'a-1',
        packets: 20,
        cause: { kind: 'request', request },
        missing: ['older than 50 s'],
      });
    await begin((link, request) => {
      asked.push(request);
      if (request.targets[0] === 'nosuch')
        link.sendEvidence({
          type: 'refused',
          request: request.request,
          reason: `no network is named ${HOSTILE}`,
        });
      else told(link, kept(request.request));
    });
    const file = join(dir, 'last.pcapng');
    const done = await bridgewatch('capture', 'shop/db', '--last', '60s', '-w', file);

    expect([done.code, done.err]).toEqual([0, expect.stringContaining('20 packets of shop_data\n')]);
    expect(done.err).toContain('not recorded: older than 50 s');
    expect(asked).toMatchObject([{ targets: ['shop/db'], lastSecs: 60 }]);
    expect(readFileSync(file).equals(kept('').file)).toBe(true);
    expect(JSON.parse(readFileSync(`${file}.json`, 'utf8'))).toMatchObject({ id: 'a-1', cause: 'request' });
    const [record] = await recorded(1);
    expect(record).toMatchObject({ targets: ['shop/db'], by: expect.stringMatching(/\(uid \d+\)/) });
    const piped = await bridgewatch('capture', 'shop/db', '--last', '1m', '-w', '-');
    expect(piped.out.equals(kept('').file)).toBe(true);
    const refused = await bridgewatch('capture', 'nosuch', '--last', '60s', '-w', join(dir, 'none.pcapng'));
    expect([refused.code, refused.err]).toEqual([
      1,
      'bridgewatch: no network is named e\\x1b[2J\\u{202e}data\n',
    ]);
    expect(existsSync(join(dir, 'none.pcapng'))).toBe(false);
    for (const flag of [
      ['--for', '30s'],
      ['--rotate', '3', '--max-size', '1MB'],
    ]) {
      const { code, err } = await bridgewatch('capture', 'shop/db', '--last', '60s', ...flag);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining(
          `${flag.includes('--max-size') ? '--max-size' : flag[0]} is for packets that are still to come`,
        ),
      ]);
    }
    await stop();
    const away = await bridgewatch('capture', 'shop/db', '--last', '60s', '-w', file);
    expect([away.code, away.err]).toEqual([3, expect.stringContaining('Only a running agent remembers')]);
  });
});
