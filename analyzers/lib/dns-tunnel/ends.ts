/** The ends of a client's questions as they were seen last: one object each, which all its zones share. */
import type { Endpoint } from '../../../src/model/endpoint.ts';

export interface End {
  endpoint: Endpoint;
}

export class Ends {
  readonly #most: number;
  readonly #known: End[] = [];
  #latest: End | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Beyond the most that are told apart, each is one of its own. */
  of(endpoint: Endpoint): End {
    const { ip } = endpoint;
    let end = this.#latest;
    if (end?.endpoint.ip !== ip) {
      end = this.#known.find((known) => known.endpoint.ip === ip) ?? this.#add(endpoint);
      this.#latest = end;
    }
    end.endpoint = endpoint;
    return end;
  }

  get areMany(): boolean {
    return this.#known.length >= this.#most;
  }

  #add(endpoint: Endpoint): End {
    const end = { endpoint };
    if (!this.areMany) this.#known.push(end);
    return end;
  }
}
