/**
 * What the ring of the last packets costs: `append` alone by the size of frames, its share of the pipeline's CPU over a
 * capture that looks like a busy host, and its share of a live sensor's CPU where every packet is of another of 64,000
 * flows, with what the kernel dropped meanwhile. With and without in turns, in one process, all detectors on.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { analyzers } from '../../analyzers/index.ts';
import { openFile } from '../../capture/file.ts';
import { openLive } from '../../capture/live.ts';
import { allocateBatch, type FrameBatch } from '../../capture/source.ts';
import { PacketRing } from '../../src/sensor/evidence/ring.ts';
import { World } from '../capture/native-world.ts';
import { startPipeline } from '../sensor/pipeline-run.ts';
import { generateCapture } from './generate-capture.ts';
import { madeFrom, median } from './measure.ts';
import type { Target } from './report.ts';

const RATE = 100_000;
/** More than the sender can: what it and the sensor manage together. */
const FLAT_OUT = 1_000_000;
const RING_BYTES = 64 * 1024 * 1024;
const MOST_SHARE = 15;
const BATCH_BYTES = 256 * 1024;
/** Times that the ring is filled. */
const ROUNDS = 8;

/** Of the capture; the same mix as the one that `analyze` is judged by. */
const PACKETS = 600_000;
const FLOWS = 30_000;
/** Until the compiler has seen all and the tables are in use. */
const WARM_SHARE = 0.3;

const LIVE_TURN_MS = 100;
const LIVE_TURNS = 72;
const LIVE_WARM_TURNS = 12;

export async function measureEvidence(): Promise<readonly Target[]> {
  console.log('\nappend alone          ns a packet   of a core at 100,000/s');
  for (const [bytes, snaplenBytes] of [
    [90, undefined],
    [500, undefined],
    [1500, undefined],
    [1500, 128],
  ] as const) {
    const ns = appendAlone(bytes, snaplenBytes);
    const name = `${bytes} bytes${snaplenBytes === undefined ? '' : `, cut to ${snaplenBytes}`}`;
    console.log(
      `${name.padEnd(22)}${ns.toFixed(1).padStart(11)}${((ns * RATE) / 1e7).toFixed(2).padStart(23)} %`,
    );
  }
  const targets = [await onCapture()];
  for (const rate of [RATE, FLAT_OUT]) {
    const asked = rate === RATE ? `${RATE} packets/s asked for` : 'as many as can be sent';
    console.log(`\nlive on a bridge, ${asked}, ring on and off in turns`);
    console.log('                    CPU ns a packet                 dropped by the kernel');
    console.log('                    without    with   added     packets/s   without   with');
    for (const bytes of [90, 1500]) {
      const { off, on, packetsPerSec } = await live(bytes, rate);
      console.log(
        `${bytes} bytes`.padEnd(19),
        off.cpuNs.toFixed(0).padStart(7),
        on.cpuNs.toFixed(0).padStart(7),
        `${shareOf(on.cpuNs - off.cpuNs, off.cpuNs).toFixed(1)} %`.padStart(7),
        packetsPerSec.toFixed(0).padStart(13),
        String(off.dropped).padStart(9),
        String(on.dropped).padStart(6),
      );
    }
  }
  return targets;
}

function appendAlone(bytes: number, snaplenBytes: number | undefined): number {
  const ring = usedRing(snaplenBytes);
  const batch = batchOf(bytes);
  const kept = Math.min(bytes, snaplenBytes ?? bytes);
  const times = Math.floor((ROUNDS * RING_BYTES) / (batch.count * (kept + 28)));
  const ns = cpuNs(() => {
    for (let i = 0; i < times; i++) ring.append(0, batch, 0);
  });
  return ns / (times * batch.count);
}

