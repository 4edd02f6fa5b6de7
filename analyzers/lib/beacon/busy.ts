/**
 * Which destinations are called so often that nobody is waiting for a clock there: a record of each of their connections
 * would cost more than all other work. Counted by a hash of both ends, without a string; what shares the place of a busy
 * pair in the table is passed over with it for a minute.
 */
import type { IpWords } from '../../../src/model/ip.ts';

/** A minute. Calls two seconds apart, each over both families and twice, are as many. */
const MOST = 120;
const PLACES = 8192;

export class BusyPairs {
  readonly #counts = new Uint16Array(PLACES);

  /** Counts a connection; true when there were too many this minute. */
  isBusy(orig: IpWords, resp: IpWords, port: number): boolean {
    const at = placeOf(orig, resp, port);
    if (this.#counts[at]! >= MOST) return true;
    this.#counts[at]! += 1;
    return false;
  }

  /** A minute is over. */
  clear(): void {
    this.#counts.fill(0);
  }
}

/** FNV-1a over words, with the high bits folded in. */
function placeOf(orig: IpWords, resp: IpWords, port: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ orig[i]!, 0x01000193);
    hash = Math.imul(hash ^ resp[i]!, 0x01000193);
  }
  hash = Math.imul(hash ^ port, 0x01000193);
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}
