/** What is known of the servers that are asked: who configured them, and whether they serve more than one zone. */
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { ZoneOfName } from '../../../src/model/dns-zone.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Micros } from '../../../src/model/time.ts';
import type { BoundedMap } from '../../../src/sensor/analysis/analyzer.ts';
import type { Way } from './circumstances.ts';
import type { ClientZone } from './client-zone.ts';
import type { Context } from './evidence.ts';
import type { Options } from './options.ts';
import type { Span } from './spans.ts';

/** Zones that a server must have been asked for to count as a resolver that others use too. */
const SHARED_ZONES = 3;

export class Resolvers {
  readonly #configured: readonly string[];
  /** Zones asked of a server, as many as matter. */
  readonly #zones: BoundedMap<Set<string>>;
  #latestShared: string | undefined;

  constructor(ctx: Context, { resolvers, max_clients }: Options) {
    this.#configured = resolvers;
    this.#zones = ctx.boundedMap({ name: 'servers', maxKeys: max_clients });
  }

  note({ server }: DnsRecord, zone: ZoneOfName): void {
    const { ip } = server;
    // Most questions go to the server of the one before.
    if (zone.kind !== 'registered' || ip === this.#latestShared) return;
    const asked = this.#zones.get(ip) ?? this.#zones.ensure(ip, () => new Set());
    if (asked.size < SHARED_ZONES) asked.add(zone.zone);
    if (asked.size >= SHARED_ZONES) this.#latestShared = ip;
  }

  /** More than one zone's questions go there by the configuration, or as it seems. */
  isShared(client: Endpoint, server: Endpoint): boolean {
    if (this.#isConfigured(client, server)) return true;
    if (this.#areKnown(client)) return false;
    return server.scope !== 'internet' || this.#serves(server.ip);
  }

  /** Others ask the client of the pair, or it asks the servers of each zone itself. */
  isResolver({ client, subject }: ClientZone): boolean {
    return client.isIterating || this.#serves(subject.ip);
  }

  waysOf(pair: ClientZone, direction: 'up' | 'down', span: Span, now: Micros): readonly Way[] {
    const { subject: client } = pair;
    return pair.carriers(direction, span, now).map(({ server, share, isMixed }) => ({
      share,
      scope: server.scope,
      isShared: !isMixed && this.isShared(client, server),
      isForeign: this.#areKnown(client) && (isMixed || !this.#isConfigured(client, server)),
    }));
  }

  #serves(ip: string): boolean {
    return (this.#zones.get(ip)?.size ?? 0) >= SHARED_ZONES;
  }

  #isConfigured(client: Endpoint, server: Endpoint): boolean {
    return (
      server.scope === 'engine' ||
      this.#configured.includes(server.ip) ||
      client.workload?.resolvers?.includes(server.ip) === true
    );
  }

  #areKnown(client: Endpoint): boolean {
    return this.#configured.length > 0 || (client.workload?.resolvers?.length ?? 0) > 0;
  }
}
