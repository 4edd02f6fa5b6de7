/**
 * Wall time for stamping packets, finer than the millisecond of Date.now(): the monotonic clock, tied to the wall
 * clock again whenever that was set.
 */

// Date.now() is cut to whole milliseconds; a larger difference means that somebody set the clock.
const STEP_MS = 5;

export interface StampClock {
  /** Milliseconds since the epoch, with a fraction good to a microsecond. */
  now(): number;
  /** Follows a clock that was set; to be called now and then, not per packet. */
  retie(): void;
}

export function stampClock(): StampClock {
  let offsetMs = performance.timeOrigin;
  return {
    now: () => offsetMs + performance.now(),
    retie: () => {
      const wallMs = Date.now();
      const monotonicMs = performance.now();
      if (Math.abs(wallMs - offsetMs - monotonicMs) > STEP_MS) offsetMs = wallMs - monotonicMs;
    },
  };
}
