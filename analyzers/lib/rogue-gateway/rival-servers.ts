/**
 * Two DHCP servers of one link that name different routers: what can be said where nobody's role is known. Two of the same
 * mind are a pair that fails over, and two IPv6 routers are usual.
 */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { RouterClaim } from '../../../src/model/neighbor.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { BoundedMap } from '../../../src/sensor/analysis/analyzer.ts';

interface Server {
  readonly sender: Endpoint;
  readonly routers: string;
  last: Micros;
}

/** Later the one may have taken the place of the other. */
const AT_THE_SAME_TIME = 3600 * MICROS_PER_SECOND;

export class RivalServers {
  /** By link: the first server heard there. */
  readonly #servers: BoundedMap<Server>;

  constructor(servers: BoundedMap<Server>) {
    this.#servers = servers;
  }

  rivalOf({ protocol, network, interface: name, sender, routers, time }: RouterClaim): Endpoint | undefined {
    if (protocol !== 'dhcp' || routers.length === 0 || sender.mac === undefined) return undefined;
    const link = network?.id ?? name;
    const said = [...routers].sort().join();
    const first = this.#servers.ensure(link, () => ({ sender, routers: said, last: time }));
    if (first.sender.mac === sender.mac || time - first.last > AT_THE_SAME_TIME) {
      this.#servers.delete(link);
      this.#servers.ensure(link, () => ({ sender, routers: said, last: time }));
      return undefined;
    }
    return first.routers === said ? undefined : first.sender;
  }

  clockSet({ from, to }: ClockStep): void {
    for (const [, server] of this.#servers.entries()) server.last += to - from;
  }
}
