/**
 * Both live backends on the same bridge at the same rates, in a network namespace made for it: what a packet costs, and
 * what is lost. Each run is bounded in time; the namespace goes away in any case.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { World } from '../capture/native-world.ts';
import type { Target } from './report.ts';

const SECONDS = 4;
const FRAME_BYTES = 200;
/** Packets a second; 0 is all that one sender reaches. */
const RATES = [10_000, 50_000, 0];
const BACKENDS = ['native', 'portable'] as const;
type Backend = (typeof BACKENDS)[number];

interface Run {
  readonly backend: Backend;
  readonly rate: number;
  readonly sent: number;
  readonly frames: number;
  readonly cpuSeconds: number;
  /** Why the tap ended while it should have gone on. */
  readonly endedEarly?: string;
}

export async function compareLive(): Promise<readonly Target[]> {
  const runs: Run[] = [];
  console.log(`\nlive on a bridge, frames of ${FRAME_BYTES} bytes, ${SECONDS} s each\n`);
  console.log('backend     asked/s      sent/s       lost  CPU us/packet');
  for (const rate of RATES) {
    for (const backend of BACKENDS) {
      const run = await runOnce(backend, rate);
      runs.push(run);
      const lost = run.sent - run.frames;
      console.log(
        backend.padEnd(9),
        (rate === 0 ? 'all' : String(rate)).padStart(9),
        (run.sent / SECONDS).toFixed(0).padStart(11),
        `${((lost / run.sent) * 100).toFixed(2)} %`.padStart(10),
        microsAPacket(run).toFixed(2).padStart(14),
      );
      if (run.endedEarly !== undefined) console.log(`  it ended by itself: ${run.endedEarly}`);
    }
  }
  const of = (backend: Backend) => runs.filter((run) => run.backend === backend);
  const lost = of('native').reduce((sum, { sent, frames }) => sum + sent - frames, 0);
  // Where both see the same packets; at full rate the portable one loses most of what would cost it.
  const ratios = of('native').map((run, i) => microsAPacket(of('portable')[i]!) / microsAPacket(run));
  return [
    { what: 'packets lost by native at any rate', value: lost, atMost: 0 },
    { what: `CPU a packet of cap, times native's, at ${RATES[1]}/s`, value: ratios[1]!, atLeast: 5 },
  ];
}

function microsAPacket({ cpuSeconds, frames }: Run): number {
  return (cpuSeconds * 1e6) / Math.max(frames, 1);
}

async function runOnce(backend: Backend, rate: number): Promise<Run> {
  const world = new World();
  const script = join(import.meta.dirname, 'live-capture.ts');
  const command = ['netns', 'exec', world.name, process.execPath, '--import', 'tsx', script, backend, 'br0'];
  const capture = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const lines = createInterface({ input: capture.stdout })[Symbol.asyncIterator]();
    if ((await lines.next()).value !== 'ready') throw new Error(`the ${backend} tap did not open`);
    const sent = await world.blast({ seconds: SECONDS, rate, bytes: FRAME_BYTES });
    capture.stdin.end();
    const answer = (await lines.next()).value as string;
    return {
      backend,
      rate,
      sent,
      ...(JSON.parse(answer) as Pick<Run, 'frames' | 'cpuSeconds' | 'endedEarly'>),
    };
  } finally {
    capture.kill();
    if (capture.exitCode === null && capture.signalCode === null) await once(capture, 'close');
    world.remove();
  }
}
