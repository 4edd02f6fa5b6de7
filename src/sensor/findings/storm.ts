/**
 * One storm: what is told of the findings that are folded into one, in bounded room (60 KiB at most). It must never lose
 * a number: each of them is counted by severity, and what is only a sample says so.
 */
import { type Endpoint, endpointLabel } from '../../model/endpoint.ts';
import { type AttackTechnique, type Finding, SEVERITIES, type Severity } from '../../model/finding.ts';
import { STORM_MESSAGES, type StormEvidence } from './finding-storm.ts';
import { type Frequent, MostFrequent } from './most-frequent.ts';

const TOP = 5;
const FIRST_IDS = 10;
const MAX_ATTACK = 16;
/** Different ones told apart, as in the evidence of the analyzers. */
const MAX_COUNTED = 256;
/** One finding can have many; the first few are the likeliest. */
const PEERS_OF_ONE = 8;

export interface StormView {
  readonly message: string;
  readonly subject: Endpoint;
  readonly peers: readonly Endpoint[];
  readonly network: string | undefined;
  readonly evidence: StormEvidence;
}

export class Storm {
  /** The gravest that anybody was told of while it lasts, folded or not: what is graver is told by itself. */
  told: number;
  readonly attack: AttackTechnique[] = [];
  readonly #limit: number;
  readonly #counts = SEVERITIES.map(() => 0);
  readonly #firstIds: string[] = [];
  readonly #analyzers = new Counted<string>();
  readonly #subjects = new Counted<Endpoint>();
  readonly #peers = new Counted<Endpoint>();
  readonly #networks = new Counted<string>();
  #folded = 0;
  #stillOpen = 0;

  constructor(first: Severity, limit: number) {
    this.told = rankOf(first);
    this.#limit = limit;
  }

  /** The gravest of the folded. */
  get severity(): Severity {
    const rank = this.#counts.findLastIndex((count) => count > 0);
    return SEVERITIES[Math.max(rank, 0)]!;
  }

  fold(finding: Finding): void {
    this.#folded += 1;
    this.#stillOpen += 1;
    this.#counts[rankOf(finding.severity)]! += 1;
    this.told = Math.max(this.told, rankOf(finding.severity));
    if (this.#firstIds.length < FIRST_IDS) this.#firstIds.push(finding.id);
    for (const tag of finding.attack) this.#addAttack(tag);
    this.#analyzers.add(finding.analyzer, finding.analyzer);
    this.#subjects.add(endpointKey(finding.subject, finding.network), finding.subject);
    for (const peer of finding.peers.slice(0, PEERS_OF_ONE))
      this.#peers.add(endpointKey(peer, finding.network), peer);
    if (finding.network !== undefined) this.#networks.add(finding.network, finding.network);
  }

  /** A folded one became graver, and stays folded. */
  rose(from: Severity, to: Severity): void {
    this.#counts[rankOf(from)]! -= 1;
    this.#counts[rankOf(to)]! += 1;
    this.told = Math.max(this.told, rankOf(to));
  }

  /** A folded one is over, or is told by itself from now on. */
  left(): void {
    this.#stillOpen -= 1;
  }

  view(goesOn: boolean): StormView {
    const [first] = this.#subjects.top(1);
    // Of the first alone nothing can be said.
    const isOnes = this.#folded > 1 && first !== undefined && first.atLeast * 2 > this.#folded;
    const message =
      this.#folded === 1 ? STORM_MESSAGES.begins : isOnes ? STORM_MESSAGES.one : STORM_MESSAGES.many;
    const networks = this.#networks.top(TOP);
    const peers = this.#peers.top(TOP);
    const sets = [this.#subjects, this.#peers, this.#networks];
    return {
      message,
      subject: isOnes ? first.value : MANY,
      peers: peers.map(({ value }) => value),
      network: this.#networks.count === 1 ? networks[0]?.value : undefined,
      evidence: {
        kind: message,
        goesOn,
        analyzers: this.#analyzers.top(TOP).map(withCount),
        folded: this.#folded,
        stillOpen: this.#stillOpen,
        limitPerMinute: this.#limit,
        ...this.#bySeverity(),
        subjectCount: this.#subjects.count,
        peerCount: this.#peers.count,
        networkCount: this.#networks.count,
        countsAreMinimum: sets.some(({ isMinimum }) => isMinimum) || undefined,
        topSubjects: this.#subjects.top(TOP).map(endpointWithCount),
        topPeers: peers.map(endpointWithCount),
        topNetworks: networks.map(withCount),
        firstIds: [...this.#firstIds],
      },
    };
  }

  #bySeverity() {
    const [informational, low, medium, high, critical] = this.#counts as [
      number,
      number,
      number,
      number,
      number,
    ];
    const severities = SEVERITIES.map((severity, rank) => ({ value: severity, atLeast: this.#counts[rank]! }))
      .filter(({ atLeast }) => atLeast > 0)
      .map(withCount)
      .reverse();
    return { critical, high, medium, low, informational, severities };
  }

  #addAttack({ technique, tactic }: AttackTechnique): void {
    if (this.attack.length >= MAX_ATTACK) return;
    if (this.attack.some((tag) => tag.technique === technique && tag.tactic === tactic)) return;
    this.attack.push({ technique, tactic });
  }
}

/** The most frequent, and how many different ones there are. */
class Counted<V> {
  readonly #frequent = new MostFrequent<V>();
  readonly #keys = new Set<string>();
  isMinimum = false;

  get count(): number {
    return this.#keys.size;
  }

  add(key: string, value: V): void {
    this.#frequent.add(key, value);
    if (this.#keys.has(key)) return;
    if (this.#keys.size < MAX_COUNTED) this.#keys.add(key);
    else this.isMinimum = true;
  }

  top(count: number): Frequent<V>[] {
    return this.#frequent.top(count);
  }
}

/** Nobody in particular; like all that is unknown it says why. */
const MANY: Endpoint = {
  ip: '0.0.0.0',
  scope: 'unknown',
  names: [],
  attribution: {
    method: 'none',
    confidence: 'none',
    reason: 'stands for the subjects of other findings: see topSubjects in the evidence',
  },
};

export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** Most addresses mean another end on another network; names come and go. */
function endpointKey({ workload, ip, scope }: Endpoint, network: string | undefined): string {
  return workload?.containerId ?? (scope === 'internet' ? ip : `${network ?? ''} ${ip}`);
}

function endpointWithCount({ value, atLeast }: Frequent<Endpoint>): string {
  return `${endpointLabel(value)} (${atLeast})`;
}

function withCount({ value, atLeast }: Frequent<string>): string {
  return `${value} (${atLeast})`;
}