async function onCapture(): Promise<Target> {
  const path = madeFrom('generate-capture.ts', 'evidence.pcap', String(PACKETS), String(FLOWS));
  if (!existsSync(path)) generateCapture({ path, packets: PACKETS, flows: FLOWS });
  const ring = usedRing();
  const [plain, remembering] = [startPipeline({ analyzers }), startPipeline({ analyzers })];
  const taps = [plain.tap('front'), remembering.tap('front')] as const;
  const ways = {
    without: (batch: FrameBatch) => plain.pipeline.onBatch(batch, [taps[0]]),
    with: (batch: FrameBatch) => {
      ring.append(0, batch, Math.floor(performance.now() / 1000));
      remembering.pipeline.onBatch(batch, [taps[1]]);
    },
  };
  const spent = { without: 0, with: 0 };
  let packets = 0;
  let turn = 0;
  const source = await openFile({ path });
  await source.run((batch) => {
    // Whoever comes second finds the batch in the cache, as both do where libpcap has just written it.
    const order = turn++ % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const);
    const isWarm = plain.pipeline.packets >= PACKETS * WARM_SHARE;
    for (const name of order) {
      const ns = cpuNs(() => ways[name](batch));
      if (isWarm) spent[name] += ns;
    }
    if (isWarm) packets += batch.count;
  });
  const share = shareOf(spent.with - spent.without, spent.without);
  console.log(`\na capture of ${PACKETS} packets of ${FLOWS} flows, with and without in turns`);
  console.log(
    `  ns a packet: ${(spent.without / packets).toFixed(0)} without, ${(spent.with / packets).toFixed(0)} with, ${share.toFixed(1)} % added`,
  );
  return { what: "the ring, % of the pipeline's CPU over a capture", value: share, atMost: MOST_SHARE };
}

interface LiveCost {
  /** A packet. */
  readonly cpuNs: number;
  readonly dropped: number;
}

async function live(
  bytes: number,
  rate: number,
): Promise<{ off: LiveCost; on: LiveCost; packetsPerSec: number }> {
  const world = new World();
  const ring = usedRing();
  const run = startPipeline({ analyzers });
  const tap = run.tap('front');
  const source = openLive({ interface: 'br0', netns: world.netns });
  try {
    let isOn = false;
    let packets = 0;
    const ended = source.run((batch) => {
      if (isOn) ring.append(0, batch, Math.floor(performance.now() / 1000));
      run.pipeline.onBatch(batch, [tap]);
      packets += batch.count;
    });
    const sent = world.blast({ seconds: (LIVE_TURNS * LIVE_TURN_MS) / 1000 + 1, rate, bytes });
    await delay(500);
    const dropped = () => source.stats().droppedByKernel ?? 0;
    const costs = { on: [] as number[], off: [] as number[] };
    const drops = { on: 0, off: 0 };
    const before = packets;
    for (let turn = 0; turn < LIVE_TURNS; turn++) {
      isOn = turn % 2 === 1;
      const way = isOn ? 'on' : 'off';
      const [from, had, droppedBefore] = [process.cpuUsage(), packets, dropped()];
      await delay(LIVE_TURN_MS);
      const { user, system } = process.cpuUsage(from);
      if (turn < LIVE_WARM_TURNS) continue;
      costs[way].push(((user + system) * 1000) / (packets - had));
      drops[way] += dropped() - droppedBefore;
    }
    const packetsPerSec = ((packets - before) * 1000) / (LIVE_TURNS * LIVE_TURN_MS);
    await sent;
    source.close();
    await ended;
    const cost = (way: 'on' | 'off') => ({ cpuNs: median(costs[way]), dropped: drops[way] });
    return { off: cost('off'), on: cost('on'), packetsPerSec };
  } finally {
    source.close();
    world.remove();
  }
}

/** One that has been full, as after minutes of an agent's life: its memory is there. */
function usedRing(snaplenBytes?: number): PacketRing {
  const ring = new PacketRing({ maxBytes: RING_BYTES, snaplenBytes, beginsSecs: 0 });
  for (const bytes of [90, 1500]) {
    const batch = batchOf(bytes);
    const from = ring.end;
    while (ring.begin <= from) ring.append(0, batch, 0);
  }
  return ring;
}

function batchOf(frameBytes: number): FrameBatch {
  const count = Math.floor(BATCH_BYTES / frameBytes);
  const batch = allocateBatch(BATCH_BYTES, count);
  batch.count = count;
  for (let i = 0; i < count; i++) batch.offset[i] = i * frameBytes;
  batch.capLen.fill(frameBytes);
  batch.wireLen.fill(frameBytes);
  return batch;
}

function cpuNs(work: () => void): number {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) * 1000;
}

function shareOf(added: number, all: number): number {
  return Math.max(0, (added / all) * 100);
}
