/**
 * Which containers answer others' questions for names: a resolver asks outside by nature. Learned from seeing it done,
 * by name and image nobody is believed. Bounded by the map it is given.
 */
import type { DnsRecord } from '../../src/model/dns.ts';
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

  /** A question, or a question with its answer (`rcode`). */
  note(record: DnsRecord): void {
    const id = record.server.workload?.containerId;
    if (id === undefined || record.server.scope !== 'container' || record.client.workload?.containerId === id)
      return;
    const serving = this.#serving.ensure(id, () => ({
      asked: Number.NEGATIVE_INFINITY,
      answered: Number.NEGATIVE_INFINITY,
    }));
    serving.asked = Math.max(serving.asked, record.time);
    if (record.rcode !== undefined && record.rcode !== 'REFUSED') {
      serving.answered = Math.max(serving.answered, record.time);
    }
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
