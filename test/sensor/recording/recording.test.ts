import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../../capture/file.ts';
import { openMemory } from '../../../capture/memory.ts';
import type { LiveOptions, PacketSource } from '../../../capture/source.ts';
import type { Network } from '../../../src/model/network.ts';
import type { ContainerState } from '../../../src/sensor/docker/inventory-event.ts';
import { fileOutput, ReaderGone, type RecordingOutput } from '../../../src/sensor/recording/output.ts';
import {
  NothingToRecord,
  Recording,
  type RecordingOptions,
} from '../../../src/sensor/recording/recording.ts';
import { type KnownWorld, targetOf } from '../../../src/sensor/recording/target.ts';
import { collect, payload, scratchFolder } from '../../support/frames.ts';

const scratch = scratchFolder();
let files = 0;
/** A name that nothing has yet. */
const newFile = () => join(dirname(scratch('anchor', '')), `out-${++files}.pcapng`);

const DATA: Network = {
  id: 'a'.repeat(64),
  name: 'shop_data',
  driver: 'bridge',
  scope: 'local',
  internal: true,
  bridge: 'br-aaaaaaaaaaaa',
  subnets: ['172.30.1.0/24'],
  gateways: ['172.30.1.1'],
  options: {},
  labels: {},
};

const member = (name: string, digit: string, mac?: string): ContainerState => ({
  workload: { containerId: digit.repeat(64), name, image: 'x', labels: {}, networkMode: 'x', networks: [] },
  endpoints: [
    {
      networkId: DATA.id,
      containerId: digit.repeat(64),
      ips: [`172.30.1.${digit}`],
      from: 0,
      ...(mac === undefined ? {} : { mac }),
    },
  ],
});
const DB = member('db', '2', '02:42:ac:1e:01:02');
const API = member('api', '3', '02:42:ac:1e:01:03');

interface Setup {
  readonly word?: string;
  readonly world?: KnownWorld;
  readonly frames?: number;
  readonly output?: () => RecordingOutput;
  readonly limits?: RecordingOptions['limits'];
  readonly filter?: string;
  readonly open?: (options: LiveOptions) => Promise<PacketSource>;
}

function recording(setup: Setup = {}) {
  const path = newFile();
  const known = { current: setup.world ?? { networks: [DATA], containers: [DB, API] } };
  const opened: LiveOptions[] = [];
  const notices: string[] = [];
  const frames = Array.from({ length: setup.frames ?? 5 }, (_, i) => ({
    data: payload(60 + i),
    time: 1_790_000_000_000_000 + i,
  }));
  const made = new Recording({
    targets: [targetOf(setup.word ?? 'shop_data', known.current)],
    world: () => known.current,
    placeOf: (network) =>
      network.bridge === undefined
        ? { reason: 'no bridge', isTemporary: false }
        : { place: { interface: network.bridge } },
    open:
      setup.open ??
      (async (options) => {
        opened.push(options);
        return openMemory(frames, {
          interfaces: [{ name: options.interface, linkType: 1 }],
          stats: { droppedByKernel: 3 },
        });
      }),
    live: {},
    output: setup.output ?? (() => fileOutput({ path })),
    ...(setup.limits === undefined ? {} : { limits: setup.limits }),
    ...(setup.filter === undefined ? {} : { filter: setup.filter }),
    section: { application: 'Bridgewatch test' },
    onNotice: (line) => notices.push(line),
  });
  return { recording: made, path, opened, notices, known };
}

async function packetsIn(path: string): Promise<number> {
  const { frames, end } = await collect(await openFile({ path }));
  expect(end).toEqual({ reason: 'end-of-file' });
  return frames.length;
}

