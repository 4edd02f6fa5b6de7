/**
 * What could not be seen, which a report must never leave out: what was lost, whose addresses nobody knows, what was not
 * watched, not readable, not decoded, and what such a look can never know. Bounded by distinct kinds and reasons.
 */
import { escapedText, escapeText } from '../model/escape.ts';
import { clockText, formatBytes } from '../model/readable.ts';
import type {
  PublicCoverage,
  PublicEndpoint,
  PublicFlow,
  PublicLoss,
  PublicRecord,
  PublicSummary,
} from '../model/serialize.ts';
import type { BlindSpot, CaseReport } from './case.ts';

const MAX_KINDS = 100;
const MAX_REASONS = 100;
const SHOWN_REASONS = 6;
const MAX_ADDRESSES = 1000;
const MAX_PLACES = 1000;
const SHOWN_PLACES = 12;
const MAX_PROBLEMS = 50;
const SHOWN_CODES = 8;

/** What is said in them is for the two ends only. */
const ENCRYPTED: ReadonlySet<string> = new Set(['tls', 'quic', 'ssh', 'wireguard', 'dtls', 'openvpn']);
/** Detectors and sums that forget the least of many: usual, and told with what it means on their pages. */
const USUAL_LOSSES: ReadonlySet<string> = new Set([
  'analyzer-window',
  'resolved-names',
  'snaplen',
  'echo',
  'bursts',
]);

interface Loss {
  count: number;
  readonly wheres: Set<string>;
  first: string | undefined;
  last: string | undefined;
}

interface Reason {
  flows: number;
  readonly ips: Set<string>;
}

export class BlindSpots {
  readonly #losses = new Map<string, Loss>();
  readonly #reasons = new Map<string, Reason>();
  readonly #uncovered = new Map<string, string>();
  readonly #problems: BlindSpot[] = [];
  #moreProblems = 0;
  #morePlaces = 0;
  #summary: PublicSummary | undefined;
  readonly #anomalies = new Map<string, number>();
  readonly #encrypted = { flows: 0, bytes: 0, services: new Set<string>() };
  readonly #unrecognized = { flows: 0, bytes: 0 };
  #midstream = 0;
  #lossy = 0;
  #evicted = 0;

  add(record: PublicRecord): void {
    if (record.kind === 'flow') this.#addFlow(record);
    else if (record.kind === 'loss') this.#addLoss(record);
    else if (record.kind === 'coverage') this.#addCoverage(record);
    else if (record.kind === 'anomaly') this.#addAnomaly(record.code, record.count);
    else if (record.kind === 'summary') this.#summary = record;
  }

  /** A file that could not be read, or not to its end; anything else that whoever made the case knows. */
  problem(what: string, detail: string): void {
    if (this.#problems.length < MAX_PROBLEMS)
      this.#problems.push(grave(escapeText(what, 200), escapeText(detail, 500)));
    else this.#moreProblems += 1;
  }

  /** The grave ones first. */
  spots(from: CaseReport['from']): BlindSpot[] {
    const more =
      this.#moreProblems === 0 ? [] : [grave('more such problems', `${this.#moreProblems} are not listed`)];
    const spots = [
      ...this.#problems,
      ...more,
      ...this.#lossSpots(),
      ...this.#coverageSpots(),
      ...this.#flowSpots(),
      ...this.#nameSpots(),
      ...this.#contentSpots(),
      ...NEVER_KNOWN[from],
    ];
    return [...spots.filter(isGrave), ...spots.filter((spot) => !isGrave(spot))];
  }

  #addFlow(flow: PublicFlow): void {
    // Each flow once: when it ends.
    if (flow.reason === 'active') return;
    this.#addEnd(flow.nat?.client ?? flow.orig);
    this.#addEnd(flow.resp);
    const bytes = flow.origBytes + flow.respBytes;
    if (flow.service !== undefined && ENCRYPTED.has(flow.service)) {
      this.#encrypted.flows += 1;
      this.#encrypted.bytes += bytes;
      this.#encrypted.services.add(flow.service);
    } else if (flow.service === undefined && flow.respBytes > 0 && /^(?:tcp|udp)$/.test(flow.protocol)) {
      this.#unrecognized.flows += 1;
      this.#unrecognized.bytes += bytes;
    }
    if (flow.coverage === 'started-midstream') this.#midstream += 1;
    if (flow.coverage === 'lossy') this.#lossy += 1;
    if (flow.reason === 'evicted') this.#evicted += 1;
  }

