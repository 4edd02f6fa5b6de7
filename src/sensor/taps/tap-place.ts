/**
 * Where a network's traffic can be seen on this host: at its bridge, at the parent of its macvlan, inside the namespace
 * of its overlay. Or why nowhere; that sentence goes into coverage records as it is. It opens nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Network } from '../../model/network.ts';
import { NETNS_DIRS } from '../host/docker-netns.ts';

export interface TapPlace {
  readonly interface: string;
  /** Path; absent for the agent's own. */
  readonly netns?: string;
  /** pcap-filter(7): what of that interface is not the network's. */
  readonly filter?: string;
  /** What a reader of the coverage should know. */
  readonly remark?: string;
}

export type PlaceOrReason =
  | { readonly place: TapPlace }
  | {
      readonly reason: string;
      /** It may come: try again. */
      readonly isTemporary: boolean;
      /** There may be something to see; it is the agent that cannot. */
      readonly isOutOfSight?: boolean;
    };

/** Of the host. */
export interface PlacePaths {
  /** For tests. */
  readonly sysClassNet?: string;
  /** Where libnetwork's namespaces may be; the first that is there. */
  readonly dockerNetns?: readonly string[];
}

export function tapPlace(network: Network, paths: PlacePaths = {}): PlaceOrReason {
  if (network.bridge !== undefined) return { place: { interface: network.bridge } };
  switch (network.driver) {
    case 'macvlan':
      return { place: macvlanParent(network, paths.sysClassNet ?? '/sys/class/net') };
    case 'overlay':
      return overlayNamespace(network, paths.dockerNetns ?? NETNS_DIRS);
    case 'ipvlan':
      return never(
        'containers on ipvlan share the MAC of their parent interface, so its traffic cannot be told from the host',
      );
    case 'host':
      return never(
        "the host's own network is not tapped: containers on it are seen where they speak with watched networks",
      );
    case 'null':
      return never('its containers have no interface but loopback');
    default:
      return never(`the ${network.driver} driver has no interface on this host that is known to carry it`);
  }
}

/**
 * A macvlan's parent sees all that its children send, also to each other (linux drivers/net/macvlan.c hands each such
 * frame to the lower device first, for its taps). It carries the host's own traffic too, but never between the host and
 * a child: frames with the parent's own MAC are not the network's.
 */
function macvlanParent(network: Network, sysClassNet: string): TapPlace {
  // Without a parent the driver makes a dummy, which keeps the network on this host.
  const parent = network.options['parent'] ?? `dm-${network.id.slice(0, 12)}`;
  // The one child of a passthru parent has the parent's MAC.
  if (network.options['macvlan_mode'] === 'passthru') return { interface: parent };
  const mac = readMac(`${sysClassNet}/${parent}/address`);
  if (mac === undefined) {
    const remark = `the MAC of ${parent} could not be read, so the host's own traffic on it is seen too`;
    return { interface: parent, remark };
  }
  return { interface: parent, filter: `not ether host ${mac}` };
}

/** The network's own namespace is `<number>-<10 digits of its id>`; in it `br0` joins the containers and the VXLAN. */
function overlayNamespace(network: Network, dirs: readonly string[]): PlaceOrReason {
  const end = `-${network.id.slice(0, 10)}`;
  const there = dirs.map((dir) => ({ dir, names: namesIn(dir) })).find(({ names }) => names !== undefined);
  if (there?.names === undefined) {
    return {
      reason: `the namespaces of overlay networks are not in ${dirs[0]}; run the agent's container with pid: host`,
      isTemporary: true,
      isOutOfSight: true,
    };
  }
  const name = there.names.find((entry) => entry.endsWith(end));
  if (name === undefined) {
    return { reason: 'no container of this host is on this overlay network', isTemporary: true };
  }
  return { place: { interface: 'br0', netns: `${there.dir}/${name}` } };
}

function namesIn(dir: string): string[] | undefined {
  try {
    return readdirSync(dir);
  } catch {
    return undefined;
  }
}

function readMac(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) && text !== '00:00:00:00:00:00' ? text : undefined;
  } catch {
    return undefined;
  }
}

function never(reason: string): PlaceOrReason {
  return { reason, isTemporary: false };
}
