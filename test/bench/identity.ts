/**
 * The inventory of two big hosts: 500 containers on 100 networks. What it costs to build from the engine's answers and
 * to keep, and what a look-up costs, against a bare look-up in a Map in the same run. Also of `make bench`:
 *
 *   npx tsx --expose-gc test/bench/identity.ts
 */
import { Attribution } from '../../src/sensor/docker/attribution.ts';
import { Inventory } from '../../src/sensor/docker/inventory.ts';
import { BIG_HOSTS, bigHosts } from '../support/big-hosts.ts';
import { median } from './measure.ts';
import type { Target } from './report.ts';

const LOOK_UPS = 1_000_000;
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
  const begin = performance.now();
  inventory.start();
  await inventory.ready;
  const seconds = (performance.now() - begin) / 1000;
  collect();
  return { inventory, seconds, bytes: process.memoryUsage().heapUsed - before };
}

/** Nanoseconds a call, the median of some rounds. */
function timed(work: (i: number) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < 7; round++) {
    const begin = performance.now();
    for (let i = 0; i < LOOK_UPS; i++) work(i);
    rounds.push(((performance.now() - begin) * 1e6) / LOOK_UPS);
  }
  return median(rounds);
}

export async function measureIdentity(): Promise<Target[]> {
  const { inventory, seconds, bytes } = await build();
  const attribution = new Attribution(inventory.state);
  const now = Date.now() * 1000;
  const questions: Question[] = [...inventory.state.openIntervals()]
    .flatMap(({ interval: { ips, mac, networkId } }) => ips.map((ip) => ({ ip, mac: mac!, networkId })))
    .slice(0, ADDRESSES);
  const map = new Map(questions.map(({ ip }, i) => [ip, i]));
  const bare = timed((i) => map.get(questions[i % questions.length]!.ip));
  const known = timed((i) => {
    const { ip, mac, networkId } = questions[i % questions.length]!;
    return attribution.resolve(ip, mac, networkId, now + i);
  });
  const anew = (() => {
    const rounds: number[] = [];
    for (let round = 0; round < 7; round++) {
      const fresh = new Attribution(inventory.state);
      const begin = performance.now();
      for (const { ip, mac, networkId } of questions) fresh.resolve(ip, mac, networkId, now);
      rounds.push(((performance.now() - begin) * 1e6) / questions.length);
    }
    return median(rounds);
  })();
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
    { what: 'inventory of 500 containers built, seconds', value: seconds, atMost: 1 },
    { what: 'inventory of 500 containers, MB', value: bytes / 1e6, atMost: 60 },
    { what: 'who an address is, ns', value: known, atMost: 200 },
  ];
}

if (process.argv[1]?.endsWith('identity.ts') === true) await measureIdentity();