  #addEnd({ attribution, ip }: PublicEndpoint): void {
    if (attribution.confidence !== 'none' && attribution.confidence !== 'ambiguous') return;
    const text = attribution.reason ?? attribution.confidence;
    const key = this.#reasons.has(text) || this.#reasons.size < MAX_REASONS ? text : 'other reasons';
    const reason = this.#reasons.get(key) ?? { flows: 0, ips: new Set() };
    this.#reasons.set(key, reason);
    reason.flows += 1;
    if (reason.ips.size < MAX_ADDRESSES) reason.ips.add(ip);
  }

  #addLoss({ source, where, count, first, last }: PublicLoss): void {
    const loss = this.#lossOf(source);
    loss.count += count;
    if (loss.wheres.size < SHOWN_PLACES) loss.wheres.add(where);
    if (loss.first === undefined || first < loss.first) loss.first = first;
    if (loss.last === undefined || last > loss.last) loss.last = last;
  }

  #lossOf(source: string): Loss {
    const key = this.#losses.has(source) || this.#losses.size < MAX_KINDS ? source : 'others';
    const loss = this.#losses.get(key) ?? { count: 0, wheres: new Set(), first: undefined, last: undefined };
    this.#losses.set(key, loss);
    return loss;
  }

  #addCoverage({ network, container, state, reason }: PublicCoverage): void {
    const place = network === undefined ? `DNS of ${container}` : `network ${network}`;
    if (state === 'covered') this.#uncovered.delete(place);
    else if (this.#uncovered.has(place) || this.#uncovered.size < MAX_PLACES)
      this.#uncovered.set(place, reason);
    else this.#morePlaces += 1;
  }

  #addAnomaly(code: string, count: number): void {
    if (this.#anomalies.has(code) || this.#anomalies.size < MAX_KINDS)
      this.#anomalies.set(code, (this.#anomalies.get(code) ?? 0) + count);
  }

  #lossSpots(): BlindSpot[] {
    // The summary knows of losses that no record told of, such as a snaplen.
    for (const [source, count] of Object.entries(this.#summary?.losses ?? {}))
      if (!this.#losses.has(source)) this.#lossOf(source).count = count;
    return [...this.#losses].map(([source, { count, wheres, first, last }]) => {
      const where = wheres.size === 0 ? '' : ` at ${[...wheres].join(', ')}`;
      const time =
        first === undefined || last === undefined ? '' : `, ${clockText(first)} to ${clockText(last)}`;
      const detail = escapeText(`${count}${where}${time}. ${LOSS_WORDS[source] ?? ''}`.trimEnd(), 600);
      const what = `Lost: ${escapeText(source, 100)}`;
      return USUAL_LOSSES.has(source) ? plain(what, detail) : grave(what, detail);
    });
  }

  #coverageSpots(): BlindSpot[] {
    const places = [...this.#uncovered];
    const more = places.length - SHOWN_PLACES + this.#morePlaces;
    return [
      ...places
        .slice(0, SHOWN_PLACES)
        .map(([place, reason]) => grave(`Not watched: ${escapeText(place, 100)}`, escapeText(reason, 300))),
      ...(more > 0 ? [grave('Not watched', `${more} other networks or containers`)] : []),
    ];
  }

  #flowSpots(): BlindSpot[] {
    return [
      ...(this.#evicted === 0
        ? []
        : [
            grave(
              'Flows given up early',
              `${countOf(this.#evicted, 'flow')}: the flow table was full, so their ends and sizes are not known`,
            ),
          ]),
      ...(this.#lossy === 0
        ? []
        : [
            grave(
              'Flows seen with gaps',
              `${countOf(this.#lossy, 'flow')}: packets were lost meanwhile, so they were larger than is told`,
            ),
          ]),
      ...(this.#midstream === 0
        ? []
        : [
            plain(
              'Flows whose beginning was not seen',
              `${countOf(this.#midstream, 'flow')}: what was sent before is not counted, and who opened them is inferred`,
            ),
          ]),
    ];
  }

  #nameSpots(): BlindSpot[] {
    const reasons = [...this.#reasons].sort(([, a], [, b]) => b.flows - a.flows);
    const rest = reasons.slice(SHOWN_REASONS).reduce((sum, [, { flows }]) => sum + flows, 0);
    return [
      ...reasons.slice(0, SHOWN_REASONS).map(([reason, { flows, ips }]) => {
        const least = ips.size >= MAX_ADDRESSES ? 'at least ' : '';
        const some = [...ips].slice(0, 3).join(', ');
        return plain(
          'Addresses without a sure name',
          escapedText(
            `${least}${countOf(ips.size, 'address', 'addresses')} (${some}${ips.size > 3 ? ', ...' : ''}) in ${countOf(flows, 'flow')}: ${reason}`,
            500,
          ),
        );
      }),
      ...(rest === 0
        ? []
        : [plain('Addresses without a sure name', `${countOf(rest, 'flow')} for other reasons`)]),
    ];
  }

  #contentSpots(): BlindSpot[] {
    const { flows, bytes, services } = this.#encrypted;
    const anomalies = { ...Object.fromEntries(this.#anomalies), ...this.#summary?.anomalies };
    return [
      ...(flows === 0
        ? []
        : [
            plain(
              'Encrypted',
              `${countOf(flows, 'flow')}, ${formatBytes(bytes)} (${[...services].sort().join(', ')}): who, when and how much is known, what was said is not`,
            ),
          ]),
      ...(this.#unrecognized.flows === 0
        ? []
        : [
            plain(
              'Protocol not recognised',
              `${countOf(this.#unrecognized.flows, 'answered flow')}, ${formatBytes(this.#unrecognized.bytes)}: their first bytes are none that are known here`,
            ),
          ]),
      ...countsSpot('Not decoded', 'frames, by protocol: ', this.#summary?.notUnderstood ?? {}),
      ...countsSpot('Malformed', 'packets, by what was wrong: ', anomalies),
    ];
  }
}

const LOSS_WORDS: Readonly<Record<string, string>> = {
  'kernel-ring': 'Packets that were not read in time when they were captured: nothing is known of them.',
  interface: 'Packets that the interface dropped: nothing is known of them.',
  'flow-table': 'More flows at once than the table holds: the oldest were ended early.',
  'analyzer-window': 'What a detector forgot for want of room, the least first.',
  snaplen: 'Frames that were cut when they were captured: what they said was not all there to read.',
  'dns-pairing': 'Questions that could not wait for their answers: they stand as unanswered.',
  store: 'Records that the disk did not take.',
  channel: 'Records that waited for the station too long.',
};

/** By what it is made from. It must not be read as more than it is. */
const NEVER_KNOWN: Readonly<Record<CaseReport['from'], readonly BlindSpot[]>> = {
  files: [
    plain(
      'What packets do not tell',
      "processes, users and files in the containers; sends that the kernel refused before there was a packet; what the host's firewall dropped; which ports containers listen on without being asked",
    ),
    plain(
      'What these captures do not hold',
      "traffic of interfaces and times that nobody captured; questions to Docker's embedded resolver, which stay inside the container; on one side of an address translation, who was on the other",
    ),
    plain(
      'What takes longer than a capture',
      'habits: detectors that compare with what is usual find less than in an agent that has run for days (--learned gives them its database)',
    ),
  ],
  store: [
    plain(
      'What packets do not tell',
      'processes, users and files in the containers; what an encrypted connection carried',
    ),
    plain(
      'What the database no longer holds',
      'flows and look-ups older than they are kept (docs/storage.md); what happened while no agent ran',
    ),
  ],
};

function countsSpot(
  what: string,
  lead: string,
  counts: Readonly<Record<string, number>>,
): readonly BlindSpot[] {
  const sorted = Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (sorted.length === 0) return [];
  const shown = sorted.slice(0, SHOWN_CODES).map(([code, count]) => `${code} ${count}`);
  const more = sorted.length > SHOWN_CODES ? `, and ${sorted.length - SHOWN_CODES} other kinds` : '';
  return [plain(what, escapeText(`${lead}${shown.join(', ')}${more}`, 600))];
}

function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function isGrave({ weight }: BlindSpot): boolean {
  return weight === 'grave';
}

function grave(what: string, detail: string): BlindSpot {
  return { weight: 'grave', what, detail };
}

function plain(what: string, detail: string): BlindSpot {
  return { weight: 'plain', what, detail };
}
