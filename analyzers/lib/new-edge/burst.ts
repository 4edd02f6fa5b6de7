/** The new ends that one service found lately: a few at once are one story. Bounded by its own constant. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Micros } from '../../../src/model/time.ts';
import type { Watched } from './watch-clock.ts';

const MAX_ENDS = 32;

export interface NewEnd {
  readonly key: string;
  readonly label: string;
  readonly port: string;
  readonly server: Endpoint;
  readonly at: Watched;
  /** Begin of its first flow. */
  readonly first: Micros;
}

export class Burst {
  #ends: NewEnd[] = [];

  /** `window`: what is older is no part of it. While a finding of it is open, all are. */
  add(end: NewEnd, window: Micros, isOpen: boolean): void {
    if (!isOpen) this.#ends = this.#ends.filter(({ at }) => end.at - at <= window);
    if (this.#ends.length < MAX_ENDS) this.#ends.push(end);
  }

  get ends(): readonly NewEnd[] {
    return this.#ends;
  }

  /** Different ones; two ports of one are one. */
  get count(): number {
    return new Set(this.#ends.map(({ key }) => key)).size;
  }
}
