/**
 * Which port of the host leads to which container, from the inventory. A container that is gone stays known for a
 * while, since flows are recorded when they end.
 */
import type { Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';

/** What the inventory tells of a container; `ContainerState` of src/sensor/docker fits. */
export interface PublishingContainer {
  readonly workload: Workload;
  readonly published?:
    | readonly {
        readonly protocol: string;
        readonly hostIp: string;
        readonly hostPort: number;
        readonly containerPort: number;
      }[]
    | undefined;
  readonly endpoints: readonly { readonly ips: readonly string[] }[];
}

/** One port of one container, with all the host's ports that lead to it. */
export interface Publication {
  readonly containerId: string;
  readonly protocol: string;
  readonly containerPort: number;
}

export interface PublishedPorts {
  /** Rises when something is published, or not any more. */
  readonly version: number;
  /** The port of a container, asked for by the container's own address. */
  dialed(protocol: string, ip: string, port: number | undefined): Publication | undefined;
  /** The port that an address of this host leads to. That the address is the host's, the caller knows. */
  asked(protocol: string, hostIp: string, hostPort: number | undefined): Publication | undefined;
}

const KEEP_MICROS = 300 * MICROS_PER_SECOND;

interface Entry {
  readonly publication: Publication;
  readonly dialed: readonly string[];
  readonly asked: readonly string[];
  seenAt: Micros;
}

export class PortBook implements PublishedPorts {
  version = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #dialed = new Map<string, Publication>();
  readonly #asked = new Map<string, Publication>();

  /** All containers, as they are now. Costs a few microseconds a published port: call it when something changed. */
  update(containers: readonly PublishingContainer[], now: Micros): void {
    let changed = false;
    for (const container of containers) {
      for (const [key, entry] of entriesOf(container, now)) {
        const known = this.#entries.get(key);
        if (known !== undefined && sameEntry(known, entry)) {
          known.seenAt = now;
          continue;
        }
        // To the end, so that who published a port last has it; as the same publication, whatever else changed.
        this.#entries.delete(key);
        this.#entries.set(key, known === undefined ? entry : { ...entry, publication: known.publication });
        changed = true;
      }
    }
    for (const [key, entry] of this.#entries) {
      if (now - entry.seenAt <= KEEP_MICROS) continue;
      this.#entries.delete(key);
      changed = true;
    }
    if (changed) this.#index();
  }

  dialed(protocol: string, ip: string, port: number | undefined): Publication | undefined {
    return this.#dialed.get(`${protocol} ${ip} ${port}`);
  }

  asked(protocol: string, hostIp: string, hostPort: number | undefined): Publication | undefined {
    const any = hostIp.includes(':') ? '::' : '0.0.0.0';
    return (
      this.#asked.get(`${protocol} ${hostIp} ${hostPort}`) ??
      this.#asked.get(`${protocol} ${any} ${hostPort}`)
    );
  }

  #index(): void {
    this.version++;
    this.#dialed.clear();
    this.#asked.clear();
    for (const { publication, dialed, asked } of this.#entries.values()) {
      for (const key of dialed) this.#dialed.set(key, publication);
      for (const key of asked) this.#asked.set(key, publication);
    }
  }
}

function entriesOf(container: PublishingContainer, now: Micros): Map<string, Entry> {
  const { containerId } = container.workload;
  const ips = container.endpoints.flatMap((endpoint) => endpoint.ips);
  const entries = new Map<string, Entry>();
  for (const { protocol, hostIp, hostPort, containerPort } of container.published ?? []) {
    const key = `${containerId} ${protocol} ${containerPort}`;
    const asked = `${protocol} ${hostIp} ${hostPort}`;
    const known = entries.get(key);
    entries.set(key, {
      publication: known?.publication ?? { containerId, protocol, containerPort },
      dialed: ips.map((ip) => `${protocol} ${ip} ${containerPort}`),
      asked: [...(known?.asked ?? []), asked],
      seenAt: now,
    });
  }
  return entries;
}

function sameEntry(a: Entry, b: Entry): boolean {
  return a.dialed.join() === b.dialed.join() && a.asked.join() === b.asked.join();
}
