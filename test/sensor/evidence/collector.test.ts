import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MemoryFrame } from '../../../capture/memory.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Finding, Severity } from '../../../src/model/finding.ts';
import { scratchFolder } from '../../support/frames.ts';
import { at, connection, datagram, IP, segment } from '../pipeline-run.ts';
import { type CollectorRun, finding, framesIn, startCollector, worldOf } from './collector-run.ts';

const write = scratchFolder();
const hasTools = ['tshark', 'capinfos'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!hasTools)
  console.warn('SKIPPED: no tshark and capinfos on the PATH: nobody else reads what is put aside');

const OTHER = '198.51.100.99';
const MIB = 1024 * 1024;

function end(ip: string): Endpoint {
  return { ip, scope: 'lan', names: [], attribution: { method: 'range', confidence: 'certain' } };
}

/** `db` with `api`, and nobody else. */
const scan = (more: Partial<Finding> = {}) => finding({ subject: end(IP.db), peers: [end(IP.api)], ...more });
const another = (n: number, severity: Severity = 'medium') => scan({ id: `f${n}`, severity });

/** SYNs of `db` to ports of `api`, or of another. */
const probes = (from: number, count: number, dst: string = IP.api): MemoryFrame[] =>
  Array.from({ length: count }, (_, n) =>
    at(from + n / 100, segment({ src: IP.db, dst, sport: 40_000, dport: 1000 + n, flags: 'S' })),
  );

/** Of nobody who is of interest. */
const noise = (count: number, length: number): MemoryFrame[] =>
  Array<MemoryFrame>(count).fill(
    at(1, datagram({ src: IP.web, dst: OTHER, sport: 1, dport: 2 }, new Uint8Array(length))),
  );

async function framesOf(run: CollectorRun, id = run.begun()[0]!.id) {
  return framesIn(write(`${id}.pcapng`, run.bytesOf(id)));
}

