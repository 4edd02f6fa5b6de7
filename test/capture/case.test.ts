import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openCase } from '../../capture/case.ts';
import {
  captureFolder,
  microsOf,
  type Packet,
  pcapngOf,
  pcapOf,
  readCase,
} from '../support/capture-folder.ts';
import { PcapngBlocks } from '../support/pcap-writer.ts';

const folder = captureFolder();

/** One packet a second, from `from` on. */
const run = (from: number, count: number, name = 'p'): Packet[] =>
  Array.from({ length: count }, (_, i) => [from + i, `${name}${from + i}`]);

describe('files of a case', () => {
  it('of two taps come interleaved by the times of their packets, each at its own interface', async () => {
    folder.write('taps/a.pcapng', pcapngOf('br-a', run(0, 3, 'a')));
    folder.write(
      'taps/b.pcapng',
      pcapngOf('br-b', [
        [0.5, 'b0'],
        [1.5, 'b1'],
        [7, 'b2'],
      ]),
    );

    const { packets, end } = await readCase({ paths: [folder.at('taps')] });

    expect(packets).toEqual([
      'br-a 0 a0',
      'br-b 0.5 b0',
      'br-a 1 a1',
      'br-b 1.5 b1',
      'br-a 2 a2',
      'br-b 7 b2',
    ]);
    expect(end).toEqual({ reason: 'end-of-file' });
  });

  it('are the same case in whatever order they are named', async () => {
    const paths = [3, 1, 2].map((i) => folder.write(`order/${i}.pcap`, pcapOf(run(i, 3, `f${i}-`))));

    const orders = [paths, [...paths].reverse(), [folder.at('order')]];
    const all = await Promise.all(orders.map((order) => readCase({ paths: order })));

    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
  });

  it('of one capture in turns are one interface, whose name is that of the first', async () => {
    folder.write('ring/out_00002_20260101000003.pcap', pcapOf(run(3, 3)));
    folder.write('ring/out_00001_20260101000000.pcap', pcapOf(run(0, 3)));

    const { packets } = await readCase({ paths: [folder.at('ring')] });

    const names = new Set(packets.map((line) => line.split(' ')[0]));
    expect([...names]).toEqual(['out_00001_20260101000000.pcap']);
    expect(packets).toHaveLength(6);
  });

  it('with names as of one capture are two interfaces where they overlap by more than a second', async () => {
    folder.write('overlap/out_00001_20260101000000.pcap', pcapOf(run(0, 10)));
    folder.write('overlap/out_00002_20260101000003.pcap', pcapOf(run(3.5, 10)));
    folder.write('slack/out_00001_20260101000000.pcap', pcapOf(run(0, 4)));
    folder.write('slack/out_00002_20260101000003.pcap', pcapOf(run(2.5, 4)));

    const apart = await openCase({ paths: [folder.at('overlap')] });
    await apart.source.run(() => {});
    const together = await openCase({ paths: [folder.at('slack')] });
    await together.source.run(() => {});

    expect(apart.source.interfaces).toHaveLength(2);
    expect(together.source.interfaces).toHaveLength(1);
  });

  it('whose names differ by a number alone are two interfaces', async () => {
    folder.write('numbers/web1.pcap', pcapOf(run(0, 2)));
    folder.write('numbers/web2.pcap', pcapOf(run(5, 2)));

    const { source } = await openCase({ paths: [folder.at('numbers')] });
    await source.run(() => {});

    expect(source.interfaces.map(({ name }) => name)).toEqual(['web1.pcap', 'web2.pcap']);
  });

  it('are one interface where both name it so, in whatever folders they lie', async () => {
    folder.write('named/x/1.pcapng', pcapngOf('br-a', run(0, 2)));
    folder.write('named/y/2.pcapng', pcapngOf('br-a', run(1.5, 2)));

    const { source } = await openCase({ paths: [folder.at('named')] });
    await source.run(() => {});

    expect(source.interfaces.map(({ name }) => name)).toEqual(['br-a']);
  });

  it('that hold the same packet of one interface give it once, with the longer part of its bytes', async () => {
    folder.write('twins/a.pcapng', pcapngOf('br-a', run(0, 4, 'packet'), 6));
    folder.write('twins/b.pcapng', pcapngOf('br-a', run(2, 4, 'packet')));

    const { packets, files } = await readCase({ paths: [folder.at('twins')] });

    expect(packets.map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      '0 packet',
      '1 packet',
      '2 packet2',
      '3 packet3',
      '4 packet4',
      '5 packet5',
    ]);
    expect(files).toMatchObject({ duplicates: 2, alike: 0 });
  });

  it('give both packets of one interface that only have their time in common', async () => {
    folder.write('ties/a.pcapng', pcapngOf('br-a', [[1, 'one']]));
    folder.write('ties/b.pcapng', pcapngOf('br-a', [[1, 'two']]));

    const { packets, files } = await readCase({ paths: [folder.at('ties')] });

    expect(packets).toEqual(['br-a 1 one', 'br-a 1 two']);
    expect(files.duplicates).toBe(0);
  });

  it('of two interfaces that are not named keep a packet that is in both, and it is told', async () => {
    folder.write('alike/a.pcap', pcapOf(run(0, 3)));
    folder.write('alike/b.pcap', pcapOf(run(1, 3)));

    const { packets, files } = await readCase({ paths: [folder.at('alike')] });

    expect(packets).toHaveLength(6);
    expect(files).toMatchObject({ duplicates: 0, alike: 2 });
  });

  it('that are copies of each other, or the same under two names, are read once', async () => {
    const original = folder.write('copies/a.pcap', pcapOf(run(0, 3)));
    fs.copyFileSync(original, folder.at('copies/b.pcap'));
    fs.linkSync(original, folder.at('copies/hard.pcap'));
    fs.symlinkSync(original, folder.at('copies/soft.pcap'));
    fs.symlinkSync(folder.at('copies'), folder.at('copies/itself'));

    const { packets, files } = await readCase({ paths: [folder.at('copies'), original] });

    expect(packets).toHaveLength(3);
    expect(files.files).toMatchObject([
      { path: original, end: 'whole', packets: 3 },
      { path: folder.at('copies/b.pcap'), end: 'copy', packets: 0 },
    ]);
    expect(files.unlisted).toBe(0);
  });

  it('are found by what they hold; others are counted where nobody named them, and told where somebody did', async () => {
    folder.write('mixed/.hidden', pcapOf(run(0, 1)));
    folder.write('mixed/notes.txt', 'call the customer back');
    folder.write('mixed/empty', '');
    folder.write('mixed/report.docx', Buffer.from('504b030414000600', 'hex'));
    folder.write('mixed/old.pcap.zst', Buffer.from('28b52ffd0458', 'hex'));
    fs.symlinkSync('nowhere', folder.at('mixed/dangling'));
    const notes = folder.write('notes.txt', 'call the customer back');

    const { packets, files, end } = await readCase({ paths: [folder.at('mixed'), notes] });

    expect(packets).toEqual(['.hidden 0 p0']);
    expect(files).toMatchObject({ notCaptures: 3, ends: { whole: 1, unreadable: 3 } });
    const unread = files.files.filter((file) => file.end === 'unreadable');
    expect(unread.map((file) => path.relative(folder.path, file.path))).toEqual([
      'mixed/dangling',
      'mixed/old.pcap.zst',
      'notes.txt',
    ]);
    for (const file of unread) expect(file.detail).toContain(file.path);
    expect(end).toEqual({ reason: 'end-of-file' });
  });

  it('that break off give what came before, and say where', async () => {
    const whole = pcapngOf('br-a', run(0, 50));
    folder.write('broken/cut.pcapng', whole.subarray(0, whole.length - 7));
    folder.write('broken/cut.pcap.gz', gzipSync(pcapOf(run(100, 5000))).subarray(0, -500));
    folder.write('broken/begun.pcap', pcapOf(run(0, 1)).subarray(0, 30));
    folder.write('broken/header-only.pcap', pcapOf([]));

    const { files } = await readCase({ paths: [folder.at('broken')] });

    const ends = Object.fromEntries(files.files.map((file) => [path.basename(file.path), file]));
    expect(ends['cut.pcapng']).toMatchObject({ end: 'cut', packets: 49 });
    expect(ends['cut.pcapng']!.detail).toContain('ends inside a record');
    expect(ends['cut.pcap.gz']).toMatchObject({ end: 'cut' });
    expect(ends['cut.pcap.gz']!.packets).toBeGreaterThan(1000);
    expect(ends['cut.pcap.gz']!.detail).toContain('the gzip data is cut off');
    expect(ends['header-only.pcap']).toMatchObject({ end: 'whole', packets: 0 });
    expect(ends['begun.pcap']).toMatchObject({ end: 'cut', packets: 0 });
  });

  it('give only packets of the range, and are not opened where they begin 10 s behind it', async () => {
    folder.write('range/a.pcap', pcapOf(run(0, 10)));
    folder.write('range/b.pcap', pcapOf(run(20, 10)));
    const range = { since: microsOf(4), until: microsOf(7) };

    const { packets, files } = await readCase({ paths: [folder.at('range')], range });

    expect(packets.map((line) => line.split(' ')[2])).toEqual(['p4', 'p5', 'p6']);
    expect(files).toMatchObject({ ...range, ends: { whole: 1, outside: 1 } });
    expect(files.files[0]).toMatchObject({ first: microsOf(4), last: microsOf(6), packets: 3 });
  });

  it('are not held up by one packet from the future', async () => {
    folder.write(
      'future/a.pcapng',
      pcapngOf('br-a', [
        [0, 'a0'],
        [9_000_000, 'wrong'],
        [2, 'a2'],
      ]),
    );
    folder.write(
      'future/b.pcapng',
      pcapngOf('br-b', [
        [1, 'b1'],
        [3, 'b3'],
      ]),
    );

    const { packets } = await readCase({ paths: [folder.at('future')] });

    expect(packets.map((line) => line.split(' ')[2])).toEqual(['a0', 'b1', 'wrong', 'a2', 'b3']);
  });

  it('have the SHA-256 that sha256sum gives, also compressed, cut, and without a packet', async () => {
    const { createHash } = await import('node:crypto');
    folder.write('hash/a.pcap', pcapOf(run(0, 3)));
    folder.write('hash/b.pcap.gz', gzipSync(pcapOf(run(5, 300))));
    folder.write('hash/c.pcap', pcapOf(run(9, 3)).subarray(0, -2));
    folder.write('hash/d.pcap', pcapOf([]));
    folder.write('hash/e.pcap', Buffer.concat([pcapOf(run(9, 3)), Buffer.alloc(700_000, 0xff)]));

    const { files } = await readCase({ paths: [folder.at('hash')], hash: true });

    expect(files.files).toHaveLength(5);
    for (const file of files.files) {
      expect(file.sha256).toBe(createHash('sha256').update(fs.readFileSync(file.path)).digest('hex'));
    }
  });

  it('are refused together when the filter cannot be', async () => {
    folder.write('filter/a.pcap', pcapOf(run(0, 1)));
    folder.write('filter/b.pcap', pcapOf(run(1, 1)));

    const opening = openCase({ paths: [folder.at('filter')], filter: 'tcp prt 80' });

    await expect(opening).rejects.toMatchObject({ code: 'CAPTURE_BAD_FILTER' });
  });

  it('are refused where not one is a capture, with what is there', async () => {
    folder.write('none/a.txt', 'hello there, this is text');
    folder.write('none/b.txt', 'and more');

    await expect(openCase({ paths: [folder.at('none')] })).rejects.toThrow('2 files are none');
    await expect(openCase({ paths: [folder.at('none/a.txt')] })).rejects.toMatchObject({
      code: 'CAPTURE_NOT_A_CAPTURE',
    });
  });
});

