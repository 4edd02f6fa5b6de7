/**
 * What all analyzers together cost: `analyze` of the same captures without any of them and with all, and the heap that they
 * hold at their bounds. Whole processes, start-up included on both sides, after each other in each round; the capture of no
 * packet says how much of it is start-up, and the second ratio leaves that out.
 *
 * What all analyzers may add is judged by the capture that every other time of `analyze` is judged by. The others hold one
 * kind of traffic that is dear to detectors, and nothing else: they stand beside it.
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyzers } from '../../analyzers/index.ts';
import { measureHeld } from './analyzers-memory.ts';
import { busyCapture } from './files.ts';
import { type Cost, FOLDER, madeFrom, measure } from './measure.ts';
import type { Target } from './report.ts';
import { generateTraffic, KINDS, type Kind } from './traffic.ts';

const AGENT = join(import.meta.dirname, '..', '..', 'bin', 'bridgewatch');
/** Half a minute on an idle machine. */
const MOST_ROUNDS = 5;
/** On a busy one no round begins that would end later, once the least of several can be taken. */
const MOST_SECONDS = 80;
const LEAST_ROUNDS = 2;
/** Of the capture that is judged; of the others as many as there are rounds. */
const PAIRS_OF_JUDGED = 2;
/** All together add at most so much. */
const MOST_TIMES = 1.6;
const MOST_MB = 60;

interface Capture {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Whether the goal is about it. */
  readonly isJudged?: boolean;
}

interface Pair {
  readonly without: Cost;
  readonly all: Cost;
}

export function measureAnalyzers(rounds: number): readonly Target[] {
  const captures = [
    nothing(),
    { name: '2,000,000 packets', arguments: [busyCapture()], isJudged: true },
    ...KINDS.map(capture),
  ];
  const { costs, done } = run(captures, Math.min(rounds, MOST_ROUNDS));
  const start = costs.get(captures[0]!.name)!;
  console.log(`\nanalyze, least of ${done} rounds`);
  console.log('CPU s                      without     all   times  without start-up   least wall s: times');
  const targets: Target[] = [];
  for (const { name, isJudged } of captures) {
    const { without, all } = costs.get(name)!;
    const times = all.cpuSeconds / without.cpuSeconds;
    const rest = (all.cpuSeconds - start.all.cpuSeconds) / (without.cpuSeconds - start.without.cpuSeconds);
    const isStart = name === captures[0]!.name;
    console.log(
      name.padEnd(26),
      without.cpuSeconds.toFixed(3).padStart(7),
      all.cpuSeconds.toFixed(3).padStart(7),
      times.toFixed(2).padStart(7),
      (isStart ? '-' : rest.toFixed(2)).padStart(17),
      (all.wallSeconds / without.wallSeconds).toFixed(2).padStart(22),
    );
    if (isJudged === true) {
      targets.push({
        what: `all analyzers, times analyze without: ${name}`,
        value: times,
        atMost: MOST_TIMES,
      });
    }
  }
  return [...targets, { what: 'all analyzers at their bounds, MB', value: measureHeld(), atMost: MOST_MB }];
}

/** CPU time of the process, because others on the machine stretch the other; the least of all rounds of each. */
function run(captures: readonly Capture[], rounds: number): { costs: Map<string, Pair>; done: number } {
  const [without, all] = [false, true].map(configuration) as [string, string];
  const costs = new Map<string, Pair>();
  const began = performance.now();
  let done = 0;
  while (done < rounds) {
    const elapsed = (performance.now() - began) / 1000;
    if (done >= LEAST_ROUNDS && elapsed + elapsed / done > MOST_SECONDS) break;
    for (const { name, arguments: rest, isJudged } of captures) {
      const cost = (config: string): Cost =>
        measure([process.execPath, AGENT, 'analyze', '--config', config, ...rest]);
      for (let pair = 0; pair < (isJudged === true ? PAIRS_OF_JUDGED : 1); pair++) {
        const known = costs.get(name);
        costs.set(name, {
          without: lesser(cost(without), known?.without),
          all: lesser(cost(all), known?.all),
        });
        process.stderr.write('.');
      }
    }
    done++;
  }
  process.stderr.write('\n');
  return { costs, done };
}

function lesser(cost: Cost, known: Cost | undefined): Cost {
  if (known === undefined) return cost;
  return {
    wallSeconds: Math.min(cost.wallSeconds, known.wallSeconds),
    cpuSeconds: Math.min(cost.cpuSeconds, known.cpuSeconds),
    maxRssBytes: Math.max(cost.maxRssBytes, known.maxRssBytes),
  };
}

/** Both name each analyzer, so that reading them takes as long. */
function configuration(areEnabled: boolean): string {
  const path = join(FOLDER, `analyzers-${areEnabled ? 'on' : 'off'}.yaml`);
  const lines = analyzers.map(({ id }) => `  ${id}: { enabled: ${areEnabled} }\n`);
  writeFileSync(path, `analyzers:\n${lines.join('')}`);
  return path;
}

/** A capture of no packet. */
function nothing(): Capture {
  const path = join(FOLDER, 'empty.pcap');
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  writeFileSync(path, header);
  return { name: 'no packet', arguments: [path] };
}

function capture(kind: Kind): Capture {
  const path = madeFrom('traffic.ts', `traffic-${kind}.pcap`);
  const inventory = madeFrom('traffic.ts', `traffic-${kind}.ndjson`);
  if (!existsSync(path)) {
    generateTraffic(kind, `${path}.part`, inventory);
    renameSync(`${path}.part`, path);
  }
  return { name: NAMES[kind], arguments: ['--inventory', inventory, path] };
}

const NAMES: Readonly<Record<Kind, string>> = {
  outward: '20,000 connections out',
  'look-ups': '20,000 DNS look-ups',
  inside: '20,000 connections inside',
};
