/** When what a client said to zones that are new to it is added up and told. */
import type { Micros } from '../../../src/model/time.ts';
import type { DnsClient } from './client.ts';
import type { ClientZone } from './client-zone.ts';
import { type Context, evidenceOfSpread } from './evidence.ts';
import type { Clock } from './memory.ts';
import type { Options } from './options.ts';
import type { Resolvers } from './resolvers.ts';
import { type SpreadSpan, spreadOf } from './spread.ts';
import { gravity, type Verdict } from './thresholds.ts';

/** What is suspicious within a day, by what is within ten minutes. */
const SPREAD_OF_DAY = 2;
/** Zones spread over without anything in common: crawlers and mail servers do that. */
const UNLINKED_FACTOR = 4;
/** Connections are looked at from this share of the threshold on. */
const WATCH_FROM = 0.25;
/** What it must have grown by to be judged again. */
const GROWTH = 1.05;

export class SpreadWatch {
  readonly #ctx: Context;
  readonly #clock: Clock;
  readonly #resolvers: Resolvers;
  readonly #least10Min: number;
  readonly #leastDay: number;
  readonly #spreading = new Set<DnsClient>();

  constructor(ctx: Context, options: Options, clock: Clock, resolvers: Resolvers) {
    this.#ctx = ctx;
    this.#clock = clock;
    this.#resolvers = resolvers;
    this.#least10Min = options.spread_10min_bytes;
    this.#leastDay = options.spread_10min_bytes * SPREAD_OF_DAY;
  }

  /** A new name of so many bytes. Returns whether connections to what it leads to should be looked at. */
  note(pair: ClientZone, bytes: number): boolean {
    if (pair.isKnown || (pair.kind !== 'registered' && pair.kind !== 'unlisted')) return false;
    if (pair.isLearned(this.#clock.now)) return false;
    const { client } = pair;
    client.fresh.add(this.#clock.now, bytes);
    if (!this.isSpreading(client)) return false;
    this.#spreading.add(client);
    return true;
  }

  isSpreading({ fresh }: DnsClient): boolean {
    const { now } = this.#clock;
    return (
      fresh.sum(0, now) > this.#least10Min * WATCH_FROM || fresh.sum(2, now) > this.#leastDay * WATCH_FROM
    );
  }

  tick(): void {
    for (const client of this.#spreading) {
      this.#judge(client, 0, this.#least10Min);
      this.#judge(client, 2, this.#leastDay);
    }
    this.#spreading.clear();
  }

  #judge(client: DnsClient, span: SpreadSpan, least: number): void {
    const { now } = this.#clock;
    const fresh = client.fresh.sum(span, now);
    if (fresh < client.spreadJudged[span]) client.spreadJudged[span] = 0;
    if (fresh < least || fresh < client.spreadJudged[span] * GROWTH) return;
    client.spreadJudged[span] = fresh;
    const spread = spreadOf(client.zones.values(), span, now);
    // Within a day everybody asks for much that has nothing in common.
    if (spread === undefined || (span === 2 && !spread.isLinked)) return;
    const forOthers = this.#resolvers.isResolver(spread.zones[0]!);
    const factor = (spread.isLinked ? 1 : UNLINKED_FACTOR) * (forOthers ? UNLINKED_FACTOR : 1);
    const thresholdBytes = least * factor;
    const ratio = spread.bytes / thresholdBytes;
    if (ratio < 1) return;
    const latest = spread.zones.reduce((a, b) => (a.last > b.last ? a : b));
    const verdict: Verdict = {
      channel: 'spread',
      ratio,
      span,
      bytes: spread.bytes,
      thresholdBytes,
      factor,
      circumstances: spread.isLinked
        ? []
        : [{ id: 'nothing links the zones but the client', factor: UNLINKED_FACTOR }],
    };
    this.#ctx.report({
      message: 'spread',
      time: latest.last,
      since: earliest(spread.zones),
      key: `${client.key} spread`,
      subject: latest.subject,
      peers: [latest.resolver],
      ...(latest.network === undefined ? {} : { network: latest.network }),
      ...(spread.isLinked ? gravity(ratio) : { severity: 'low', confidence: 'low' }),
      evidence: evidenceOfSpread(spread, verdict),
    });
  }
}

function earliest(zones: readonly ClientZone[]): Micros {
  return zones.reduce((least, { first }) => Math.min(least, first), Number.POSITIVE_INFINITY);
}
