/**
 * Takes what concerns a finding out of the ring, from before it and for a while after, and tells it to the station as
 * pcapng. Frames are decoded here a second time, only while something is collected, a segment in each turn of the event
 * loop; taps pay for `append` alone. Nothing is taken that the channel has no room for: the ring keeps it meanwhile, and
 * what it had to forget is said.
 */
import type { SectionFacts } from '../../../capture/pcapng.ts';
import type { FrameBatch } from '../../../capture/source.ts';
import type { RecordSender } from '../../channel/ports.ts';
import { escapeText } from '../../model/escape.ts';
import type { EvidenceRequest } from '../../model/evidence.ts';
import type { Finding, Severity } from '../../model/finding.ts';
import { LossTally } from '../../model/loss-tally.ts';
import { type MetricFamily, samplesBy } from '../../model/metric.ts';
import { metric } from '../../model/metric-catalogue.ts';
import type { LossRecord } from '../../model/record.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import { Decoder } from '../decode/decoder.ts';
import type { PacketView } from '../decode/packet-view.ts';
import { wantedTaps } from '../recording/taps.ts';
import { type Target, TargetError, targetOf } from '../recording/target.ts';
import { Admissions } from './admission.ts';
import { Collection, type CollectionPlan, stampOf } from './collection.ts';
import type { EvidenceConfig } from './config.ts';
import { interestIn, interestOf, type World } from './interest.ts';
import { type Place, Places } from './places.ts';
import { PacketRing } from './ring.ts';

export interface CollectorOptions {
  readonly config: EvidenceConfig;
  readonly channel: Pick<RecordSender, 'sendEvidence' | 'evidenceRoomBytes' | 'evidenceListener'>;
  readonly world: () => World;
  /** Bytes that the taps take of each frame. */
  readonly snaplenBytes: number;
  /** Host and program; the comments are the collector's. */
  readonly section: SectionFacts;
  /** What cannot be seen now, one line each. */
  readonly problems: () => readonly string[];
  readonly emit: (loss: LossRecord) => void;
  readonly clock: EvidenceClock;
  /** How often what came meanwhile is looked at. */
  readonly sweepMs?: number;
}

export interface EvidenceClock {
  /** Seconds by a clock that nobody sets. */
  readonly steadySecs: () => number;
  /** Wall clock. */
  readonly wallMicros: () => Micros;
}

interface Running {
  readonly collection: Collection;
  readonly severity: Severity;
  /** Of the finding; absent where somebody asked. */
  readonly findingId?: string;
  /** Arrival of the oldest frame that it wants. */
  readonly sinceSecs: number;
  /** When it stops to look, by the steady clock. */
  endsSecs: number;
}

const SWEEP_MS = 250;
/** The channel is asked again after this when it had no room. */
const ROOM_MS = 20;
/** With less room nothing is begun and nothing taken. */
const MIN_ROOM_BYTES = 320 * 1024;
const FRAME_OVERHEAD_BYTES = 64;
const MAX_REQUESTS = 2;
const MAX_PROBLEMS = 16;
/** What is lost is summed up for so long. */
const LOSS_MS = 10_000;
/** Findings that are too mild yet; of more than so many the oldest must do without, should they become graver. */
const MAX_MILD = 4096;
/** For the end of a collection when the agent stops. */
const STOP_MS = 1000;

export class EvidenceCollector {
  readonly #options: CollectorOptions;
  readonly #ring: PacketRing;
  readonly #places = new Places();
  readonly #admissions: Admissions;
  readonly #losses = new LossTally();
  readonly #decoder = new Decoder();
  readonly #view: PacketView = this.#decoder.newView();
  readonly #counts = new Map<string, number>();
  #running: Running[] = [];
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #listener: number;
  #lossTimer: NodeJS.Timeout | undefined;
  readonly #mild = new Set<string>();
  #requests = 0;
  #packets = 0;
  #isStopped = false;

