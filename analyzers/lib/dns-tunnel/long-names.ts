/** Names that were long enough to be a message each, told with low severity when nothing explains them. */
import type { DnsRecord } from '../../../src/model/dns.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { AskedName } from './asked-names.ts';
import type { ClientZone } from './client-zone.ts';
import type { Contacts } from './contacts.ts';
import { type Context, evidenceOf } from './evidence.ts';
import type { Judge } from './judge.ts';
import type { Clock } from './memory.ts';
import type { Verdict } from './thresholds.ts';

/** A single name of these bytes, or a first label of these, is long for a host (nDPI uses the same label length). */
const ONE_SHOT_BYTES = 100;
const ONE_SHOT_LABEL = 48;
const ONE_SHOT_WAIT = 10 * MICROS_PER_SECOND;
const ONE_SHOTS = 256;

interface LongName {
  readonly pair: ClientZone;
  time: Micros;
  readonly name: string;
  readonly bytes: number;
}

export class LongNames {
  readonly #ctx: Context;
  readonly #clock: Clock;
  readonly #judge: Judge;
  readonly #contacts: Contacts;
  readonly #names: LongName[] = [];

  constructor(ctx: Context, parts: { clock: Clock; judge: Judge; contacts: Contacts }) {
    this.#ctx = ctx;
    this.#clock = parts.clock;
    this.#judge = parts.judge;
    this.#contacts = parts.contacts;
  }

  note(pair: ClientZone, record: DnsRecord, { own, weight, firstLabelBytes }: AskedName): void {
    if (weight < ONE_SHOT_BYTES && firstLabelBytes <= ONE_SHOT_LABEL) return;
    if (own < 1 || pair.isKnown || this.#judge.isDeclared(pair)) return;
    if (pair.kind !== 'registered' && pair.kind !== 'unlisted') return;
    if (this.#names.length >= ONE_SHOTS || pair.reportedAt !== undefined) return;
    this.#names.push({ pair, time: record.time, name: record.query, bytes: weight });
    this.#contacts.watch(pair);
  }

  /** What was not contacted by now is told. */
  tick(): void {
    const { now } = this.#clock;
    while (this.#names.length > 0 && now - this.#names[0]!.time >= ONE_SHOT_WAIT) {
      const long = this.#names.shift()!;
      const { pair } = long;
      if (pair.reportedAt !== undefined || pair.contacted(now).share > 0) continue;
      if (this.#judge.isUnexplained(pair)) this.#tell(long, now);
    }
  }

  clockSet({ from, to }: ClockStep): void {
    for (const long of this.#names) long.time += to - from;
  }

  #tell({ pair, time, name, bytes }: LongName, now: Micros): void {
    pair.reportedAt = now;
    this.#judge.noteTold(pair);
    const verdict: Verdict = {
      channel: 'one-shot',
      ratio: bytes / ONE_SHOT_BYTES,
      span: 0,
      bytes,
      thresholdBytes: ONE_SHOT_BYTES,
      factor: 1,
      circumstances: [],
    };
    this.#ctx.report({
      message: 'one-shot',
      time: pair.last,
      since: Math.min(time, pair.last),
      key: pair.key,
      subject: pair.subject,
      peers: [pair.resolver],
      ...(pair.network === undefined ? {} : { network: pair.network }),
      severity: 'low',
      confidence: 'low',
      evidence: { ...evidenceOf(pair, verdict, now), sampleNames: [name], distinctNames: 1 },
    });
  }
}
