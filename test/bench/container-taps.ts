/**
 * What the taps in containers' namespaces cost: to open, in memory, at rest, and how small their ring may be. It makes
 * the namespaces itself; needs root. node --import tsx test/bench/container-taps.ts [TAPS], or `--only container-taps`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openLive } from '../../capture/live.ts';
import type { PacketSource } from '../../capture/source.ts';
import { dnsConfig } from '../../src/sensor/config.ts';
import { median } from './measure.ts';
import type { Target } from './report.ts';

const DEFAULT_TAPS = 100;
const REST_SECS = 10;
const QUESTIONS_A_SECOND = 5000;
const LOAD_SECS = 2;
const RINGS_KIB = [256, 512, 768, 1024];
/** The event loop is held up so long at a time: by a burst on bridges, by garbage collection. */
const BUSY_MS = [0, 50, 100, 200];
/** A container asks for much at once, as a crawler or a mail server does. */
const QUESTIONS_OF_BURST = 1000;
const BURST_MS = [100, 500];
/** And so long where the machine has more to do than it can. */
const BURST_BUSY_MS = [0, 100, 200, 300, 500];
const BURSTS = 3;

export async function measureContainerTaps(count = DEFAULT_TAPS): Promise<readonly Target[]> {
  const names = Array.from({ length: count }, (_, i) => `bwbench${process.pid}-${i}`);
  try {
    execFileSync('ip', ['-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join('') });
    for (const name of names) execFileSync('ip', ['-netns', name, 'link', 'set', 'lo', 'up']);
    return [...(await many(names)), ...(await rings(names[0]!)), ...(await bursts(names[0]!))];
  } finally {
    execFileSync('ip', ['-force', '-batch', '-'], {
      input: names.map((name) => `netns del ${name}\n`).join(''),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
}

async function many(names: readonly string[]): Promise<readonly Target[]> {
  const bufferBytes = dnsConfig.parse({}).container_buffer_bytes;
  // The first one loads libpcap and allocates what all share.
  open(names[0]!, bufferBytes).close();
  await delay(500);
  const without = await atRest([]);
  const before = memory();
  const millis: number[] = [];
  const taps: PacketSource[] = [];
  for (const name of names) {
    // As the agent opens them, each in a turn of its own.
    await nextTurn();
    const start = performance.now();
    const tap = open(name, bufferBytes);
    millis.push(performance.now() - start);
    void tap.run(() => {});
    taps.push(tap);
  }
  const after = memory();
  const withThem = await atRest(taps);
  const each = (what: keyof typeof before): number => (after[what] - before[what]) / taps.length;
  console.log(`\n${taps.length} taps in namespaces, rings of ${bufferBytes / 1024} KiB\n`);
  console.log(
    `  to open, ms             ${median(millis).toFixed(1)} (most ${Math.max(...millis).toFixed(1)})`,
  );
  console.log(`  kernel memory each, KiB ${(-each('freeKib')).toFixed(0)}`);
  console.log(`  own memory each, KiB    ${each('anonymousKib').toFixed(1)}`);
  console.log(`  descriptors each        ${each('descriptors').toFixed(1)}`);
  console.log(
    `  at rest, without them   ${without.cpuMillis.toFixed(2)} ms CPU/s, ${without.wakeUps.toFixed(0)} wake-ups/s`,
  );
  console.log(
    `  at rest, with them      ${withThem.cpuMillis.toFixed(2)} ms CPU/s, ${withThem.wakeUps.toFixed(0)} wake-ups/s`,
  );
  for (const tap of taps) tap.close();
  const restPercent = (withThem.cpuMillis - without.cpuMillis) / 10;
  return [{ what: `CPU of ${taps.length} taps at rest, percent of a core`, value: restPercent, atMost: 2 }];
}

async function rings(name: string): Promise<readonly Target[]> {
  console.log(
    `\n${QUESTIONS_A_SECOND} questions/s with their answers, messages lost of all, by how long the loop is held up\n`,
  );
  console.log(`  ring KiB ${BUSY_MS.map((ms) => `${ms} ms`.padStart(12)).join('')}`);
  let lostByDefault = 0;
  for (const kib of RINGS_KIB) {
    const cells: string[] = [];
    for (const busyMs of BUSY_MS) {
      const { sent, received } = await load(name, kib * 1024, busyMs, QUESTIONS_A_SECOND, LOAD_SECS);
      cells.push(`${(((sent - received) / sent) * 100).toFixed(2)} %`.padStart(12));
      if (kib * 1024 === dnsConfig.parse({}).container_buffer_bytes && busyMs === 0)
        lostByDefault = sent - received;
    }
    console.log(`  ${String(kib).padStart(8)} ${cells.join('')}`);
  }
  return [
    {
      what: `messages lost at ${QUESTIONS_A_SECOND} questions/s in one container`,
      value: lostByDefault,
      atMost: 0,
    },
  ];
}

/**
 * Time counts here more than bytes: a block of 256 KiB is closed at each read timeout that finds a frame in it, so a
 * ring of two is full after two of them, however little was asked.
 */
async function bursts(name: string): Promise<readonly Target[]> {
  const byDefault = dnsConfig.parse({}).container_buffer_bytes / 1024;
  const targets: Target[] = [];
  for (const withinMs of BURST_MS) {
    const what = `messages lost of bursts of ${QUESTIONS_OF_BURST} questions within ${withinMs} ms`;
    console.log(`\n${what}, by how long the loop is held up\n`);
    console.log(`  ring KiB ${BURST_BUSY_MS.map((ms) => `${ms} ms`.padStart(12)).join('')}`);
    for (const kib of RINGS_KIB) {
      const cells: string[] = [];
      for (const busyMs of BURST_BUSY_MS) {
        const { lost, sent } = await burst(name, kib * 1024, busyMs, withinMs);
        cells.push(`${((lost / sent) * 100).toFixed(1)} %`.padStart(12));
        if (kib === byDefault && busyMs === 0) targets.push({ what, value: lost, atMost: 0 });
      }
      console.log(`  ${String(kib).padStart(8)} ${cells.join('')}`);
    }
  }
  return targets;
}

async function burst(name: string, bufferBytes: number, busyMs: number, withinMs: number) {
  const rate = (QUESTIONS_OF_BURST * 1000) / withinMs;
  const all = { lost: 0, sent: 0 };
  for (let i = 0; i < BURSTS; i++) {
    const { sent, received } = await load(name, bufferBytes, busyMs, rate, withinMs / 1000);
    all.lost += sent - received;
    all.sent += sent;
  }
  return all;
}

async function load(
  name: string,
  bufferBytes: number,
  busyMs: number,
  rate: number,
  seconds: number,
): Promise<{ readonly sent: number; readonly received: number }> {
  const tap = open(name, bufferBytes);
  let received = 0;
  const running = tap.run((batch) => {
    received += batch.count;
  });
  const hold = busyMs === 0 ? undefined : setInterval(() => spin(busyMs), 10);
  const script = join(import.meta.dirname, 'resolver-load.ts');
  const argv = [`--net=/var/run/netns/${name}`, process.execPath, '--import', 'tsx', script];
  const child = spawn('nsenter', [...argv, String(rate), String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => {
    text += part.toString();
  });
  await once(child, 'close');
  clearInterval(hold);
  tap.drain?.();
  await running;
  return { sent: Number(text), received };
}

function open(name: string, bufferBytes: number): PacketSource {
  return openLive({
    interface: 'lo',
    netns: `/var/run/netns/${name}`,
    filter: 'host 127.0.0.11',
    bufferBytes,
    promiscuous: false,
  });
}

/** As the agent has them: their counters are read each second. */
async function atRest(taps: readonly PacketSource[]) {
  const timer = setInterval(() => {
    for (const tap of taps) tap.stats();
  }, 1000);
  await delay(1000);
  const wakeUps = voluntarySwitches();
  const cpu = process.cpuUsage();
  await delay(REST_SECS * 1000);
  const used = process.cpuUsage(cpu);
  clearInterval(timer);
  return {
    cpuMillis: (used.user + used.system) / 1000 / REST_SECS,
    wakeUps: (voluntarySwitches() - wakeUps) / REST_SECS,
  };
}

function memory() {
  const freeKib = numberIn('/proc/meminfo', /^MemFree: +(\d+)/m);
  const anonymousKib = numberIn('/proc/self/status', /^RssAnon:\s+(\d+)/m);
  return { freeKib, anonymousKib, descriptors: readdirSync('/proc/self/fd').length };
}

/** Of the main thread, in which the event loop is. */
function voluntarySwitches(): number {
  return numberIn('/proc/self/status', /^voluntary_ctxt_switches:\s+(\d+)/m);
}

function numberIn(path: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1]);
}

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await measureContainerTaps(Number(process.argv[2] ?? DEFAULT_TAPS));
}
