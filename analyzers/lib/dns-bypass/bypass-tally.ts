/** What one client asked past its resolvers, in one way: totals, and bounded samples of whom and for what. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';

const MAX_PEERS = 16;
const MAX_SAMPLES = 5;
const MAX_FLOWS = 64;

export class BypassTally {
  first: Micros;
  #last: Micros;
  readonly #servers = new Map<string, Endpoint>();
  #isSample = false;
  #questions = 0;
  readonly #answered = new Set<string>();
  readonly #names = new Set<string>();
  readonly #ways = new Set<string>();
  readonly #transports = new Set<string>();
  readonly #flows = new Set<string>();
  #flowCount = 0;

  constructor(first: Micros) {
    this.first = first;
    this.#last = first;
  }

  get peers(): readonly Endpoint[] {
    return [...this.#servers.values()];
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }

  noteServer(server: Endpoint, transport: string, time: Micros): void {
    this.#last = Math.max(this.#last, time);
    this.#transports.add(transport);
    if (this.#servers.size < MAX_PEERS) {
      // The client's port differs each time, the server's does not: the first record of it stays.
      if (!this.#servers.has(server.ip)) this.#servers.set(server.ip, server);
    } else if (!this.#servers.has(server.ip)) this.#isSample = true;
  }

  noteQuestion(name: string): void {
    this.#questions += 1;
    if (this.#names.size < MAX_SAMPLES) this.#names.add(name);
  }

  /** True for the first answer of a server that is among those told of. */
  noteAnswer({ ip }: Endpoint): boolean {
    if (!this.#servers.has(ip) || this.#answered.has(ip)) return false;
    this.#answered.add(ip);
    return true;
  }

  /** How it was recognised. */
  noteWay(way: string): void {
    if (this.#ways.size < MAX_SAMPLES) this.#ways.add(way);
  }

  /** Of more flows than this at once the earliest are forgotten, and count again when they are told of again. */
  noteFlow(uid: string): void {
    if (this.#flows.has(uid)) return;
    if (this.#flows.size >= MAX_FLOWS) this.#flows.delete(this.#flows.values().next().value!);
    this.#flows.add(uid);
    this.#flowCount += 1;
  }

  evidence() {
    return {
      servers: [...this.#servers.keys()],
      serversAreSample: this.#isSample ? true : undefined,
      answeredServers: [...this.#answered],
      transports: [...this.#transports],
      questions: this.#questions === 0 ? undefined : this.#questions,
      sampleNames: this.#names.size === 0 ? undefined : [...this.#names],
      flows: this.#flowCount === 0 ? undefined : this.#flowCount,
      recognisedBy: this.#ways.size === 0 ? undefined : [...this.#ways],
      firstSign: formatMicros(this.first),
      lastSign: formatMicros(this.#last),
    };
  }
}
