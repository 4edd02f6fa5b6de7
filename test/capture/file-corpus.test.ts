/**
 * Our reader against two others, over a corpus of real and of malformed captures: counts and times as Wireshark's
 * capinfos has them, and every record byte for byte as libpcap gives it to tcpdump.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { CaptureError } from '../../capture/source.ts';
import { collect, type Frame } from '../support/frames.ts';

const CORPUS = path.resolve(import.meta.dirname, '../../../shared/corpus');
const FOLDERS = ['benign', 'malformed', 'malicious', 'own'];
const NOT_CAPTURES = new Set(['pcapplusplus--solaris.snoop']);
const PCAPNG = 0x0a0d0d0a;

/** Where the readers differ, and why we stay with ours. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'pcapplusplus--pcapng-example.pcapng': 'times of the year 584554; a batch ends in 2106',
  'tcpdump--time_2106_overflow.pcapng': 'a time after 2106; a batch ends there, libpcap starts again in 1970',
  'tcpdump--timestamp_invalid_micro.pcap': 'microseconds of more than a second; we carry them over',
  'tcpdump--aoe-oobr-1.pcap': 'fewer bytes on the wire than captured; we say as many',
  'tcpdump--atm-heapoverflow.pcap': 'an ATM pseudo header, which Wireshark does not count',
  'tcpdump--icmp-icmp_print-oobr-2.pcap': 'the same',
  'tcpdump--slip-sliplink_print-oobr.pcap': 'the same',
};

const hasCorpus = fs.existsSync(CORPUS);
const hasTools = ['capinfos', 'tcpdump'].every((tool) => spawnSync(tool, ['--version']).error === undefined);
if (!hasCorpus) console.warn(`SKIPPED: no corpus at ${CORPUS}; the file reader is not compared with others`);
else if (!hasTools) console.warn('SKIPPED: capinfos or tcpdump is missing; the file reader is not compared');

const files = hasCorpus
  ? FOLDERS.flatMap((folder) =>
      fs
        .readdirSync(path.join(CORPUS, folder))
        .filter((name) => !NOT_CAPTURES.has(name))
        .map((name) => path.join(CORPUS, folder, name)),
    )
  : [];

interface Reading {
  readonly frames: readonly Frame[];
  readonly end: string;
}

async function ours(file: string): Promise<Reading> {
  const { frames, end } = await collect(await openFile({ path: file }));
  return { frames, end: end.reason };
}

describe.skipIf(!hasCorpus || !hasTools)('the corpus', () => {
  it('is read with the counts and times of capinfos', { timeout: 60_000 }, async () => {
    const table = capinfos(files);
    const differences: string[] = [];
    for (const file of files) {
      const theirs = table.get(file);
      if (theirs === undefined || path.basename(file) in DIFFERENT) {
        continue;
      }
      const { frames, end } = await ours(file);
      const mine = summary(frames);
      if (mine !== theirs)
        differences.push(`${path.basename(file)} (${end}): ${mine} but capinfos ${theirs}`);
    }

    expect(table.size).toBeGreaterThan(800);
    expect(differences).toEqual([]);
  });

  it('is read record for record as by libpcap', { timeout: 60_000 }, async () => {
    const differences: string[] = [];
    let compared = 0;
    // A process each: a quarter of the classic ones is enough for a run of every day.
    const sample = files.filter((file, i) => i % 4 === 0 || file.endsWith('.pcapng'));
    for (const file of sample) {
      if (path.basename(file) in DIFFERENT) continue;
      const theirs = throughTcpdump(file);
      if (theirs === undefined) continue;
      compared++;
      const { frames, end } = await ours(file);
      if (asText(frames, theirs.snaplenBytes) !== theirs.text) {
        differences.push(`${path.basename(file)} (${end}): ${frames.length} frames`);
      }
    }

    expect(compared).toBeGreaterThan(200);
    expect(differences).toEqual([]);
  });

  it('refuses what is no pcap, by name', async () => {
    for (const name of NOT_CAPTURES) {
      const opening = openFile({ path: path.join(CORPUS, 'malformed', name) });
      await expect(opening).rejects.toBeInstanceOf(CaptureError);
      await expect(opening).rejects.toThrow('snoop');
    }
  });
});

/** Number of packets, bytes on the wire, earliest and latest time, by file. */
function capinfos(paths: readonly string[]): Map<string, string> {
  const arguments_ = ['-T', '-r', '-B', '-M', '-c', '-d', '-a', '-e', '-S', ...paths];
  const { stdout } = spawnSync('capinfos', arguments_, { encoding: 'utf8', maxBuffer: 1e8 });
  const table = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [file, count, bytes, first, last] = line.split('\t');
    if (last === undefined) continue;
    table.set(file!, [count, bytes, nanos(first!), nanos(last)].join(' '));
  }
  return table;
}

/** `1476976981.075993` -> nanoseconds; capinfos has as many digits as the file. */
function nanos(text: string): string {
  const [sec, fraction = ''] = text.split('.');
  return sec === 'n/a' ? 'n/a' : String(BigInt(sec + fraction.padEnd(9, '0')));
}

function summary(frames: readonly Frame[]): string {
  const times = frames
    .map((frame) => BigInt(frame.sec) * 1_000_000_000n + BigInt(frame.nsec))
    .sort((a, b) => Number(a - b));
  const bytes = frames.reduce((sum, frame) => sum + frame.wireLen, 0);
  if (times.length === 0) return '0 0 n/a n/a';
  return [frames.length, bytes, times[0], times.at(-1)].join(' ');
}

/** The records that libpcap reads, in nanoseconds; `undefined` when it refuses the file or gives up inside it. */
function throughTcpdump(file: string): { text: string; snaplenBytes: number } | undefined {
  const arguments_ = ['-r', file, '-w', '-', '--time-stamp-precision=nano', '-n'];
  const { stdout, stderr, status } = spawnSync('tcpdump', arguments_, { maxBuffer: 1e8 });
  const isPcapng = fs.readFileSync(file).readUInt32LE(0) === PCAPNG;
  // libpcap reads the packets of one link type and snaplen only; truncated files it reads up to their end.
  if (stdout.length < 24 || (isPcapng && status !== 0)) return undefined;
  expect(String(stderr)).not.toContain('No such file');
  const snaplenBytes = stdout.readUInt32LE(16);
  const records: Frame[] = [];
  for (let at = 24; at < stdout.length; ) {
    const capLen = stdout.readUInt32LE(at + 8);
    records.push({
      sec: stdout.readUInt32LE(at),
      nsec: stdout.readUInt32LE(at + 4),
      wireLen: stdout.readUInt32LE(at + 12),
      interface: '',
      data: stdout.subarray(at + 16, at + 16 + capLen),
    });
    at += 16 + capLen;
  }
  return { text: asText(records, snaplenBytes), snaplenBytes };
}

/** libpcap cuts a frame to the snaplen of the file's header; we deliver it whole. */
function asText(frames: readonly Frame[], snaplenBytes: number): string {
  return frames
    .map(({ sec, nsec, wireLen, data }) => {
      const kept = data.subarray(0, snaplenBytes);
      return `${sec} ${nsec} ${Math.max(wireLen, kept.length)} ${kept.toString('hex')}`;
    })
    .join('\n');
}
