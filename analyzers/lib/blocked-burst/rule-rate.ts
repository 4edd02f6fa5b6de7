/**
 * How much one rule of the firewall holds back: in the last minute, and usually in a minute of the last hour. What is
 * usual leaves the last two minutes out, so that a burst is not compared with itself.
 */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const MINUTE: Micros = 60 * MICROS_PER_SECOND;
const HISTORY_MINUTES = 60;

export class RuleRate {
  /** Oldest first; a reading each, so at most as many as there are in a minute. */
  #recent: { at: Micros; readonly packets: number }[] = [];
  /** By number of the minute, oldest first; minutes without a packet are left out. */
  #minutes: { minute: number; packets: number }[] = [];

  /** `intervalSecs`: over how long these were counted. */
  add(at: Micros, packets: number, intervalSecs: number): void {
    // Readings further apart than a minute tell of one minute's share only.
    const inMinute = intervalSecs > 60 ? (packets * 60) / intervalSecs : packets;
    this.#recent.push({ at, packets: inMinute });
    const minute = Math.floor(at / MINUTE);
    const last = this.#minutes.at(-1);
    if (last?.minute === minute) last.packets += inMinute;
    else this.#minutes.push({ minute, packets: inMinute });
    if (this.#minutes.length > HISTORY_MINUTES) this.#minutes.shift();
    this.#recent = this.#recent.filter((each) => each.at > at - MINUTE);
  }

  get lastMinute(): number {
    return Math.round(this.#recent.reduce((sum, { packets }) => sum + packets, 0));
  }

  /** Undefined while less than a minute is known. `begun`: since when rules are watched. */
  usual(now: Micros, begun: Micros): number | undefined {
    const until = Math.floor(now / MINUTE) - 1;
    const from = Math.max(until - HISTORY_MINUTES, Math.ceil(begun / MINUTE));
    if (until <= from) return undefined;
    const packets = this.#minutes
      .filter(({ minute }) => minute >= from && minute < until)
      .reduce((sum, each) => sum + each.packets, 0);
    return packets / (until - from);
  }

  clockSet({ from, to }: ClockStep): void {
    for (const each of this.#recent) each.at += to - from;
    for (const each of this.#minutes) each.minute += Math.round((to - from) / MINUTE);
  }
}
