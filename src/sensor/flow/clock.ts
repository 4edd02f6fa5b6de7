/**
 * The clock by which flows grow old. It is driven by packet time, but a capture may jump by months, run backwards,
 * or carry one wild timestamp; one packet must not expire everything. So it measures elapsed time, in steps that
 * are never negative and never longer than a minute.
 */
import type { Micros } from '../../model/time.ts';

/** A minute a packet: a quiet hour is caught up with within 60 packets. */
export const MAX_STEP_MICROS = 60_000_000;
/** Several taps and offloading reorder by milliseconds; what is later than this is a clock that was set back. */
export const MAX_REORDER_MICROS = 10_000_000;

export class PacketClock {
  /** Since the first packet, by clamped steps. */
  elapsedMicros = 0;
  /** Steps that were clamped, either way. */
  jumps = 0;
  #latest: Micros = -1;

  /** Elapsed microseconds after this packet. */
  advance(time: Micros): number {
    if (this.#latest < 0) {
      this.#latest = time;
      return this.elapsedMicros;
    }
    const step = time - this.#latest;
    if (step > 0) {
      this.#latest = time;
      if (step <= MAX_STEP_MICROS) {
        this.elapsedMicros += step;
      } else {
        this.elapsedMicros += MAX_STEP_MICROS;
        this.jumps++;
      }
    } else if (step < -MAX_REORDER_MICROS) {
      this.#latest = time;
      this.jumps++;
    }
    return this.elapsedMicros;
  }
}
