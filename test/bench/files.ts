/**
 * The whole of `analyze`, start-up included, against others on the same file. Rounds are interleaved, because a machine
 * that is busy for a while must not be busy for one of them only; the least of each is what the program needs.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { generateCapture } from './generate-capture.ts';
import { type Cost, compile, FOLDER, madeFrom, measure, median } from './measure.ts';
import type { Target } from './report.ts';

const PACKETS = 2_000_000;
const FLOWS = 100_000;
/** tshark needs minutes for all: it gets a tenth of the packets and of the flows, and its time counts tenfold. */
const TSHARK_SHARE = 10;
/** nDPI and tshark take seconds to minutes each; a difference of a few per cent decides nothing there. */
const SLOW_ROUNDS = 2;

const AGENT = join(import.meta.dirname, '..', '..', 'bin', 'bridgewatch');

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  /** Its time counts so many times. */
  readonly scale: number;
  readonly isSlow: boolean;
}

export function compareOnFile(rounds: number): readonly Target[] {
  const file = capture(PACKETS, FLOWS);
  const small = capture(PACKETS / TSHARK_SHARE, FLOWS / TSHARK_SHARE);
  const bare: Contender = {
    name: 'libpcap, bare loop',
    command: [compile('libpcap-bare.c', '-lpcap'), 'dispatch', file],
    scale: 1,
    isSlow: false,
  };
  const ours: Contender = {
    name: 'bridgewatch analyze',
    command: [process.execPath, AGENT, 'analyze', file],
    scale: 1,
    isSlow: false,
  };
  const tcpdump = { name: 'tcpdump -w /dev/null', scale: 1, isSlow: false };
  const ndpi = { name: 'ndpiReader -q', scale: 1, isSlow: true };
  const tshark = { name: `tshark -n (1/${TSHARK_SHARE})`, scale: TSHARK_SHARE, isSlow: true };
  const contenders: readonly Contender[] = [
    bare,
    ours,
    { ...tcpdump, command: ['tcpdump', '-r', file, '-w', '/dev/null'] },
    { ...ndpi, command: ['ndpiReader', '-q', '-i', file] },
    { ...tshark, command: ['tshark', '-n', '-r', small] },
  ];

  const costs = run(contenders, rounds);
  const least = (contender: string): number =>
    Math.min(...costs.get(contender)!.map(({ wallSeconds }) => wallSeconds));
  const bareSeconds = least(bare.name);
  console.log(`\n${PACKETS} packets, ${FLOWS} flows, ${rounds} rounds (slow ones ${SLOW_ROUNDS})\n`);
  console.log(`${'wall time'.padEnd(24)}   least s  median s  ns/packet  x bare loop   CPU s  max RSS MiB`);
  for (const { name } of contenders) {
    const all = costs.get(name)!;
    const rss = Math.max(...all.map(({ maxRssBytes }) => maxRssBytes)) / 2 ** 20;
    console.log(
      name.padEnd(24),
      least(name).toFixed(3).padStart(10),
      median(all.map(({ wallSeconds }) => wallSeconds))
        .toFixed(3)
        .padStart(9),
      ((least(name) / PACKETS) * 1e9).toFixed(0).padStart(10),
      (least(name) / bareSeconds).toFixed(2).padStart(12),
      Math.min(...all.map(({ cpuSeconds }) => cpuSeconds))
        .toFixed(3)
        .padStart(7),
      rss.toFixed(0).padStart(12),
    );
  }
  const rss = Math.max(...costs.get(ours.name)!.map(({ maxRssBytes }) => maxRssBytes)) / 2 ** 20;
  return [
    { what: 'analyze, times the bare loop', value: least(ours.name) / bareSeconds, atMost: 2.5 },
    { what: 'nDPI, times analyze', value: least(ndpi.name) / least(ours.name), atLeast: 10 },
    { what: `MiB of memory with ${FLOWS} live flows`, value: rss, atMost: 200 },
  ];
}

function run(contenders: readonly Contender[], rounds: number): Map<string, Cost[]> {
  const costs = new Map<string, Cost[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, command, scale, isSlow } of contenders) {
      if (isSlow && round >= SLOW_ROUNDS) continue;
      const { wallSeconds, cpuSeconds, maxRssBytes } = measure(command);
      costs
        .get(name)!
        .push({ wallSeconds: wallSeconds * scale, cpuSeconds: cpuSeconds * scale, maxRssBytes });
      process.stderr.write('.');
    }
  }
  process.stderr.write('\n');
  return costs;
}

/** The capture that all of this is measured on. */
export function busyCapture(): string {
  return capture(PACKETS, FLOWS);
}

function capture(packets: number, flows: number): string {
  const path = madeFrom('generate-capture.ts', 'capture.pcap', String(packets), String(flows));
  if (existsSync(path)) return path;
  console.log(`making a capture of ${packets} packets in ${FOLDER}`);
  generateCapture({ path: `${path}.part`, packets, flows });
  renameSync(`${path}.part`, path);
  return path;
}
