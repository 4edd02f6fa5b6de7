/** What is summed up of the look-ups of one container, name, zone or resolver. Bounded, whatever they were. */
import type { PublicDns } from '../../model/serialize.ts';
import type { DnsCount, DnsSummaryRecord } from '../lib/records.ts';
import { DistinctCount, LatencyHistogram, TopCount } from './sketches.ts';
import { answersOf, askerText, lastResolverText } from './text.ts';

const TOLD = 5;
/** Answers of one look-up that are counted. */
const ANSWERS_OF_ONE = 4;
/** A container asks few resolvers; more than that are not told apart. */
const MAX_RESOLVERS = 8;

export class DnsGroup {
  questions = 0;
  #unanswered = 0;
  #nxdomain = 0;
  #servfail = 0;
  #first = '';
  #last = '';
  readonly #names = new DistinctCount();
  readonly #clients = new DistinctCount(128);
  readonly #topNames = new TopCount();
  readonly #topClients = new TopCount();
  readonly #topAnswers = new TopCount();
  readonly #latency = new LatencyHistogram();
  readonly #resolvers = new Map<string, LatencyHistogram>();

  /** `isUpstream`: sums up a resolver behind the embedded one, so that its own answers and times count. */
  add(record: PublicDns, name: string, isUpstream: boolean): void {
    const client = askerText(record);
    const upstream = isUpstream ? record.upstream : undefined;
    const rtt = upstream === undefined ? record.rtt : upstream.rtt;
    this.questions += 1;
    this.#countOutcome(record, upstream !== undefined && upstream.rtt === undefined);
    this.#span(record.time, record.time);
    this.#names.add(name);
    this.#clients.add(client);
    this.#topNames.add(name);
    this.#topClients.add(client);
    for (const answer of outcomesOf(record)) this.#topAnswers.add(answer);
    if (rtt === undefined) return;
    this.#latency.add(rtt);
    this.#resolver(lastResolverText(record))?.add(rtt);
  }

  /** Takes the sums of another one, which is not used any more. */
  addAll(other: DnsGroup): void {
    this.questions += other.questions;
    this.#unanswered += other.#unanswered;
    this.#nxdomain += other.#nxdomain;
    this.#servfail += other.#servfail;
    if (other.questions > 0) this.#span(other.#first, other.#last);
    this.#names.addAll(other.#names);
    this.#clients.addAll(other.#clients);
    this.#topNames.addAll(other.#topNames);
    this.#topClients.addAll(other.#topClients);
    this.#topAnswers.addAll(other.#topAnswers);
    this.#latency.addAll(other.#latency);
    for (const [name, latency] of other.#resolvers) this.#resolver(name)?.addAll(latency);
  }

  toRecord(by: DnsSummaryRecord['by'], which: { key: string } | { others: number }): DnsSummaryRecord {
    const slowest = this.#slowest();
    const isEstimated = this.#names.isEstimated || this.#clients.isEstimated;
    return {
      kind: 'dns-summary',
      by,
      ...which,
      first: this.#first,
      last: this.#last,
      questions: this.questions,
      unanswered: this.#unanswered,
      nxdomain: this.#nxdomain,
      servfail: this.#servfail,
      // An estimate may come out higher than can be.
      names: Math.min(this.#names.value, this.questions),
      clients: Math.min(this.#clients.value, this.questions),
      ...(isEstimated && { isEstimated }),
      ...optional('latencyMedian', this.#latency.quantile(0.5)),
      ...optional('latencyP95', this.#latency.quantile(0.95)),
      ...optional('slowestResolver', slowest),
      topClients: told(this.#topClients),
      topNames: told(this.#topNames),
      topAnswers: told(this.#topAnswers),
    };
  }

  /** Nobody owes an answer to a question that goes to all neighbours. */
  #countOutcome({ rcode, protocol }: PublicDns, isUpstreamSilent: boolean): void {
    if ((rcode === undefined || isUpstreamSilent) && protocol === 'dns') this.#unanswered += 1;
    else if (rcode === 'NXDOMAIN') this.#nxdomain += 1;
    else if (rcode === 'SERVFAIL') this.#servfail += 1;
  }

  /** Times in ISO 8601 and of one length are in order as texts. */
  #span(first: string, last: string): void {
    if (this.#first === '' || first < this.#first) this.#first = first;
    if (last > this.#last) this.#last = last;
  }

  #resolver(name: string): LatencyHistogram | undefined {
    const known = this.#resolvers.get(name);
    if (known !== undefined || this.#resolvers.size === MAX_RESOLVERS) return known;
    const latency = new LatencyHistogram();
    this.#resolvers.set(name, latency);
    return latency;
  }

  #slowest(): DnsSummaryRecord['slowestResolver'] {
    const all = [...this.#resolvers].map(([resolver, latency]) => ({
      resolver,
      questions: latency.count,
      latencyP95: latency.quantile(0.95) ?? 0,
    }));
    return all.sort((a, b) => b.latencyP95 - a.latencyP95)[0];
  }
}

/** What came back, as few texts: the data of the asked type, else the code. */
function outcomesOf(record: PublicDns): readonly string[] {
  const { rcode } = record;
  if (rcode === undefined) return ['?'];
  if (rcode !== 'NOERROR') return [rcode];
  const answers = answersOf(record).slice(0, ANSWERS_OF_ONE);
  return answers.length === 0 ? ['NODATA'] : answers;
}

function told(top: TopCount): readonly DnsCount[] {
  return top.top(TOLD);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
