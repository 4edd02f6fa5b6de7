/** When bytes on the DNS port that are no DNS are told, per client and server. */
import type { ClockStep } from '../../../src/model/time.ts';
import type { BoundedMap, NotDns } from '../../../src/sensor/analysis/analyzer.ts';
import { clientKey } from '../asker.ts';
import { type Context, evidenceOfNotDns } from './evidence.ts';
import type { Clock } from './memory.ts';
import { NotDnsTally } from './not-dns-tally.ts';
import { type Options, overSpans } from './options.ts';
import { type PerSpan, SPANS } from './spans.ts';
import { gravity, type Verdict } from './thresholds.ts';

export class NotDnsWatch {
  readonly #ctx: Context;
  readonly #clock: Clock;
  readonly #thresholds: PerSpan;
  readonly #tallies: BoundedMap<NotDnsTally>;
  /** What moved since the last tick. */
  readonly #talking = new Map<string, NotDnsTally>();

  constructor(ctx: Context, options: Options, clock: Clock) {
    this.#ctx = ctx;
    this.#clock = clock;
    this.#thresholds = overSpans(options.not_dns_10min_bytes);
    this.#tallies = ctx.boundedMap({ name: 'not-dns', maxKeys: options.max_clients });
  }

  note(event: NotDns): void {
    const key = `${clientKey(event.client, event.network)} ${event.server.ip}`;
    const tally = this.#tallies.ensure(key, () => new NotDnsTally(event));
    tally.note(event);
    this.#talking.set(key, tally);
  }

  tick(): void {
    for (const [key, tally] of this.#talking) this.#tell(`${key} not-dns`, tally);
    this.#talking.clear();
  }

  clockSet(step: ClockStep): void {
    for (const [, tally] of this.#tallies.entries()) tally.clockSet(step);
  }

  #tell(key: string, tally: NotDnsTally): void {
    const verdict = this.#verdictOn(tally);
    if (verdict === undefined) return;
    if (tally.isTold && !this.#ctx.isOpen(key)) tally.restart(this.#clock.now);
    tally.isTold = true;
    this.#ctx.report({
      message: 'not-dns',
      time: tally.last,
      since: tally.first,
      key,
      subject: tally.client,
      peers: [tally.server],
      ...(tally.network === undefined ? {} : { network: tally.network }),
      ...gravity(verdict.ratio),
      evidence: evidenceOfNotDns(tally, verdict),
    });
  }

  #verdictOn(tally: NotDnsTally): Verdict | undefined {
    let worst: Verdict | undefined;
    for (const span of SPANS) {
      const bytes = tally.sum(span, this.#clock.now);
      const thresholdBytes = this.#thresholds[span];
      const ratio = bytes / thresholdBytes;
      if (ratio < (worst?.ratio ?? 1)) continue;
      worst = { channel: 'not-dns', ratio, span, bytes, thresholdBytes, factor: 1, circumstances: [] };
    }
    return worst;
  }
}