describe('drops that files tell of', () => {
  /** As dumpcap and `capture --rotate` write them: totals since the capture began. */
  const file = (name: string, from: number, start: number, drops: number): void => {
    const blocks = new PcapngBlocks();
    const u64 = (value: number) => Buffer.from(new BigUint64Array([BigInt(value)]).buffer);
    const statistics = blocks.block(
      5,
      Buffer.concat([
        Buffer.alloc(12),
        blocks.options([
          [2, Buffer.from(new Uint32Array([0, start]).buffer)],
          [7, u64(drops)],
        ]),
      ]),
    );
    folder.write(`drops/${name}`, Buffer.concat([pcapngOf('br-a', run(from, 2)), statistics]));
  };

  it('count once over the files of one capture, and again for another', async () => {
    file('1.pcapng', 0, 77, 10);
    file('2.pcapng', 10, 77, 12);
    file('3.pcapng', 20, 99, 5);

    const { source, files } = await openCase({ paths: [folder.at('drops')] });
    await source.run(() => {});

    expect(files().files.map(({ droppedByKernel }) => droppedByKernel)).toEqual([10, 2, 5]);
    expect(source.stats().droppedByKernel).toBe(17);
  });
});

describe('very many files', () => {
  it('that follow each other are open one at a time', { timeout: 120_000 }, async () => {
    const COUNT = 5000;
    for (let i = 0; i < COUNT; i++) {
      const name = `many/${i % 50}/out_${String(i).padStart(5, '0')}_20260101000000.pcap`;
      folder.write(name, pcapOf(run(i * 2, 2)));
    }
    folder.write('many/7/notes.txt', 'no capture');
    folder.write('many/8/zipped.pcap.xz', Buffer.from('fd377a585a0000', 'hex'));
    const descriptors = () => fs.readdirSync('/proc/self/fd').length;
    const before = descriptors();
    let most = 0;

    const { packets, files } = await readCase({ paths: [folder.at('many')] }, () => {
      most = Math.max(most, descriptors());
    });

    expect(packets).toHaveLength(2 * COUNT);
    expect(most - before).toBeLessThan(20);
    expect(files).toMatchObject({ notCaptures: 1, ends: { whole: COUNT, unreadable: 1 }, unlisted: 4001 });
    const unread = files.files.find(({ end }) => end === 'unreadable');
    expect(unread?.path).toBe(folder.at('many/8/zipped.pcap.xz'));
  });
});
