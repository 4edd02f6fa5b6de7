/**
 * Which containers answer others' questions for names: a resolver asks outside by nature. Learned from seeing it done,
 * by name and image nobody is believed. Bounded by the map it is given.
 */
import type { DnsRecord } from '../../src/model/dns.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../src/model/time.ts';
import type { BoundedMap } from '../../src/sensor/analysis/analyzer.ts';

/** A resolver that nobody has asked for a day is none any more. */
const SERVES_FOR: Micros = 86_400 * MICROS_PER_SECOND;
/** It asks on before it answers: until then the question to it must do, for as long as resolvers go on trying. */
const ASKED_FOR: Micros = 10 * MICROS_PER_SECOND;

export interface Serving {
  asked: Micros;
  answered: Micros;
}

export class NameServers {
  readonly #serving: BoundedMap<Serving>;

  constructor(serving: BoundedMap<Serving>) {
    this.#serving = serving;
  }

  /**
   * A question, or a question with its answer (`rcode`). What the embedded resolver passes on for a container is known with
   * the answer only: it is asked by that container, too.
   */
  note(record: DnsRecord): void {
    this.#note(record, record.server);
    if (record.upstream !== undefined) this.#note(record, record.upstream.server);
  }

  #note({ client, time, rcode }: DnsRecord, server: Endpoint): void {
    if (server.scope !== 'container') return;
    const id = server.workload?.containerId;
    if (id === undefined || client.workload?.containerId === id) return;
    const serving = this.#serving.ensure(id, () => ({
      asked: Number.NEGATIVE_INFINITY,
      answered: Number.NEGATIVE_INFINITY,
    }));
    serving.asked = Math.max(serving.asked, time);
    if (rcode !== undefined && rcode !== 'REFUSED') serving.answered = Math.max(serving.answered, time);
  }

  isServing(containerId: string | undefined, now: Micros): boolean {
    const serving = containerId === undefined ? undefined : this.#serving.get(containerId);
    if (serving === undefined) return false;
    return now - serving.answered <= SERVES_FOR || now - serving.asked <= ASKED_FOR;
  }

  clockSet({ from, to }: ClockStep): void {
    for (const [, serving] of this.#serving.entries()) {
      serving.asked += to - from;
      serving.answered += to - from;
    }
  }
}
