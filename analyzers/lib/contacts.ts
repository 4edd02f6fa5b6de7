/**
 * Flows of one kind folded into one tally: how many, how much, who with whom, and which were answered. Shared by the
 * detectors that tell of contacts across a line. Each flow counts once in the tally it belongs to, however many of its
 * records are seen; both the flows that are followed and what a tally remembers are bounded.
 */
import { z } from 'zod';
import type { Endpoint } from '../../src/model/endpoint.ts';
import { endpointLabel } from '../../src/model/endpoint.ts';
import { SEVERITIES, type Severity } from '../../src/model/finding.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { workloadLabel } from '../../src/model/network.ts';
import { type ClockStep, formatMicros, type Micros } from '../../src/model/time.ts';
import type { BoundedMap } from '../../src/sensor/analysis/analyzer.ts';
import { answerTo } from './answer.ts';
import { isOpenerInferred } from './leaving.ts';
import { Sample } from './sample.ts';

const MAX_ENDS = 16;
/** With three such lists a tally is 15 KB at most. */
const MAX_TOLD_APART = 64;

/** Evidence that every such finding has. */
export const contactEvidence = {
  flows: z.number(),
  answeredFlows: z.number().describe('Those on which data, or the end of a handshake, came back.'),
  refusedFlows: z.number().describe('Those on which nothing but a TCP reset came back.'),
  openers: z.array(z.string()).describe('Who opened them, at most 16.'),
  openerCount: z.number().describe('64 stands for more.'),
  targets: z.array(z.string()).describe('Where to, at most 16.'),
  targetCount: z.number().describe('64 stands for more.'),
  answeredTargets: z.array(z.string()),
  bytes: z.number().describe('IP bytes sent by those who opened them.'),
  answerBytes: z.number().describe('IP bytes that came back.'),
  firstSeen: z.string(),
  lastSeen: z.string(),
};

export class ContactTally {
  #first: Micros;
  #last: Micros;
  readonly #openers = new Sample(MAX_ENDS, MAX_TOLD_APART);
  readonly #targets = new Sample(MAX_ENDS, MAX_TOLD_APART);
  readonly #answeredTargets = new Sample(MAX_ENDS, MAX_TOLD_APART);
  #openerEnds: readonly Endpoint[] = [];
  #targetEnds: readonly Endpoint[] = [];
  #flows = 0;
  #answered = 0;
  #refused = 0;
  #bytes = 0;
  #answerBytes = 0;
  /** At least one of them was seen from its opening, so that who opened it is a fact. */
  isOpenerSeen = false;
  /** At least one of them can have no innocent reading; what that is, its detector knows. */
  isProven = false;
  #severity: Severity = 'informational';
  /** The first bridge it was seen on. */
  readonly #place: string | undefined;

  constructor(first: Micros, place: string | undefined) {
    this.#first = first;
    this.#last = first;
    this.#place = place;
  }

  isAt(place: string | undefined): boolean {
    return this.#place === place;
  }

