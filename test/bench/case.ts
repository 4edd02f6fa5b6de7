/**
 * `analyze` over a gigabyte: as one file, as the files of a rotation, and as files of several taps that must be
 * interleaved packet by packet. What the merge costs, and what memory all of it takes. Rounds are interleaved; the least of
 * each is what it needs.
 *
 *   tsx test/bench/main.ts --only case
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateCapture } from './generate-capture.ts';
import { type Cost, measure } from './measure.ts';
import type { Target } from './report.ts';

const PACKETS = 3_600_000;
const FLOWS = 100_000;
const ROTATED_BYTES = 10 * 1024 * 1024;
const ROUNDS = 3;
const HEADER_BYTES = 24;
const AGENT = path.join(import.meta.dirname, '..', '..', 'bin', 'bridgewatch');

export function measureCase(): readonly Target[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridgewatch-bench-case-'));
  try {
    const whole = path.join(folder, 'whole.pcap');
    const bytes = generateCapture({ path: whole, packets: PACKETS, flows: FLOWS });
    const rotated = split(whole, path.join(folder, 'rotated'), byTurns());
    const cases: readonly Case[] = [
      { name: 'one file', files: 1, input: whole },
      { name: 'its report', files: 1, input: whole, more: ['--report', 'html'] },
      { name: 'a rotation', ...rotated },
      ...[2, 8].map((taps) => ({
        name: `${taps} taps`,
        ...split(whole, path.join(folder, `taps-${taps}`), byAddresses(taps)),
      })),
    ];
    console.log(`\nanalyze, ${PACKETS} packets of ${FLOWS} flows, ${Math.round(bytes / 1e6)} MB`);
    const least = new Map<string, Cost>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, input, more = [] } of cases) {
        const cost = measure([process.execPath, AGENT, 'analyze', input, ...more]);
        const before = least.get(name);
        least.set(name, {
          wallSeconds: Math.min(cost.wallSeconds, before?.wallSeconds ?? cost.wallSeconds),
          cpuSeconds: Math.min(cost.cpuSeconds, before?.cpuSeconds ?? cost.cpuSeconds),
          maxRssBytes: Math.max(cost.maxRssBytes, before?.maxRssBytes ?? 0),
        });
      }
    }
    const one = least.get('one file')!;
    for (const { name, files } of cases) {
      const { cpuSeconds, wallSeconds, maxRssBytes } = least.get(name)!;
      console.log(
        `  ${name.padEnd(12)} ${String(files).padStart(4)} files  ${wallSeconds.toFixed(2)} s  CPU ${cpuSeconds.toFixed(2)} s ` +
          `(${(cpuSeconds / one.cpuSeconds).toFixed(3)} x)  ${Math.round(maxRssBytes / 1e6)} MB at most`,
      );
    }
    const most = Math.max(...[...least.values()].map(({ maxRssBytes }) => maxRssBytes));
    return [
      {
        what: 'a gigabyte in one file and in many, memory in MiB',
        value: most / 2 ** 20,
        atMost: 200,
      },
      {
        what: 'a rotation against one file, CPU',
        value: least.get('a rotation')!.cpuSeconds / one.cpuSeconds,
        atMost: 1.1,
      },
      {
        what: 'two taps, packet by packet, against one file, CPU',
        value: least.get('2 taps')!.cpuSeconds / one.cpuSeconds,
        atMost: 1.1,
      },
    ];
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

interface Case {
  readonly name: string;
  readonly files: number;
  readonly input: string;
  /** Options. */
  readonly more?: readonly string[];
}

/** The name of the file that a record goes to. */
type Choose = (file: Buffer, at: number, length: number) => string;

function byTurns(): Choose {
  let bytes = 0;
  return (_, _at, length) => {
    const turn = Math.floor(bytes / ROTATED_BYTES);
    bytes += length;
    return `out_${String(turn + 1).padStart(5, '0')}_20260101000000.pcap`;
  };
}

/** Both directions of a flow, and all that the two hosts say, at one tap. */
function byAddresses(taps: number): Choose {
  return (file, at) => {
    const ip = at + 16 + 14;
    const isIpv6 = file[ip]! >> 4 === 6;
    const end = ip + (isIpv6 ? 40 : 20);
    let sum = 0;
    for (let i = ip + (isIpv6 ? 8 : 12); i < end; i++) sum += file[i]!;
    return `br-${sum % taps}.pcap`;
  };
}

/** A record at a time into the files that `choose` names. */
function split(whole: string, folder: string, choose: Choose): { files: number; input: string } {
  fs.mkdirSync(folder);
  const outputs = new Map<string, { fd: number; pieces: Buffer[]; bytes: number }>();
  const file = fs.readFileSync(whole);
  for (let at = HEADER_BYTES; at < file.length; ) {
    const length = 16 + file.readUInt32LE(at + 8);
    const name = choose(file, at, length);
    let output = outputs.get(name);
    if (output === undefined) {
      output = { fd: fs.openSync(path.join(folder, name), 'wx'), pieces: [], bytes: 0 };
      outputs.set(name, output);
      fs.writeSync(output.fd, file, 0, HEADER_BYTES);
    }
    output.pieces.push(file.subarray(at, at + length));
    output.bytes += length;
    if (output.bytes > 1e6) flush(output);
    at += length;
  }
  for (const output of outputs.values()) {
    flush(output);
    fs.closeSync(output.fd);
  }
  return { files: outputs.size, input: folder };
}

function flush(output: { readonly fd: number; pieces: Buffer[]; bytes: number }): void {
  fs.writeSync(output.fd, Buffer.concat(output.pieces));
  output.pieces = [];
  output.bytes = 0;
}
