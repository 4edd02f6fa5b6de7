import { describe, expect, it } from 'vitest';
import { openReading } from '../../capture/file.ts';
import { MergedSource, type MergeFile } from '../../capture/merged-source.ts';
import { SlabPool } from '../../capture/slab-pool.ts';
import { captureFolder, microsOf, type Packet, pcapngOf } from '../support/capture-folder.ts';

const folder = captureFolder();

function file(name: string, packets: readonly Packet[]): MergeFile {
  const path = folder.write(name, pcapngOf(name, packets));
  return { path, firstAt: microsOf(packets[0]![0]), open: (slab) => openReading({ path }, slab) };
}

async function merged(waiting: readonly MergeFile[], maxOpen?: number) {
  const source = new MergedSource({
    pool: new SlabPool(),
    started: [],
    waiting,
    ...(maxOpen === undefined ? {} : { maxOpen }),
  });
  const times: number[] = [];
  const end = await source.run((batch) => {
    for (let i = 0; i < batch.count; i++) times.push(batch.tsSec[i]! * 1e6 + batch.tsNsec[i]! / 1000);
  });
  return { source, times, end };
}

const every = (step: number, from: number, count: number): Packet[] =>
  Array.from({ length: count }, (_, i) => [from + i * step, `p${i}`]);

describe('the merge', () => {
  it('keeps the order of time over more files than one memory of slabs holds', async () => {
    // 40 files that all overlap, from all parts of three memories.
    const files = Array.from({ length: 40 }, (_, i) => file(`wide-${i}`, every(1, i / 100, 60)));

    const { times, source } = await merged(files);

    expect(times).toHaveLength(40 * 60);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(source.stats().received).toBe(40 * 60);
    expect(source.openedLate).toBe(0);
  });

  it('keeps the order of time where frames lie across the chunks of both files', async () => {
    const big = (name: string, from: number): MergeFile => {
      const packets: Packet[] = Array.from({ length: 3000 }, (_, i) => [from + i * 0.01, 'x'.repeat(400)]);
      return file(name, packets);
    };

    const { times } = await merged([big('big-a', 0), big('big-b', 0.005)]);

    expect(times).toHaveLength(6000);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('opens a file late where too many overlap, and says so', async () => {
    const files = [
      file('late-a', every(1, 0, 4)),
      file('late-b', every(1, 0.5, 4)),
      file('late-c', every(1, 1.2, 6)),
    ];

    const { source, times } = await merged(files, 2);

    expect(times).toHaveLength(14);
    expect(source.openedLate).toBe(1);
  });

  it('does not open a file that would come more than 10 s too late, and says so', async () => {
    const files = [
      file('full-a', every(1, 0, 30)),
      file('full-b', every(1, 0.5, 30)),
      file('full-c', every(1, 1.2, 5)),
    ];

    const { source, times } = await merged(files, 2);

    expect(times).toHaveLength(60);
    const [unread, ...others] = source.done.filter(({ end }) => end === 'unreadable');
    expect(unread).toMatchObject({ packets: 0, path: folder.at('full-c') });
    expect(unread!.detail).toContain('more than 2 captures overlap');
    expect(others).toEqual([]);
  });

  it('goes with a clock that was set back inside of a file', async () => {
    const back = file('back', [...every(1, 100, 3), ...every(1, 50, 3)]);
    const other = file('other', every(1, 101.5, 2));

    const { times } = await merged([back, other]);

    expect(times.map((time) => time / 1e6 - microsOf(0) / 1e6)).toEqual([
      100, 101, 102, 50, 51, 52, 101.5, 102.5,
    ]);
  });

  it('ends as closed when it is closed, and gives nothing any more', async () => {
    const source = new MergedSource({
      pool: new SlabPool(),
      started: [],
      waiting: [file('closing-a', every(1, 0, 3)), file('closing-b', every(1, 10, 3))],
    });
    let batches = 0;

    const end = await source.run(() => {
      batches++;
      source.close();
    });

    expect(end).toEqual({ reason: 'closed' });
    expect(batches).toBe(1);
  });
});
