/**
 * Watches the counters of the rules that hold containers' packets back, and tells what each grew by. A rule is known by
 * its text, so that it may move in its chain; a counter that fell began anew, as rules do when somebody reloads them.
 * What was counted before the first reading is nobody's news. Firewalls that cannot be read are said once.
 */
import { type BlockedRecord, MAX_RULE_CHARS } from '../../../model/blocked.ts';
import { type Cidr, cidrContains, parseCidr } from '../../../model/ip.ts';
import type { Network } from '../../../model/network.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../../../model/time.ts';
import { Rounds } from '../rounds.ts';
import { type Drop, dropsOf } from './docker-drops.ts';
import type { FirewallReading } from './read.ts';
import type { Counters } from './ruleset.ts';

export interface BlockedWatchOptions {
  readonly reader: { read(): Promise<FirewallReading>; stop?(): void };
  readonly networks: () => readonly Network[];
  readonly emit: (record: BlockedRecord) => void;
  /** Told once each time another problem appears. */
  readonly onProblem?: (problem: string) => void;
  /** Other rules hold packets back than in the round before: somebody changed the firewall, be it the engine. */
  readonly onRulesChanged?: () => void;
  readonly pollIntervalMs: number;
  /** Wall clock: these records are no packets, but must sort among them. */
  readonly clock?: () => Micros;
}

interface Known extends Counters {
  readonly at: Micros;
  readonly family: Drop['family'];
}

/** Some 300 bytes each; a thousand networks have about five thousand. */
const MAX_RULES = 20_000;
const MAX_PROBLEMS = 32;

export class BlockedWatch {
  readonly #options: BlockedWatchOptions;
  readonly #clock: () => Micros;
  readonly #rounds: Rounds;
  /** By Drop.key. */
  #known = new Map<string, Known>();
  /** Family and backend that have been read before: their new rules began at zero. */
  readonly #read = new Set<string>();
  #problems: readonly string[] = [];
  readonly #told = new Set<string>();
  #lastAt: Micros | undefined;

  constructor(options: BlockedWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallMicros;
    this.#rounds = new Rounds(() => this.poll(), options.pollIntervalMs);
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    this.#options.reader.stop?.();
    await this.#rounds.stop();
  }

  /** Why counters could not be read in the last round. */
  problems(): readonly string[] {
    return this.#problems;
  }

  /** One round over all rules. */
  async poll(): Promise<void> {
    const { rulesets, unread, problems } = await this.#options.reader.read();
    // What was cut short on the way out says nothing.
    if (this.#rounds.isStopped) return;
    const now = this.#clock();
    const networks = this.#options.networks();
    const places = new Places(networks);
    const drops = rulesets.flatMap((ruleset) => dropsOf(ruleset, places.bridges));
    const excess = Math.max(0, drops.length - MAX_RULES);
    if (excess > 0) drops.length = MAX_RULES;
    const known = this.#keepUnread(unread);
    for (const drop of drops) {
      const grown = this.#grown(drop);
      known.set(drop.key, { ...drop.counters, at: now, family: drop.family });
      if (grown !== undefined) this.#options.emit(recordOf(drop, grown, now, places));
    }
    const isChanged = this.#lastAt !== undefined && !hasSameKeys(this.#known, known);
    this.#known = known;
    for (const { family, backend } of rulesets) this.#read.add(`${family} ${backend}`);
    this.#lastAt = now;
    this.#tell(
      excess === 0 ? problems : [...problems, `${excess} rules beyond ${MAX_RULES} are not watched`],
    );
    if (isChanged) this.#options.onRulesChanged?.();
  }

  /** A source that could not be read this time goes on from where it was. */
  #keepUnread(unread: ReadonlySet<string>): Map<string, Known> {
    const families = new Set([...unread].map((name) => name.split(' ')[0]));
    return new Map([...this.#known].filter(([, { family }]) => families.has(family)));
  }

  #grown({ key, family, backend, reason, counters }: Drop): (Counters & { since: Micros }) | undefined {
    const before = this.#known.get(key);
    // A policy that was ACCEPT counted what it let through. Of an unknown firewall nobody knows since when it counts.
    if (before === undefined && (reason === 'policy' || !this.#read.has(`${family} ${backend}`)))
      return undefined;
    const { packets: had, bytes: hadBytes } = before ?? { packets: 0, bytes: 0 };
    const isAnew = counters.packets < had || counters.bytes < hadBytes;
    const packets = isAnew ? counters.packets : counters.packets - had;
    if (packets === 0) return undefined;
    const since = before?.at ?? this.#lastAt!;
    return { packets, bytes: isAnew ? counters.bytes : counters.bytes - hadBytes, since };
  }

  #tell(problems: readonly string[]): void {
    this.#problems = problems;
    for (const problem of problems) {
      if (this.#told.has(problem) || this.#told.size >= MAX_PROBLEMS) continue;
      this.#told.add(problem);
      this.#options.onProblem?.(problem);
    }
  }
}

function hasSameKeys(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  if (one.size !== other.size) return false;
  for (const key of one.keys()) if (!other.has(key)) return false;
  return true;
}

/** Interfaces and prefixes as networks. */
class Places {
  readonly bridges: ReadonlySet<string>;
  readonly #byBridge: ReadonlyMap<string, Network>;
  readonly #subnets: readonly { readonly cidr: Cidr; readonly network: Network }[];

  constructor(networks: readonly Network[]) {
    const bridged = networks.filter(({ bridge }) => bridge !== undefined);
    this.#byBridge = new Map(bridged.map((network) => [network.bridge!, network]));
    this.bridges = new Set(this.#byBridge.keys());
    this.#subnets = bridged.flatMap((network) =>
      network.subnets
        .map((subnet) => parseCidr(subnet))
        .filter((cidr) => cidr !== undefined)
        .map((cidr) => ({ cidr, network })),
    );
  }

  /** By its bridge; else by the prefix, where that lies within one network. */
  of(bridge: string | undefined, prefix: string | undefined): Network | undefined {
    if (bridge !== undefined) return this.#byBridge.get(bridge);
    if (prefix === undefined) return undefined;
    const wanted = parseCidr(prefix.includes('/') ? prefix : `${prefix}/${prefix.includes(':') ? 128 : 32}`);
    if (wanted === undefined) return undefined;
    return this.#subnets.find(
      ({ cidr }) => cidr.prefixBits <= wanted.prefixBits && cidrContains(cidr, wanted.base),
    )?.network;
  }
}

function recordOf(
  drop: Drop,
  { packets, bytes, since }: Counters & { since: Micros },
  time: Micros,
  places: Places,
): BlockedRecord {
  const { family, backend, table, chain, rule, verdict, reason } = drop;
  const from = places.of(drop.from, drop.source);
  const to = places.of(drop.to, drop.destination);
  return {
    kind: 'blocked',
    ...{ time, family, backend, table, chain, rule: rule.slice(0, MAX_RULE_CHARS), verdict, reason },
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    packets,
    bytes,
    intervalSecs: Math.max(0, time - since) / MICROS_PER_SECOND,
  };
}
