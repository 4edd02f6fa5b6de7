/**
 * What detectors may ask the inventory beyond the ends of a flow: which bridge an address belongs to, and which ports
 * lead where. Read anew when the inventory has changed, so that a burst of changes costs one reading. It must never
 * answer "not published" where nobody told which ports are.
 */
import { type Cidr, cidrContains, type IpWords, parseCidr } from '../../model/ip.ts';
import type { Network, Workload } from '../../model/network.ts';
import type { Surroundings } from '../analysis/analyzer.ts';
import type { InventoryState } from './inventory-state.ts';

export interface DockerSurroundingsOptions {
  /** False where containers are known from a file, which does not tell of ports. */
  readonly knowsPorts: boolean;
  /** Absent where the kernel's tables are not read. */
  readonly listensAt?: (containerId: string, protocol: string, port: number) => boolean | undefined;
}

interface Place {
  readonly cidr: Cidr;
  readonly network: Network;
}

interface Answer {
  readonly ip: IpWords;
  readonly network: Network | undefined;
}

/** A power of two; some 100 bytes each. */
const ANSWERS = 1024;

export class DockerSurroundings implements Surroundings {
  readonly #state: InventoryState;
  readonly #knowsPorts: boolean;
  readonly #listensAt: DockerSurroundingsOptions['listensAt'];
  #version = -1;
  #places: readonly Place[] = [];
  /** Each container that exists, with its published ports. */
  readonly #published = new Map<string, ReadonlySet<string>>();
  readonly #publishers = new Map<string, Workload>();
  /** By hash; a flow is asked about by several detectors, and its ends are those of flows before it. */
  readonly #answers: (Answer | undefined)[] = new Array(ANSWERS).fill(undefined);

  constructor(state: InventoryState, { knowsPorts, listensAt }: DockerSurroundingsOptions) {
    this.#state = state;
    this.#knowsPorts = knowsPorts;
    this.#listensAt = listensAt;
  }

  networkAt(ip: IpWords): Network | undefined {
    this.#refresh();
    if (this.#places.length === 0) return undefined;
    const at = (ip[3] ^ (ip[3] >>> 10) ^ ip[2] ^ ip[1]) & (ANSWERS - 1);
    const known = this.#answers[at];
    if (known !== undefined && isSame(known.ip, ip)) return known.network;
    const network = this.#places.find(({ cidr }) => cidrContains(cidr, ip))?.network;
    this.#answers[at] = { ip, network };
    return network;
  }

  isPublished(containerId: string, protocol: string, port: number | undefined): boolean | undefined {
    if (!this.#knowsPorts) return undefined;
    this.#refresh();
    return this.#published.get(containerId)?.has(`${protocol} ${port}`);
  }

  listensAt(containerId: string, protocol: string, port: number | undefined): boolean | undefined {
    return port === undefined ? undefined : this.#listensAt?.(containerId, protocol, port);
  }

  publisherOf(protocol: string, hostIp: string, hostPort: number | undefined): Workload | undefined {
    if (hostPort === undefined) return undefined;
    this.#refresh();
    const any = hostIp.includes(':') ? '::' : '0.0.0.0';
    return (
      this.#publishers.get(`${protocol} ${hostIp} ${hostPort}`) ??
      this.#publishers.get(`${protocol} ${any} ${hostPort}`)
    );
  }

  #refresh(): void {
    if (this.#version === this.#state.version) return;
    this.#version = this.#state.version;
    this.#answers.fill(undefined);
    // Without a bridge (macvlan, ipvlan) the subnet is the LAN's, where others live too.
    this.#places = this.#state
      .networks()
      .filter(({ bridge }) => bridge !== undefined)
      .flatMap((network) =>
        network.subnets.flatMap((subnet) => {
          const cidr = parseCidr(subnet);
          return cidr === undefined ? [] : [{ cidr, network }];
        }),
      );
    this.#published.clear();
    this.#publishers.clear();
    for (const { workload, published = [] } of this.#state.containers()) {
      const ports = published.map(({ protocol, containerPort }) => `${protocol} ${containerPort}`);
      this.#published.set(workload.containerId, new Set(ports));
      for (const { protocol, hostIp, hostPort } of published) {
        this.#publishers.set(`${protocol} ${hostIp} ${hostPort}`, workload);
      }
    }
  }
}

function isSame(a: IpWords, b: IpWords): boolean {
  return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];
}