describe('Recording', () => {
  it('writes what its taps see, and says what was lost', async () => {
    const { recording: made, path } = recording();

    await made.start();
    const {
      end,
      packets,
      interfaces,
      files: [file],
    } = await made.finished;

    expect({ end, packets }).toEqual({ end: 'interfaces-gone', packets: 5 });
    expect(interfaces[0]).toMatchObject({
      interface: 'br-aaaaaaaaaaaa',
      packets: 5,
      stats: { droppedByKernel: 3 },
    });
    const source = await openFile({ path });
    const { frames } = await collect(source);
    expect(frames.map(({ data }) => data.length)).toEqual([60, 61, 62, 63, 64]);
    expect(source.interfaces[0]?.description).toBe('docker network shop_data (aaaaaaaaaaaa)');
    expect(source.stats().droppedByKernel).toBe(3);
    expect(file).toEqual({
      name: path,
      bytes: readFileSync(path).length,
      sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    });
  });

  it('lets through only the frames of the container that is asked for', async () => {
    const { recording: made, opened } = recording({ word: 'db', filter: 'tcp' });

    await made.start();
    made.stop();

    expect(opened.map(({ filter }) => filter)).toEqual(['(ether host 02:42:ac:1e:01:02) and (tcp)']);
  });

  it('records a container that joins later, and nothing of it twice', async () => {
    const service = (name: string, digit: string, mac: string): ContainerState => {
      const { workload, ...rest } = member(name, digit, mac);
      return { ...rest, workload: { ...workload, composeProject: 'shop', composeService: 'db' } };
    };
    const first = service('shop-db-1', '2', '02:42:ac:1e:01:02');
    const second = service('shop-db-2', '4', '02:42:ac:1e:01:04');
    const never = new Promise<never>(() => {});
    const filters: (string | undefined)[] = [];
    const { recording: made, known } = recording({
      word: 'shop/db',
      world: { networks: [DATA], containers: [first, API] },
      open: async ({ filter, interface: name }) => {
        filters.push(filter);
        return { ...openMemory([], { interfaces: [{ name, linkType: 1 }] }), run: () => never };
      },
    });
    await made.start();

    known.current = { networks: [DATA], containers: [first, second, API] };
    made.worldChanged();
    made.worldChanged();
    await expect.poll(() => filters.length).toBe(2);
    made.stop();
    const { interfaces } = await made.finished;

    expect(filters[1]).toBe('(ether host 02:42:ac:1e:01:04) and (not (ether host 02:42:ac:1e:01:02))');
    expect(interfaces).toHaveLength(2);
  });

  it('ends at its limit of packets', async () => {
    const { recording: made, path } = recording({ frames: 10, limits: { packets: 4 } });

    await made.start();

    expect(await made.finished).toMatchObject({ end: 'packets', packets: 4 });
    expect(await packetsIn(path)).toBe(4);
  });

  it('keeps a file within its size, statistics included', async () => {
    const { recording: made, path } = recording({ frames: 500, limits: { bytes: 20_000 } });

    await made.start();

    expect(await made.finished).toMatchObject({ end: 'bytes' });
    const { length } = readFileSync(path);
    expect(length).toBeLessThanOrEqual(20_000);
    expect(length).toBeGreaterThan(19_000);
    expect(await packetsIn(path)).toBeGreaterThan(20);
  });

  it('goes on in the next file, each whole by itself, and keeps the newest', async () => {
    const path = newFile();
    const { recording: made } = recording({
      frames: 500,
      limits: { bytes: 20_000 },
      output: () => fileOutput({ path, keep: 2, now: () => new Date('2026-11-23T14:02:07Z') }),
    });

    await made.start();
    const { files: kept, packets } = await made.finished;

    expect(packets).toBe(500);
    const stem = path.slice(0, -'.pcapng'.length);
    const last = Number(/_(\d{5})_20261123140207\.pcapng$/.exec(kept.at(-1)!.name)?.[1]);
    expect(last).toBeGreaterThan(3);
    expect(kept.map(({ name }) => name)).toEqual(
      [last - 1, last].map((n) => `${stem}_${String(n).padStart(5, '0')}_20261123140207.pcapng`),
    );
    expect(
      readdirSync(dirname(path)).filter((name) => join(dirname(path), name).startsWith(stem)),
    ).toHaveLength(2);
    for (const { name } of kept) expect(await packetsIn(name)).toBeGreaterThan(10);
  });

  it('does not overwrite a file, and writes nothing then', async () => {
    const path = newFile();
    writeFileSync(path, 'evidence');
    const { recording: made } = recording({ output: () => fileOutput({ path }) });

    await expect(made.start()).rejects.toThrow(/exists already, and is not overwritten/);

    expect(readFileSync(path, 'utf8')).toBe('evidence');
  });

  it('ends quietly when nobody reads any more', async () => {
    let written = 0;
    const { recording: made } = recording({
      output: () => ({
        write: (bytes) => {
          written += bytes.length;
          if (written > 1000) throw new ReaderGone();
        },
        close: () => [],
      }),
      frames: 100,
    });

    await made.start();

    expect((await made.finished).end).toBe('reader-gone');
  });

  it('ends with the reason when the disk is full', async () => {
    const { recording: made } = recording({
      output: () => {
        let pieces = 0;
        return {
          write: () => {
            pieces += 1;
            if (pieces > 1) throw new Error('the disk is full');
          },
          close: () => [],
        };
      },
    });

    await made.start();

    expect(await made.finished).toMatchObject({ end: 'failed', error: new Error('the disk is full') });
  });

  it('begins no file where nothing can be seen, and says why', async () => {
    const { bridge: _, ...hidden } = DATA;
    const { recording: made, path, notices } = recording({ world: { networks: [hidden], containers: [] } });

    await expect(made.start()).rejects.toThrow(NothingToRecord);

    expect(existsSync(path)).toBe(false);
    expect(notices).toEqual(['not recorded: network shop_data: no bridge']);
  });

  it('says which container has no MAC that it could be told by', async () => {
    const silent = member('db', '2');
    const { recording: made } = recording({ word: 'db', world: { networks: [DATA], containers: [silent] } });

    await expect(made.start()).rejects.toThrow(/db on shop_data: the engine does not tell its MAC/);
  });
});