describe('packets of a finding', () => {
  it('are those that concern it, from before and for a while after', async () => {
    const run = startCollector({ after_secs: 10 });
    run.see(probes(0, 3));
    run.see(connection(1, { src: IP.db, dst: IP.outside }));
    run.nowSecs += 5;
    run.collector.onFinding(scan());
    await run.settle();
    run.nowSecs += 9;
    run.see(probes(14, 2));
    await run.waited();
    run.nowSecs += 2;
    await run.waited();
    run.see(probes(16, 4));
    await run.waited();

    expect(await framesOf(run)).toHaveLength(5);
    expect(run.ended()).toMatchObject([{ end: 'whole', packets: 5 }]);
    expect(run.ended()[0]).toMatchObject({ first: probes(0, 1)[0]!.time, last: probes(14, 2)[1]!.time });
  });

  it('are on their way at once, though it goes on', async () => {
    const run = startCollector();
    run.see(probes(0, 3));
    run.collector.onFinding(scan());
    await run.settle();

    expect(run.ended()).toEqual([]);
    expect(await framesOf(run)).toHaveLength(3);
  });

  it('are no older than the window, by when they arrived', async () => {
    const run = startCollector({ ring_secs: 120 });
    run.see(probes(0, 1));
    run.nowSecs += 1;
    run.see(probes(1, 2));
    run.nowSecs += 120;
    run.collector.onFinding(scan());
    await run.settle();

    expect(await framesOf(run)).toHaveLength(2);
  });

  it.each([-3600, 3600])('are all there though the clock was set by %d s meanwhile', async (step) => {
    const run = startCollector();
    run.see(probes(100, 2));
    run.see(probes(100 + step, 2));
    run.collector.onFinding(scan());
    await run.settle();

    expect(await framesOf(run)).toHaveLength(4);
  });

  it('stand in the order of time, though taps deliver in turns', async () => {
    const run = startCollector();
    run.see(probes(2, 3));
    run.see(probes(1, 3), 'front');
    run.collector.onFinding(scan());
    await run.settle();

    const frames = await framesOf(run);
    const times = frames.map(({ sec, nsec }) => sec * 1e9 + nsec);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(frames.map((each) => each.interface)).toEqual([
      ...Array(3).fill('br-front'),
      ...Array(3).fill('br-data'),
    ]);
  });

  it("hold what its container asked inside its namespace, and no other's", async () => {
    const run = startCollector();
    const asked = [at(1, datagram({ src: '127.0.0.1', dst: '127.0.0.11', sport: 40_000, dport: 53 }))];
    run.see(asked, 'lo@db');
    run.see(asked, 'lo@api');
    const { workload } = worldOf().containers.find((each) => each.workload.name === 'db')!;
    const engine = { ...end('127.0.0.11'), scope: 'engine', port: 53 } as const;
    run.collector.onFinding(scan({ subject: { ...end(IP.db), workload }, peers: [engine] }));
    await run.settle();

    expect((await framesOf(run)).map((each) => each.interface)).toEqual(['lo@db']);
  });

  it.skipIf(!hasTools)(
    'open in tshark and capinfos without a word, with networks, names and comments',
    async () => {
      const run = startCollector({}, { problems: ['network back is not read: no interface'] });
      run.see(probes(0, 3));
      run.see(connection(1, { src: IP.db, dst: IP.outside }), 'front');
      run.collector.onFinding(scan({ peers: [end(IP.api), end(IP.outside)] }));
      await run.settle();
      await run.collector.stop();

      const path = write('tools.pcapng', run.bytesOf(run.begun()[0]!.id));
      const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'frame.comment'];
      const tshark = spawnSync('tshark', ['-r', path, ...fields], { encoding: 'utf8' });
      const capinfos = spawnSync('capinfos', ['-M', path], { encoding: 'utf8' });
      const rows = tshark.stdout.trim().split('\n');
      expect(tshark.stderr.replace(/^Running as user .*\n/, '')).toBe('');
      expect(capinfos.stderr).toBe('');
      expect(rows).toHaveLength(11);
      expect(rows[0]).toBe(
        `${IP.db}\tfinding f00d000000000001: port-scan, vertical,from container db (db-id)`,
      );
      expect(capinfos.stdout).toContain('docker network data (data-id)');
      expect(capinfos.stdout).toContain('finding f00d000000000001, port-scan, medium: something scans');
      expect(capinfos.stdout).toContain('not seen: network back is not read: no interface');
      expect(capinfos.stdout).toMatch(/Number of resolved IPv4 addresses in file: [1-9]/);
    },
  );

  it('may be any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 30 }), async (frames) => {
        const run = startCollector();
        run.see(frames.map((data, n) => at(n, data)));
        run.see(probes(0, 1));
        run.collector.onFinding(scan());
        await run.settle();
        expect((await framesOf(run)).length).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 10 },
    );
  });
});

describe('an update', () => {
  it('keeps it going, and looks for new peers in what was passed over, each packet once', async () => {
    const run = startCollector({ after_secs: 10 });
    run.see(probes(0, 2));
    run.see(connection(1, { src: IP.db, dst: OTHER }));
    run.collector.onFinding(scan());
    await run.settle();
    run.nowSecs += 9;
    run.collector.onFinding(scan({ status: 'update', peers: [end(IP.api), end(OTHER)] }));
    run.nowSecs += 9;
    run.see(probes(18, 1));
    await run.waited();

    expect(run.ended()).toEqual([]);
    expect(await framesOf(run)).toHaveLength(11);
  });

  it('begins one only of a finding that was too mild before, and a closed finding none', async () => {
    const run = startCollector({ min_severity: 'high', after_secs: 0 });
    run.collector.onFinding(another(1, 'medium'));
    run.collector.onFinding({ ...another(2, 'high'), status: 'update' });
    run.collector.onFinding({ ...another(3, 'high'), status: 'closed' });
    await run.settle();
    expect(run.begun()).toEqual([]);

    run.collector.onFinding({ ...another(1, 'high'), status: 'update' });
    await run.waited();
    expect(run.begun()).toHaveLength(1);

    run.collector.onFinding({ ...another(1, 'high'), status: 'update' });
    await run.waited();
    expect(run.begun()).toHaveLength(1);
    run.collector.onFinding({ ...another(1, 'high'), status: 'reopened' });
    await run.waited();
    expect(run.begun()).toHaveLength(2);
  });
});

