/**
 * The inventory of two big hosts: 500 containers on 100 networks. What it costs to build from the engine's answers and
 * to keep, and what a look-up costs, against a bare look-up in a Map in the same run. Also of `make bench`:
 *
 *   npx tsx --expose-gc test/bench/identity.ts
 */
import { Attribution } from '../../src/sensor/docker/attribution.ts';
import { Inventory } from '../../src/sensor/docker/inventory.ts';
import { BIG_HOSTS, bigHosts } from '../support/big-hosts.ts';
import type { Target } from './report.ts';

const LOOK_UPS = 1_000_000;
const ROUNDS = 15;
/** About as many flows as a busy second has new ones, in turns. */
const ADDRESSES = 1000;

interface Question {
  readonly ip: string;
  readonly mac: string;
  readonly networkId: string;
}

function collect(): void {
  globalThis.gc?.();
}

async function build(): Promise<{ inventory: Inventory; seconds: number; bytes: number }> {
  const engine = bigHosts();
  const inventory = new Inventory({ openClient: async () => engine });
  collect();
  const before = process.memoryUsage().heapUsed;
  const begin = process.cpuUsage();
  inventory.start();
  await inventory.ready;
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  collect();
  return { inventory, seconds, bytes: process.memoryUsage().heapUsed - before };
}

/** Nanoseconds of the processor a call: the least of some rounds, because neighbours only ever add. */
function timed(calls: number, work: (i: number) => unknown, prepare: () => void = () => {}): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    prepare();
    const begin = process.cpuUsage();
    let found = 0;
    for (let i = 0; i < calls; i++) if (work(i) !== undefined) found++;
    if (found !== calls) throw new Error(`${calls - found} look-ups found nothing`);
    const { user, system } = process.cpuUsage(begin);
    least = Math.min(least, ((user + system) * 1000) / calls);
  }
  return least;
}

export async function measureIdentity(): Promise<Target[]> {
  const { inventory, seconds, bytes } = await build();
  const attribution = new Attribution(inventory.state);
  const now = Date.now() * 1000;
  const questions: Question[] = [...inventory.state.openIntervals()]
    .flatMap(({ interval: { ips, mac, networkId } }) => ips.map((ip) => ({ ip, mac: mac!, networkId })))
    .slice(0, ADDRESSES);
  const map = new Map(questions.map(({ ip }, i) => [ip, i]));
  const bare = timed(LOOK_UPS, (i) => map.get(questions[i % questions.length]!.ip));
  const known = timed(LOOK_UPS, (i) => {
    const { ip, mac, networkId } = questions[i % questions.length]!;
    return attribution.resolve(ip, mac, networkId, now + i);
  });
  let fresh = attribution;
  const anew = timed(
    questions.length,
    (i) => {
      const { ip, mac, networkId } = questions[i]!;
      return fresh.resolve(ip, mac, networkId, now);
    },
    () => {
      fresh = new Attribution(inventory.state);
    },
  );
  await inventory.stop();
  console.log(
    `\n${BIG_HOSTS.containers} containers, ${BIG_HOSTS.networks} networks, ${questions.length} addresses asked for`,
  );
  console.log(
    `  build ${(seconds * 1000).toFixed(0)} ms, ${(bytes / 2 ** 20).toFixed(1)} MiB${globalThis.gc === undefined ? ' (not collected: run with --expose-gc)' : ''}`,
  );
  console.log(
    `  a look-up ${known.toFixed(0)} ns (asked before), ${anew.toFixed(0)} ns (first time); a bare Map ${bare.toFixed(0)} ns: ${(known / bare).toFixed(1)} times`,
  );
  return [
    { what: 'inventory of 500 containers built, CPU seconds', value: seconds, atMost: 1 },
    { what: 'inventory of 500 containers, MB', value: bytes / 1e6, atMost: 60 },
    { what: 'who an address is, CPU ns', value: known, atMost: 200 },
  ];
}

if (process.argv[1]?.endsWith('identity.ts') === true) await measureIdentity();