  constructor(options: CollectorOptions) {
    const { config, clock, channel } = options;
    this.#options = options;
    this.#admissions = new Admissions(config);
    this.#listener = channel.evidenceListener;
    this.#ring = new PacketRing({
      maxBytes: config.ring_bytes,
      snaplenBytes: config.snaplen_bytes,
      beginsSecs: Math.floor(clock.steadySecs()),
    });
  }

  /** A tap begins; the number goes with its frames. */
  attach(place: Place): number {
    return this.#places.add(place);
  }

  detach(place: number): void {
    this.#places.end(place, this.#ring.begin, this.#ring.end);
  }

  /** The hot path: frames of one tap, before anybody has looked at them. */
  append(place: number, batch: FrameBatch): void {
    this.#ring.append(place, batch, Math.floor(this.#options.clock.steadySecs()));
  }

  /** Every finding, as it is told. Cheap: what it wants is looked for in turns of its own. */
  onFinding(finding: Finding): void {
    const { id, status, severity } = finding;
    if (this.#isStopped || status === 'closed') {
      this.#mild.delete(id);
      return;
    }
    if (!this.#admissions.isWanted(severity)) {
      this.#noteMild(id);
      return;
    }
    const running = this.#running.find(({ findingId }) => findingId === id);
    const becameGrave = this.#mild.delete(id);
    if (running !== undefined) this.#extend(running, finding);
    else if (status !== 'update' || becameGrave) this.#open(finding);
  }

  /** Somebody wants the last moments of networks or containers; the answer is a collection, or a refusal. */
  collect(asked: EvidenceRequest): void {
    const { request } = asked;
    try {
      this.#answer(asked);
    } catch (error) {
      if (!(error instanceof TargetError) && !(error instanceof RequestError)) throw error;
      this.#options.channel.sendEvidence({ type: 'refused', request, reason: error.message });
    }
  }

  metrics(): MetricFamily[] {
    const nowSecs = this.#options.clock.steadySecs();
    const reach = Math.min(this.#options.config.ring_secs, nowSecs - this.#ring.keptSinceSecs);
    return [
      metric('bridgewatch_evidence_ring_bytes', this.#ring.capacityBytes),
      metric('bridgewatch_evidence_ring_seconds', Math.max(0, reach)),
      metric('bridgewatch_evidence_open_collections', this.#running.length),
      metric('bridgewatch_evidence_collections_total', samplesBy('outcome', this.#counts)),
      metric('bridgewatch_evidence_packets_total', this.#packets),
    ];
  }

  /** Looks at what is there already, as far as there is room, then ends what is open. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { collection } of this.#running) collection.stopAt(this.#ring.end);
    const deadline = performance.now() + STOP_MS;
    while (this.#running.some(({ collection }) => collection.position !== undefined)) {
      if (performance.now() > deadline) break;
      if (!this.#turn()) await new Promise((resolve) => setTimeout(resolve, ROOM_MS));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    for (const running of [...this.#running]) {
      const isDone = running.collection.position === undefined;
      this.#end(running, 'cut', [
        isDone ? 'what came after the agent stopped' : 'what was not looked at when the agent stopped',
      ]);
    }
    this.#tellLosses();
  }

  #open(finding: Finding): void {
    const { config } = this.#options;
    const { id, severity, lastSeen } = finding;
    // Those that a storm tells of are collected with it: its finding names who is behind it.
    if (finding.foldedInto !== undefined) {
      this.#refuse('findings.storm_per_minute', lastSeen);
      return;
    }
    const world = this.#options.world();
    const interest = interestOf(finding, world);
    if (interest === undefined) return;
    const now = this.#options.clock.steadySecs();
    const others = this.#running.filter(({ findingId }) => findingId !== undefined);
    const admission = this.#admissions.admit(severity, others, now);
    if (!admission.admitted) {
      this.#refuse(admission.because, lastSeen);
      return;
    }
    if (admission.displaced !== undefined) {
      this.#end(admission.displaced, 'cut', [
        `what came after finding ${id}, which is more severe (evidence.max_at_once)`,
      ]);
      this.#lose('evidence.max_at_once', lastSeen);
    }
    const { networks } = interest;
    const sinceSecs = Math.floor(now - config.ring_secs);
    this.#begin(
      { severity, findingId: id, sinceSecs, endsSecs: now + config.after_secs },
      {
        id: `${stampOf(this.#options.clock.wallMicros())}-${id}`,
        cause: { kind: 'finding', findingId: id, analyzer: finding.analyzer, severity },
        time: lastSeen,
        interest,
        networks,
        from: this.#ring.firstSince(sinceSecs),
        maxBytes: config.max_bytes_per_finding,
        limitedBy: 'evidence.max_bytes_per_finding',
        section: this.#section([
          `finding ${id}, ${finding.analyzer}, ${severity}: ${escapeText(finding.explanation, MAX_SENTENCE)}`,
          `looked for on ${networks.join(', ') || 'all networks'}`,
        ]),
        comment: `finding ${id}: ${finding.analyzer}, ${finding.message}`,
        missing: this.#missingSince(sinceSecs, now),
        snaplenBytes: this.#snaplenBytes,
      },
    );
  }

  #extend(running: Running, finding: Finding): void {
    const { config, clock } = this.#options;
    const interest = interestOf(finding, this.#options.world());
    if (interest === undefined) return;
    running.collection.extend(interest, this.#ring.firstSince(running.sinceSecs));
    running.endsSecs = clock.steadySecs() + config.after_secs;
    this.#schedule();
  }

  #answer({ request, targets: words, lastSecs }: EvidenceRequest): void {
    const { clock, config } = this.#options;
    if (!(lastSecs > 0)) throw new RequestError(`the last ${lastSecs} s are no time: ask for more than 0 s`);
    if (words.length === 0)
      throw new RequestError('nothing was named: name a network, a container or a service');
    if (this.#running.filter(({ findingId }) => findingId === undefined).length >= MAX_REQUESTS)
      throw new RequestError(`${MAX_REQUESTS} requests are being answered; ask again in a few seconds`);
    const world = this.#options.world();
    const targets = words.map((word) => targetOf(word, world));
    const { taps, unseen } = wantedTaps(targets, world, ({ name }) => {
      const [place] = this.#places.on([name]);
      if (place === undefined) return { reason: 'it is not watched; doctor says why', isTemporary: false };
      return { place: { interface: this.#places.get(place)!.interface } };
    });
    if (taps.length === 0)
      throw new RequestError(
        `nothing of what was asked for is watched: ${unseen.join('; ') || 'it is on no network'}`,
      );
    const now = clock.steadySecs();
    const sinceSecs = Math.floor(now - Math.min(lastSecs, config.ring_secs));
    const beyond =
      lastSecs > config.ring_secs ? [`what is older than ${config.ring_secs} s (evidence.ring_secs)`] : [];
    const networks = taps.map(({ network }) => network.name);
    const names = targets.map(({ name }) => name).join(', ');
    const wall = clock.wallMicros();
    this.#begin(
      { severity: 'critical', sinceSecs, endsSecs: now },
      {
        id: `${stampOf(wall)}-request-${++this.#requests}`,
        cause: { kind: 'request', request },
        time: wall,
        interest: containersOf(targets, world),
        wholeNetworks: new Set(
          targets.flatMap((target) => (target.kind === 'network' ? [target.networkId] : [])),
        ),
        networks,
        from: this.#ring.firstSince(sinceSecs),
        until: this.#ring.end,
        maxBytes: config.ring_bytes,
        limitedBy: 'evidence.ring_bytes',
        section: this.#section([`the last ${lastSecs} s of ${names}, as asked for at ${formatMicros(wall)}`]),
        comment: `asked for: ${names}`,
        missing: [...unseen, ...beyond, ...this.#missingSince(sinceSecs, now)],
        snaplenBytes: this.#snaplenBytes,
      },
    );
  }

  #begin(running: Omit<Running, 'collection'>, plan: CollectionPlan): void {
    const collection = new Collection(plan, {
      send: (piece) => this.#options.channel.sendEvidence(piece),
      places: this.#places,
      world: this.#options.world,
    });
    this.#running.push({ ...running, collection });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#soon !== undefined || this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#soon = setImmediate(() => this.#next());
  }

  #next(): void {
    this.#soon = undefined;
    const went = this.#turn();
    if (this.#isStopped || this.#running.length === 0) return;
    if (went && this.#hasMore()) {
      this.#schedule();
      return;
    }
    const { sweepMs = SWEEP_MS } = this.#options;
    this.#timer = setTimeout(() => this.#next(), went ? sweepMs : ROOM_MS);
  }

  #hasMore(): boolean {
    const { end } = this.#ring;
    return this.#running.some(({ collection }) => (collection.position ?? end) < end);
  }

  /** One segment; false where the channel has no room. */
  #turn(): boolean {
    const { channel, clock } = this.#options;
    this.#noticeListener();
    const now = clock.steadySecs();
    for (const { collection, endsSecs } of this.#running)
      if (now >= endsSecs) collection.stopAt(this.#ring.end);
    const room = channel.evidenceRoomBytes;
    if (room < MIN_ROOM_BYTES) return false;
    for (const { collection } of this.#running) {
      collection.passOver(this.#ring.begin);
      if (!collection.hasBegun) collection.begin();
    }
    this.#sweep(room);
    for (const running of [...this.#running]) {
      if (running.collection.isOver) this.#drop(running, 'limit');
      else if (running.collection.position === undefined && !this.#isStopped) this.#end(running, 'whole');
    }
    return true;
  }

  /** Shows the collections what stands at the one that is furthest behind, in one go as far as there is room. */
  #sweep(room: number): void {
    const positions = this.#running.flatMap(({ collection }) => collection.position ?? []);
    const slice = this.#ring.slice(Math.min(...positions, this.#ring.end));
    if (slice === undefined) return;
    const { frames, from, to, number } = slice;
    let left = room;
    let at = from;
    for (; at < to && left > 0; at++) {
      this.#decodedAt = -1;
      this.#frames = frames;
      this.#frame = at;
      for (const { collection } of this.#running) {
        if (!collection.take(number + at - from, frames, at, this.#decode)) continue;
        left -= frames.capLen[at]! + FRAME_OVERHEAD_BYTES;
        this.#packets += 1;
      }
    }
    for (const { collection } of this.#running) collection.writeTaken(frames, number + at - from);
  }

  #frames: FrameBatch | undefined;
  #frame = 0;
  #decodedAt = -1;

  /** The frame at hand, once, however many ask. */
  readonly #decode = (): PacketView => {
    if (this.#decodedAt === this.#frame) return this.#view;
    const { data, offset, capLen, wireLen, ifIndex } = this.#frames!;
    const i = this.#frame;
    const linkType = this.#places.get(ifIndex[i]!)?.linkType ?? 1;
    this.#decoder.decode(data, offset[i]!, capLen[i]!, wireLen[i]!, linkType, this.#view);
    this.#decodedAt = i;
    return this.#view;
  };

  /** A station that has come anew has nothing of what the one before was told. */
  #noticeListener(): void {
    const { evidenceListener } = this.#options.channel;
    if (evidenceListener === this.#listener) return;
    this.#listener = evidenceListener;
    for (const { collection, sinceSecs } of this.#running)
      collection.beginAnew(this.#ring.firstSince(sinceSecs));
  }

  #end(running: Running, how: 'whole' | 'cut', missing: readonly string[] = []): void {
    running.collection.end(how, missing);
    this.#drop(running, how);
  }

  #drop(running: Running, outcome: string): void {
    const { collection } = running;
    this.#running = this.#running.filter((each) => each !== running);
    this.#count(outcome);
    if (collection.missed > 0) this.#lose('evidence.ring_bytes', collection.plan.time);
  }

  #refuse(because: string, time: Micros): void {
    this.#count('refused');
    this.#lose(because, time);
  }

  /** A finding whose packets were not collected, or not all. */
  #lose(where: string, time: Micros): void {
    this.#losses.add('evidence', where, 1, time);
    this.#lossTimer ??= setTimeout(() => this.#tellLosses(), LOSS_MS).unref();
  }

  #noteMild(id: string): void {
    this.#mild.add(id);
    const [oldest] = this.#mild;
    if (this.#mild.size > MAX_MILD) this.#mild.delete(oldest!);
  }

  #count(outcome: string): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
  }

  #tellLosses(): void {
    const { clock, emit } = this.#options;
    clearTimeout(this.#lossTimer);
    this.#lossTimer = undefined;
    for (const loss of this.#losses.drain(clock.wallMicros())) emit(loss);
  }

  get #snaplenBytes(): number {
    return Math.min(
      this.#options.snaplenBytes,
      this.#options.config.snaplen_bytes ?? Number.POSITIVE_INFINITY,
    );
  }

  #section(comments: readonly string[]): SectionFacts {
    const { section, problems } = this.#options;
    const unseen = problems()
      .slice(0, MAX_PROBLEMS)
      .map((line) => `not seen: ${line}`);
    return { ...section, comments: [...(section.comments ?? []), ...comments, ...unseen] };
  }

  /** Of the time since then, what the ring does not hold. */
  #missingSince(sinceSecs: number, now: number): string[] {
    const { keptSinceSecs, begin } = this.#ring;
    if (keptSinceSecs <= sinceSecs) return [];
    const reach = Math.max(0, Math.floor(now - keptSinceSecs));
    const wanted = Math.round(now - sinceSecs);
    return begin === 0
      ? [`what came more than ${reach} s before: the agent had only begun to capture`]
      : [
          `what came more than ${reach} s before, of ${wanted} s: the ring reaches back no further (evidence.ring_bytes)`,
        ];
  }
}

/** The explanation of a finding, in a comment. */
const MAX_SENTENCE = 2000;

class RequestError extends Error {
  override readonly name = 'RequestError';
}

function containersOf(targets: readonly Target[], world: World) {
  const containers = world.containers.filter(({ workload }) =>
    targets.some((target) => target.kind === 'containers' && target.includes(workload)),
  );
  return containers.length === 0 ? undefined : interestIn(containers, world);
}