describe('bounds', () => {
  it('end a collection at its bytes, not before, and say so', async () => {
    const whole = startCollector({ max_bytes_per_finding: 65_536 });
    whole.see(connection(1, { src: IP.db, dst: IP.api }, { sent: 1400 }));
    whole.collector.onFinding(scan());
    await whole.settle();
    expect(whole.ended()).toEqual([]);

    const run = startCollector({ max_bytes_per_finding: 65_536 });
    run.see(
      Array.from({ length: 100 }, (_, n) =>
        at(n / 10, datagram({ src: IP.db, dst: IP.api, sport: 1, dport: 2 }, new Uint8Array(1000))),
      ),
    );
    run.collector.onFinding(scan());
    await run.settle();

    const [ended] = run.ended();
    expect(ended).toMatchObject({
      end: 'limit',
      missing: expect.arrayContaining([
        'what came after its limit of 65536 bytes (evidence.max_bytes_per_finding)',
      ]),
    });
    expect(run.bytesOf(ended!.id).length).toBeLessThanOrEqual(65_536 + 1024);
    expect(run.bytesOf(ended!.id).length).toBeGreaterThan(60_000);
  });

  it('at once: a graver one takes the place of the least severe, any other is a loss', async () => {
    const run = startCollector({ max_at_once: 2 });
    run.collector.onFinding(another(1, 'high'));
    run.collector.onFinding(another(2, 'medium'));
    run.collector.onFinding(another(3, 'medium'));
    run.collector.onFinding(another(4, 'critical'));
    await run.settle();
    await run.collector.stop();

    const ids = run.begun().map(({ id }) => id.split('-').at(-1));
    expect(ids.sort()).toEqual(['f1', 'f2', 'f4']);
    expect(run.ended().find(({ id }) => id.endsWith('f2'))).toMatchObject({
      end: 'cut',
      missing: expect.arrayContaining([
        'what came after finding f4, which is more severe (evidence.max_at_once)',
      ]),
    });
    expect(run.losses).toMatchObject([{ source: 'evidence', where: 'evidence.max_at_once', count: 2 }]);
  });

  it('in an hour: the last quarter is for the grave, and then nobody gets more until the hour has passed', async () => {
    const run = startCollector({ max_per_hour: 4, after_secs: 0, max_at_once: 64 });
    for (let n = 0; n < 5; n++) run.collector.onFinding(another(n));
    await run.waited();
    expect(run.begun()).toHaveLength(3);
    run.collector.onFinding(another(5, 'high'));
    run.collector.onFinding(another(6, 'critical'));
    await run.waited();
    expect(run.begun()).toHaveLength(4);

    run.nowSecs += 3599;
    run.collector.onFinding(another(7, 'critical'));
    await run.waited();
    expect(run.begun()).toHaveLength(4);
    run.nowSecs += 1;
    run.collector.onFinding(another(8, 'critical'));
    await run.waited();
    expect(run.begun()).toHaveLength(5);
  });

  it('hold in a storm: few are begun, all others are one loss in ten seconds', async () => {
    const run = startCollector();
    run.see(probes(0, 3));
    for (let n = 0; n < 1000; n++) run.collector.onFinding(another(n));
    for (let n = 0; n < 1000; n++)
      run.collector.onFinding({ ...another(n), id: `folded${n}`, foldedInto: 'storm' });
    await run.settle();
    await run.collector.stop();

    expect(run.begun()).toHaveLength(8);
    expect(run.losses).toMatchObject([
      { source: 'evidence', where: 'evidence.max_at_once', count: 1000 - 8 },
      { source: 'evidence', where: 'findings.storm_per_minute', count: 1000 },
    ]);
  });
});

