/**
 * What a long stretch of flows and look-ups comes down to on a time axis: for each pair that talked, and each zone that
 * somebody asked about, when it began, when it was last, how much it was. Any number of records in bounded memory.
 */
import { zoneOfText } from '../../model/dns-zone.ts';
import { escapedText } from '../../model/escape.ts';
import type { PublicDns, PublicFlow } from '../../model/serialize.ts';
import { foldCase } from '../../query/pattern.ts';
import { askerText } from '../dns/text.ts';
import { formatBytes } from '../lib/output.ts';
import type { TimelineRecord } from '../lib/records.ts';
import { endLabel } from '../map/edges.ts';

/** About 0.5 KiB each. */
const MAX_TALKS = 5000;

interface Talk {
  readonly of: 'flow' | 'dns';
  readonly who: string;
  readonly network: string;
  /** Without the count. */
  readonly what: string;
  first: string;
  last: string;
  /** Of the first flow. */
  id: string | undefined;
  count: number;
  sent: number;
  received: number;
}

export class Talks {
  readonly #talks = new Map<string, Talk>();
  readonly #max: number;
  #passedOver = 0;

  constructor(max = MAX_TALKS) {
    this.#max = max;
  }

  /** Flows and look-ups of pairs and zones for which there was no room. */
  get passedOver(): number {
    return this.#passedOver;
  }

  addFlow(flow: PublicFlow): void {
    const orig = endLabel(flow.nat?.client ?? flow.orig);
    const port = flow.resp.port === undefined ? '' : `:${flow.resp.port}`;
    const service = flow.service === undefined ? '' : `, ${flow.service}`;
    const what = `${orig} -> ${endLabel(flow.resp)}${port} (${flow.protocol}${service})`;
    const talk = this.#talk('flow', orig, flow.network?.name ?? flow.interface, what, flow.start);
    if (talk === undefined) return;
    if (flow.start <= talk.first) talk.id = flow.uid;
    this.#extend(talk, flow.start, flow.end);
    talk.sent += flow.origBytes;
    talk.received += flow.respBytes;
  }

  addDns(dns: PublicDns): void {
    const name = foldCase(dns.query);
    const found = zoneOfText(name);
    const zone = found === undefined || found.kind === 'bare' ? name : found.zone;
    const asker = askerText(dns);
    const networks = dns.network?.name ?? dns.networks?.map(({ name }) => name).join(', ') ?? dns.interface;
    const talk = this.#talk('dns', asker, networks, `${asker} asked for ${zone}`, dns.time);
    if (talk !== undefined) this.#extend(talk, dns.time, dns.time);
  }

  /** In no order: two for each that happened more than once, its first and its last. */
  records(): TimelineRecord[] {
    return [...this.#talks.values()].flatMap((talk) => {
      const { of, who, network, what, first, last, id, count, sent, received } = talk;
      const amount = of === 'dns' ? '' : `; ${formatBytes(sent)} sent, ${formatBytes(received)} received`;
      const noun = of === 'dns' ? 'look-ups' : 'flows';
      const at = (time: string, text: string): TimelineRecord => ({
        kind: 'timeline',
        time,
        of,
        network,
        who,
        text: escapedText(text, 1000),
        ...(id === undefined ? {} : { id }),
      });
      if (first === last)
        return [at(first, `${what}: ${count === 1 ? 'once' : `${count} ${noun}`}${amount}`)];
      if (count === 1) return [at(first, `${what}: begins`), at(last, `${what}: ends${amount}`)];
      return [
        at(first, `${what}: the first of ${count} ${noun}`),
        at(last, `${what}: the last of ${count} ${noun}${amount}`),
      ];
    });
  }

  #talk(of: Talk['of'], who: string, network: string, what: string, time: string): Talk | undefined {
    const key = `${network}\0${what}`;
    const known = this.#talks.get(key);
    if (known !== undefined) return known;
    if (this.#talks.size >= this.#max) {
      this.#passedOver += 1;
      return undefined;
    }
    const begun: Talk = {
      ...{ of, who, network, what, first: time, last: time },
      ...{ id: undefined, count: 0, sent: 0, received: 0 },
    };
    this.#talks.set(key, begun);
    return begun;
  }

  /** Times of records are texts of one form, which sort as times do. */
  #extend(talk: Talk, first: string, last: string): void {
    talk.count += 1;
    if (first < talk.first) talk.first = first;
    if (last > talk.last) talk.last = last;
  }
}
