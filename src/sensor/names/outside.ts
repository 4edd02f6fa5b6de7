/** What an outside address is known by, from all that knows: the DNS of who talks with it, and the .mmdb files. */
import type { DnsRecord } from '../../model/dns.ts';
import type { Scope } from '../../model/endpoint.ts';
import type { Workload } from '../../model/network.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import type { GeoConfig, NamesConfig } from '../config.ts';
import type { OutsideNames } from '../flow-facts.ts';
import { GeoDatabases } from './geo.ts';
import { ResolvedNames } from './resolved-names.ts';

export function createOutside(config: { readonly names: NamesConfig; readonly geo: GeoConfig }): Outside {
  return new Outside(new ResolvedNames(config.names), new GeoDatabases(config.geo.databases));
}

export class Outside implements OutsideNames {
  readonly #resolved: ResolvedNames;
  readonly #geo: GeoDatabases;

  constructor(resolved: ResolvedNames, geo: GeoDatabases) {
    this.#resolved = resolved;
    this.#geo = geo;
  }

  get evicted(): number {
    return this.#resolved.evicted;
  }

  learn(record: DnsRecord): void {
    this.#resolved.learn(record);
  }

  clockSet(step: ClockStep): void {
    this.#resolved.clockSet(step);
  }

  describe(
    ip: string,
    scope: Scope,
    asker: Workload | undefined,
    askerIp: string,
    time: Micros,
  ): ReturnType<OutsideNames['describe']> {
    const names = this.#resolved.namesOf(ip, asker?.containerId, askerIp, time);
    const geo = scope === 'internet' ? this.#geo.factsOf(ip) : undefined;
    if (names.length === 0 && geo === undefined) return undefined;
    return { names, geo };
  }

  /** What a person should know of the .mmdb files, one line each. */
  problems(): string[] {
    return this.#geo.problems();
  }

  /** Takes newer .mmdb files. */
  refresh(): Promise<void> {
    return this.#geo.refresh();
  }
}