describe('a ring that is too small', () => {
  it('says what it lacks', async () => {
    const run = startCollector({ ring_secs: 120 });
    run.see(probes(0, 1));
    run.nowSecs += 100;
    for (let n = 0; n < 8; n++) run.see(noise(500, 1400));
    run.nowSecs += 14;
    run.collector.onFinding(scan());
    await run.settle();
    await run.collector.stop();

    const [ended] = run.ended();
    expect(ended).toMatchObject({ packets: 0 });
    expect(ended!.missing[0]).toMatch(
      /^what came more than 1[34] s before, of 120 s: the ring reaches back no further \(evidence\.ring_bytes\)$/,
    );
  });

  it('is not blamed for what was before the agent', async () => {
    const run = startCollector({ ring_secs: 120 });
    run.nowSecs += 30;
    run.collector.onFinding(scan());
    await run.settle();
    await run.collector.stop();

    expect(run.ended()[0]!.missing[0]).toBe(
      'what came more than 30 s before: the agent had only begun to capture',
    );
  });

  it('blames nobody where it reaches back far enough', async () => {
    const run = startCollector({ ring_secs: 120 });
    run.nowSecs += 130;
    run.collector.onFinding(scan());
    await run.settle();
    run.nowSecs += 10;
    await run.waited();

    expect(run.ended()[0]).toMatchObject({ end: 'whole', missing: [] });
  });
});

describe('a channel without room', () => {
  it('is waited for, and what the ring forgot meanwhile is counted', async () => {
    const run = startCollector();
    run.channel.evidenceRoomBytes = 0;
    run.see(probes(0, 3));
    run.collector.onFinding(scan());
    await run.waited();
    expect(run.pieces).toEqual([]);

    for (let n = 0; n < 8; n++) run.see(noise(500, 1400));
    run.see(probes(2, 2));
    run.channel.evidenceRoomBytes = MIB;
    await run.waited();
    await run.collector.stop();

    expect(await framesOf(run)).toHaveLength(2);
    expect(run.ended()[0]!.missing.join()).toMatch(/\d+ packets of all networks that the ring had to forget/);
    expect(run.losses).toMatchObject([{ source: 'evidence', where: 'evidence.ring_bytes', count: 1 }]);
  });

  it('gets little more than it has room for', async () => {
    const run = startCollector({ ring_bytes: 16 * MIB, max_bytes_per_finding: 64 * MIB });
    run.channel.evidenceRoomBytes = 400_000;
    const large = at(1, datagram({ src: IP.db, dst: IP.api, sport: 1, dport: 2 }, new Uint8Array(1400)));
    for (let n = 0; n < 8; n++) {
      run.see(Array<MemoryFrame>(500).fill(large));
    }
    let most = 0;
    run.onTurn = () => {
      const sent = run.pieces
        .splice(0)
        .reduce((sum, piece) => sum + ('bytes' in piece ? piece.bytes.length : 0), 0);
      most = Math.max(most, sent);
    };
    run.collector.onFinding(scan());
    for (let n = 0; n < 10; n++) await run.settle();

    expect(most).toBeGreaterThan(100_000);
    expect(most).toBeLessThan(500_000);
  });

  it('and another station: what is open begins anew, with all that the ring still has', async () => {
    const run = startCollector();
    run.see(probes(0, 3));
    run.collector.onFinding(scan());
    await run.settle();
    run.channel.evidenceRoomBytes = 0;
    run.channel.evidenceListener += 1;
    run.see(probes(1, 2));
    await run.waited();
    expect(run.begun()).toHaveLength(1);
    run.channel.evidenceRoomBytes = MIB;
    await run.waited();
    await run.collector.stop();

    expect(run.begun().map(({ id }) => id)).toEqual([run.begun()[0]!.id, run.begun()[0]!.id]);
    expect(await framesOf(run)).toHaveLength(5);
    expect(run.ended()).toMatchObject([{ packets: 5 }]);
  });
});

