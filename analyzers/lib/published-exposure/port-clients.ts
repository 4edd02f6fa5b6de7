/** Who has reached one published port: how often, from where, and what of that is new. Bounded by its own constants. */
import { type Endpoint, endpointLabel } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';
import { Sample } from '../sample.ts';

const MAX_SHOWN = 8;
/** Registries know some 250 countries; autonomous systems beyond this say that the port is everybody's. */
const MAX_SYSTEMS = 64;

/** Where a client is registered, as texts for evidence. */
export interface Origin {
  readonly country: string | undefined;
  readonly system: string | undefined;
}

export class PortClients {
  #since: Micros;
  #first: Micros;
  #last: Micros;
  #clients = new Sample(MAX_SHOWN);
  #ends: Endpoint[] = [];
  #connections = 0;
  #fromInternet = 0;
  #hostPorts = new Set<string>();
  /** Kept while findings close and open: what is new is new to the port, not to a finding. */
  readonly #countries = new Set<string>();
  readonly #systems = new Set<string>();

  constructor(now: Micros) {
    this.#since = now;
    this.#first = now;
    this.#last = now;
  }

  get first(): Micros {
    return this.#first;
  }

  get ends(): readonly Endpoint[] {
    return [...this.#ends];
  }

  get isFromInternet(): boolean {
    return this.#fromInternet > 0;
  }

  /** Totals are of one finding. */
  beginAnew(now: Micros): void {
    this.#first = now;
    this.#last = now;
    this.#clients = new Sample(MAX_SHOWN);
    this.#ends = [];
    this.#connections = 0;
    this.#fromInternet = 0;
    this.#hostPorts = new Set();
  }

  add({ nat }: FlowRecord, client: Endpoint, time: Micros): void {
    this.#connections += 1;
    this.#last = Math.max(this.#last, time);
    if (client.scope === 'internet') this.#fromInternet += 1;
    this.#clients.add(endpointLabel(client));
    if (this.#ends.length < MAX_SHOWN && !this.#ends.some(({ ip }) => ip === client.ip))
      this.#ends.push(client);
    const published = nat?.published;
    if (published?.port !== undefined && this.#hostPorts.size < MAX_SHOWN) {
      const host = published.ip.includes(':') ? `[${published.ip}]` : published.ip;
      this.#hostPorts.add(`${host}:${published.port}`);
    }
  }

  /**
   * Learns where the client is registered, and tells what of it is new: a country when the port was known for `learning`,
   * an autonomous system when there have been few of them as well.
   */
  newIn({ geo }: Endpoint, time: Micros, learning: Micros, fewSystems: number): Origin | undefined {
    const country = geo?.country;
    const system = systemText(geo);
    const isLearned = time - this.#since >= learning;
    const isNewCountry = country !== undefined && !this.#countries.has(country);
    const isNewSystem = system !== undefined && !this.#systems.has(system);
    const areFew = this.#systems.size > 0 && this.#systems.size <= fewSystems;
    // A port that nobody with a known origin has used yet has nothing to differ from.
    const isTold = isLearned && ((isNewCountry && this.#countries.size > 0) || (isNewSystem && areFew));
    if (country !== undefined) this.#countries.add(country);
    if (system !== undefined && this.#systems.size < MAX_SYSTEMS) this.#systems.add(system);
    return isTold ? { country: isNewCountry ? country : undefined, system } : undefined;
  }

  evidence() {
    return {
      connections: this.#connections,
      connectionsFromInternet: this.#fromInternet,
      clients: this.#clients.first(),
      clientCount: this.#clients.count,
      ...(this.#hostPorts.size === 0 ? {} : { hostPorts: [...this.#hostPorts] }),
      ...(this.#countries.size === 0 ? {} : { countries: [...this.#countries].sort().slice(0, 16) }),
      firstSeen: formatMicros(this.#first),
      lastSeen: formatMicros(this.#last),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.#since += to - from;
    this.#first += to - from;
    this.#last += to - from;
  }
}

function systemText(geo: Endpoint['geo']): string | undefined {
  if (geo?.asn === undefined) return undefined;
  return geo.asOrganization === undefined ? `AS${geo.asn}` : `AS${geo.asn} ${geo.asOrganization}`;
}