  /** The gravest so far: a finding never becomes milder, and its evidence goes with its gravest report. */
  atLeast(severity: Severity): Severity {
    if (SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(this.#severity)) this.#severity = severity;
    return this.#severity;
  }

  get first(): Micros {
    return this.#first;
  }

  get isAnswered(): boolean {
    return this.#answered > 0;
  }

  get openers(): readonly Endpoint[] {
    return [...this.#openerEnds];
  }

  get targets(): readonly Endpoint[] {
    return [...this.#targetEnds];
  }

  addFlow(flow: FlowRecord, opener: Endpoint): void {
    this.#flows += 1;
    this.isOpenerSeen ||= !isOpenerInferred(flow);
    this.#openers.add(endpointLabel(opener));
    this.#targets.add(targetLabel(flow));
    this.#openerEnds = withEnd(this.#openerEnds, opener);
    this.#targetEnds = withEnd(this.#targetEnds, flow.resp);
  }

  addAnswer(flow: FlowRecord): void {
    this.#answered += 1;
    this.#answeredTargets.add(targetLabel(flow));
  }

  addRefusal(): void {
    this.#refused += 1;
  }

  addTraffic(bytes: number, answerBytes: number, time: Micros): void {
    this.#bytes += bytes;
    this.#answerBytes += answerBytes;
    this.#last = Math.max(this.#last, time);
  }

  evidence() {
    return {
      flows: this.#flows,
      answeredFlows: this.#answered,
      refusedFlows: this.#refused,
      openers: this.#openers.first(),
      openerCount: this.#openers.count,
      targets: this.#targets.first(),
      targetCount: this.#targets.count,
      answeredTargets: this.#answeredTargets.first(),
      bytes: this.#bytes,
      answerBytes: this.#answerBytes,
      firstSeen: formatMicros(this.#first),
      lastSeen: formatMicros(this.#last),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#first += to - from;
    this.#last += to - from;
  }
}

/** How much of a flow is in its tally already. */
export interface Counted {
  readonly key: string;
  bytes: number;
  answerBytes: number;
  answer: 'none' | 'refused' | 'answered';
}

export class Contacts {
  readonly #tallies: BoundedMap<ContactTally>;
  readonly #counted: BoundedMap<Counted>;
  readonly #isOpen: (key: string) => boolean;

  constructor(
    tallies: BoundedMap<ContactTally>,
    counted: BoundedMap<Counted>,
    isOpen: (key: string) => boolean,
  ) {
    this.#tallies = tallies;
    this.#counted = counted;
    this.#isOpen = isOpen;
  }

  /**
   * The same for a connection that crosses two bridges and is a flow on each: it counts where its kind was seen first, and
   * the other tells no more than that it was answered.
   */
  addOnce(flow: FlowRecord, key: string, opener: Endpoint, time: Micros): ContactTally | undefined {
    const tally = this.#isOpen(key) ? this.#tallies.get(key) : undefined;
    if (tally === undefined || tally.isAt(flow.network?.id)) return this.add(flow, key, opener, time);
    if (answerOf(flow) !== 'answered') return undefined;
    if (!tally.isAnswered) tally.addAnswer(flow);
    return tally;
  }

  /** Adds what the flow did since its last record; the tally is returned when that was anything. */
  add(flow: FlowRecord, key: string, opener: Endpoint, time: Micros): ContactTally | undefined {
    const known = this.#counted.get(flow.uid);
    // A flow that turns out to be something else (its translation became known) counts anew there.
    const counted = known?.key === key ? known : this.#begin(flow, key);
    const answer = answerOf(flow);
    const isNews =
      counted !== known ||
      answer !== counted.answer ||
      flow.origBytes !== counted.bytes ||
      flow.respBytes !== counted.answerBytes;
    if (!isNews) return undefined;
    if (!this.#isOpen(key)) this.#tallies.delete(key);
    const isNewTally = this.#tallies.get(key) === undefined;
    const tally = this.#tallies.ensure(key, () => new ContactTally(time, flow.network?.id));
    if (counted !== known || isNewTally) tally.addFlow(flow, opener);
    if (answer !== counted.answer || isNewTally) this.#addAnswer(tally, flow, answer, counted);
    tally.addTraffic(flow.origBytes - counted.bytes, flow.respBytes - counted.answerBytes, time);
    counted.bytes = flow.origBytes;
    counted.answerBytes = flow.respBytes;
    counted.answer = answer;
    return tally;
  }

  ended(flow: FlowRecord): void {
    this.#counted.delete(flow.uid);
  }

  clockSet(step: ClockStep): void {
    for (const [, tally] of this.#tallies.entries()) tally.clockSet(step);
  }

  #begin(flow: FlowRecord, key: string): Counted {
    this.#counted.delete(flow.uid);
    return this.#counted.ensure(flow.uid, () => ({ key, bytes: 0, answerBytes: 0, answer: 'none' }));
  }

  /** A service that resets after it has answered has answered. */
  #addAnswer(
    tally: ContactTally,
    flow: FlowRecord,
    answer: Counted['answer'],
    { answer: before }: Counted,
  ): void {
    if (answer === 'answered') tally.addAnswer(flow);
    else if (answer === 'refused' && before === 'none') tally.addRefusal();
  }
}

/** `shop/db 172.30.0.2:5432/tcp`, `172.31.0.1:22/tcp`. */
export function targetLabel({ resp, protocol }: FlowRecord): string {
  const { ip, port, workload } = resp;
  const host = ip.includes(':') && port !== undefined ? `[${ip}]` : ip;
  const place = `${host}${port === undefined ? '' : `:${port}`}/${protocol}`;
  return workload === undefined ? place : `${workloadLabel(workload)} ${place}`;
}

function answerOf(flow: FlowRecord): Counted['answer'] {
  const answer = answerTo(flow);
  if (answer === 'none' || answer === 'refused') return answer;
  return 'answered';
}

/** Exactly as long as needed: most have one, and what is pushed makes room for seventeen. */
function withEnd(ends: readonly Endpoint[], end: Endpoint): readonly Endpoint[] {
  return ends.length < MAX_ENDS && !ends.some(({ ip }) => ip === end.ip) ? ends.concat(end) : ends;
}