describe('a person who asks', () => {
  it('gets all of a network, and nothing after the question', async () => {
    const run = startCollector();
    run.see(probes(0, 3));
    run.see(noise(2, 10), 'front');
    run.collector.collect({ request: 'r1', targets: ['data'], lastSecs: 60 });
    run.see(probes(1, 1));
    await run.settle();

    expect(run.begun()).toMatchObject([{ cause: { kind: 'request', request: 'r1' }, networks: ['data'] }]);
    expect(await framesOf(run)).toHaveLength(3);
    expect(run.ended()).toMatchObject([{ end: 'whole', packets: 3 }]);
  });

  it('gets a container on all of its networks, and its questions', async () => {
    const run = startCollector();
    run.see([...connection(0, { src: IP.api, dst: IP.db }), ...noise(1, 10)]);
    run.see(connection(0, { src: IP.apiFront, dst: OTHER }), 'front');
    run.see([at(1, datagram({ src: '127.0.0.1', dst: '127.0.0.11', sport: 1, dport: 53 }))], 'lo@api');
    run.collector.collect({ request: 'r1', targets: ['container:api'], lastSecs: 60 });
    await run.settle();

    expect(await framesOf(run)).toHaveLength(8 + 8 + 1);
  });

  it('gets so many seconds, and hears when the ring has fewer', async () => {
    const run = startCollector({ ring_secs: 120 });
    run.see(probes(0, 1));
    run.nowSecs += 150;
    run.see(probes(150, 2));
    run.nowSecs += 30;
    run.collector.collect({ request: 'r1', targets: ['data'], lastSecs: 20 });
    run.collector.collect({ request: 'r2', targets: ['data'], lastSecs: 300 });
    await run.settle();

    expect(run.ended()).toMatchObject([
      { packets: 0, missing: [] },
      { packets: 2, missing: ['what is older than 120 s (evidence.ring_secs)'] },
    ]);
  });

  it.each([
    [['nobody'], 60, /no network, container or service is called "nobody"/],
    [[], 60, /nothing was named/],
    [['data'], 0, /ask for more than 0 s/],
    [['data'], Number.NaN, /ask for more than 0 s/],
    [['front'], 60, /nothing of what was asked for is watched: network front: it is not watched/],
  ])('for %j of %d s is refused, with the reason', async (targets, lastSecs, reason) => {
    const run = startCollector();
    run.see(probes(0, 1));
    run.collector.collect({ request: 'r1', targets, lastSecs });
    await run.settle();

    expect(run.pieces).toEqual([
      { type: 'refused', request: 'r1', reason: expect.stringMatching(reason) as unknown as string },
    ]);
  });

  it('is asked to wait when two others are', async () => {
    const run = startCollector();
    run.see(probes(0, 1));
    for (const request of ['r1', 'r2', 'r3'])
      run.collector.collect({ request, targets: ['data'], lastSecs: 60 });

    expect(run.pieces).toMatchObject([{ type: 'refused', request: 'r3' }]);
  });
});

describe('the end of the agent', () => {
  it('ends what is open, with what is there', async () => {
    const run = startCollector();
    run.see(probes(0, 3));
    run.collector.onFinding(scan());
    await run.collector.stop();

    expect(await framesOf(run)).toHaveLength(3);
    expect(run.ended()).toMatchObject([
      { end: 'cut', missing: [expect.anything(), 'what came after the agent stopped'] },
    ]);
  });
});
