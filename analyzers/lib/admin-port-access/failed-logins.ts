/**
 * Sessions that look like a login that was turned away, per client, server and port, in a window. From outside the
 * encryption the shape must do: both sides spoke, little came back, it was over soon, and at a data store the server hung
 * up first. A pool's connections are long, a query's answer is larger or its client hangs up, a port check says nothing.
 */
import type { ConnState, FlowRecord } from '../../../src/model/flow.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { answerTo } from '../answer.ts';
import type { AdminKind } from './admin-ports.ts';

const WINDOW_SECS = 600;
export const WINDOW: Micros = WINDOW_SECS * MICROS_PER_SECOND;
const SLOTS = 10;
const SLOT: Micros = WINDOW / SLOTS;

/** A person's login with its time-outs: sshd gives 120 s (LoginGraceTime), tools give up long before. */
const LONGEST: Micros = 30 * MICROS_PER_SECOND;
/**
 * IP bytes back. SSH: the key exchange takes 2.5 to 4 kB, six refused passwords less than 1 kB more; a directory listing
 * or a fetch more than that. A store's refusal is one packet of some 100 bytes beside its greeting.
 */
const MOST_BYTES: Readonly<Record<AdminKind, number>> = { login: 6000, control: 6000, data: 1200 };

/** Closed by both sides, or reset. */
const OVER: ReadonlySet<ConnState> = new Set(['SF', 'RSTO', 'RSTR']);

/** Undefined where the session says neither: unanswered, refused before it spoke, seen in part. */
export function isTurnedAway(flow: FlowRecord, kind: AdminKind): boolean | undefined {
  const { history, protocol } = flow;
  if (protocol !== 'tcp' || !history.startsWith('S') || answerTo(flow) !== 'data') return undefined;
  if (!history.includes('D') || flow.reason === 'active' || !OVER.has(flow.connState)) return undefined;
  if (flow.end - flow.start > LONGEST || flow.respBytes > MOST_BYTES[kind]) return false;
  return kind === 'login' || hungUpFirst(history);
}

/** The responder's FIN or RST stands before the originator's. */
function hungUpFirst(history: string): boolean {
  const theirs = history.search(/[fr]/);
  const ours = history.search(/[FR]/);
  return theirs >= 0 && (ours < 0 || theirs < ours);
}

export class FailedLogins {
  readonly #failed = new Uint32Array(SLOTS);
  readonly #others = new Uint32Array(SLOTS);
  /** Number of the slot that is being filled; the ring holds it and the nine before. */
  #slot = Number.NEGATIVE_INFINITY;
  /** Of the refused ones that have followed each other with less than a window between them. */
  first: Micros = Number.POSITIVE_INFINITY;

  add(time: Micros, isFailed: boolean): void {
    this.#turn(Math.floor(time / SLOT));
    if (isFailed && this.failed === 0) this.first = time;
    const into = isFailed ? this.#failed : this.#others;
    // One that ended late counts in the present slot: the order of ends is nearly the order of time.
    into[mod(this.#slot)]! += 1;
  }

  get failed(): number {
    return this.#failed.reduce((sum, count) => sum + count, 0);
  }

  get sessions(): number {
    return this.failed + this.#others.reduce((sum, count) => sum + count, 0);
  }

  /** The clock was set: what the window holds stays in it. */
  clockSet({ from, to }: ClockStep): void {
    if (!Number.isFinite(this.#slot)) return;
    const moved = Math.floor(to / SLOT) - Math.floor(from / SLOT);
    const failed = this.#failed.slice();
    const others = this.#others.slice();
    for (let i = 0; i < SLOTS; i++) {
      this.#failed[mod(i + moved)] = failed[i]!;
      this.#others[mod(i + moved)] = others[i]!;
    }
    this.#slot += moved;
    this.first += to - from;
  }

  #turn(slot: number): void {
    if (slot <= this.#slot) return;
    const gone = Math.min(slot - this.#slot, SLOTS);
    for (let i = 0; i < gone; i++) {
      this.#failed[mod(slot - i)] = 0;
      this.#others[mod(slot - i)] = 0;
    }
    this.#slot = slot;
  }
}

function mod(slot: number): number {
  return ((slot % SLOTS) + SLOTS) % SLOTS;
}
