/**
 * From a row of the flow table to a record with names at both ends. Strings are made here and only here, once for
 * each record that somebody asked for. Names are looked up as of the flow's first packet, each time anew: what the
 * engine told a moment too late then still counts.
 */
import type { Endpoint, Scope } from '../model/endpoint.ts';
import { endpointLabel } from '../model/endpoint.ts';
import type { Direction, FlowRecord } from '../model/flow.ts';
import { type Cidr, cidrContains, type IpWords, parseCidr } from '../model/ip.ts';
import type { Network } from '../model/network.ts';
import type { Micros } from '../model/time.ts';
import { portHint } from './content/port-hint.ts';
import type { PacketView } from './decode/packet-view.ts';
import type { FlowEnds } from './dns/conversation.ts';
import type { FlowTable } from './flow/table.ts';
import type { AddressNames, FlowContent, NatUnfolder, OutsideNames, SocketOwners } from './flow-facts.ts';
import { FlowOrigins } from './flow-origins.ts';
import { askForOwners, withOwners } from './socket-ends.ts';
import type { Tap } from './taps/tap.ts';
import type { EdgeName } from './traffic-rollup.ts';

/** Whom to ask about a flow. */
export interface FlowSources {
  readonly names: AddressNames;
  readonly nat?: NatUnfolder | undefined;
  readonly outside?: OutsideNames | undefined;
  readonly content?: FlowContent | undefined;
  readonly sockets?: SocketOwners | undefined;
}

/** Where flows were seen; all that outlives their tap. */
interface FlowPlace {
  readonly interface: string;
  readonly network: Network | undefined;
  /** Live ones. */
  flows: number;
  /** The tap has ended; the place goes with its last flow. */
  isOver: boolean;
}

export class FlowRecords {
  readonly #table: FlowTable;
  readonly #origins: FlowOrigins;
  readonly #sources: FlowSources;
  /** By tap index. */
  readonly #places = new Map<number, FlowPlace>();
  #subnets: readonly { readonly cidr: Cidr; readonly network: Network }[] = [];
  /** False lets the pipeline skip every question about internal networks. */
  hasInternalNetworks = false;
  /** False lets it skip every question about containers: without a network there was none so far. */
  hasNetworks = false;

  constructor(table: FlowTable, sources: FlowSources) {
    this.#table = table;
    this.#origins = new FlowOrigins(table.maxFlows);
    this.#sources = sources;
  }

  addTap(tap: Tap): void {
    const { index, interface: name, network } = tap;
    this.#places.set(index, { interface: name, network, flows: 0, isOver: false });
    this.hasNetworks ||= network !== undefined;
  }

  /** No packet comes from it any more; its flows end now or soon. */
  endTap(tap: Tap): void {
    const place = this.#places.get(tap.index);
    if (place === undefined) return;
    place.isOver = true;
    this.#forgetIfUnused(tap.index, place);
  }

  /** Taps that are remembered: the open ones, and those with live flows. */
  get taps(): number {
    return this.#places.size;
  }

  /** A flow begins: takes what only its first packet says, while the view still holds it. */
  begin(slot: number, view: PacketView, fromOrig: boolean): void {
    this.#origins.note(slot, view, fromOrig);
    this.#placeOf(slot).flows++;
    const { sockets } = this.#sources;
    if (sockets?.isNeeded !== true) return;
    askForOwners(this.plainEnds(slot), this.#table.protocolName(slot), this.#table.first(slot), sockets);
  }

  /** The flow has ended, and its records are made. */
  end(slot: number): void {
    const place = this.#placeOf(slot);
    place.flows--;
    this.#forgetIfUnused(this.#table.ifIndex(slot), place);
  }

  /** Networks by whose subnets the flows of a file find their network; live taps bring their own. */
  setNetworks(networks: readonly Network[]): void {
    this.#subnets = networks.flatMap((network) =>
      network.subnets.flatMap((subnet) => {
        const cidr = parseCidr(subnet);
        return cidr === undefined ? [] : [{ cidr, network }];
      }),
    );
    this.hasInternalNetworks = networks.some((network) => network.internal);
    this.hasNetworks ||= networks.length > 0;
  }

  /** The tap's network; in a file without one, the one network whose subnets hold either address. */
  networkOf(slot: number): Network | undefined {
    const { network } = this.#placeOf(slot);
    if (network !== undefined && !this.#origins.isTunnelled(slot)) return network;
    if (this.#subnets.length === 0) return undefined;
    return this.#bySubnet(this.#table.origWords(slot)) ?? this.#bySubnet(this.#table.respWords(slot));
  }

  /** The same for what is no flow: between two addresses, on an interface. */
  networkAmong(tap: Tap, a: IpWords, b: IpWords): Network | undefined {
    return tap.network ?? this.#bySubnet(a) ?? this.#bySubnet(b);
  }

  /** Both ends with their names; what a record of another kind about this flow needs. */
  ends(slot: number): FlowEnds {
    const ends = this.plainEnds(slot);
    const { outside } = this.#sources;
    if (outside === undefined) return ends;
    const { orig, resp, network } = ends;
    const time = this.#table.first(slot);
    return {
      orig: describedBy(outside, orig, resp, time),
      resp: describedBy(outside, resp, orig, time),
      network,
    };
  }

  record(slot: number, reason: FlowRecord['reason']): FlowRecord {
    const table = this.#table;
    const { orig, resp, network } = this.ends(slot);
    const protocol = table.protocolName(slot);
    const start = table.first(slot);
    const end = table.last(slot);
    const content = this.#sources.content?.of(slot);
    const hint = content?.service === undefined ? portHint(protocol, resp.port) : undefined;
    const nat = this.#sources.nat?.unfold({ protocol, orig, resp, network, start, end });
    // Each field each time, and no spread: what is made so has one hidden class, and every look at it is one load. By
    // spreading, each has a class of its own (measured with Node 20).
    return {
      kind: 'flow',
      uid: table.uid(slot),
      communityId: table.communityId(slot),
      start,
      end,
      network,
      interface: this.#placeOf(slot).interface,
      orig,
      resp,
      protocol,
      service: content?.service,
      portHint: hint,
      serverName: content?.serverName,
      serverNameFrom: content?.serverNameFrom,
      nat,
      origBytes: table.origBytes(slot),
      respBytes: table.respBytes(slot),
      origPackets: table.origPackets(slot),
      respPackets: table.respPackets(slot),
      connState: table.connState(slot),
      history: table.history(slot),
      direction: directionOf(orig.scope, resp.scope),
      coverage: table.coverage(slot),
      icmp: table.icmp(slot),
      probe: table.probe(slot),
      reason,
    };
  }

  edge(slot: number): EdgeName {
    const table = this.#table;
    const { orig, resp, network } = this.plainEnds(slot);
    const respPort = table.respPort(slot);
    return {
      network: network?.name ?? this.#placeOf(slot).interface,
      orig: edgeLabel(orig),
      resp: edgeLabel(resp),
      protocol: table.protocolName(slot),
      ...(respPort === undefined ? {} : { respPort }),
      direction: directionOf(orig.scope, resp.scope),
    };
  }

  /** Without what an outside address is known by: for what is made too often to ask each time. */
  plainEnds(slot: number): FlowEnds {
    const network = this.networkOf(slot);
    const ends = {
      orig: this.#endpoint(slot, network, true),
      resp: this.#endpoint(slot, network, false),
      network,
    };
    const { sockets } = this.#sources;
    if (sockets === undefined) return ends;
    return withOwners(ends, this.#table.protocolName(slot), this.#table.first(slot), sockets);
  }

  /** As the record would have it, without the rest of the record. */
  respScope(slot: number): Scope {
    return this.#endpoint(slot, this.networkOf(slot), false).scope;
  }

  #endpoint(slot: number, network: Network | undefined, isOrig: boolean): Endpoint {
    const table = this.#table;
    const ip = isOrig ? table.origIp(slot) : table.respIp(slot);
    const port = isOrig ? table.origPort(slot) : table.respPort(slot);
    const mac = this.#origins.mac(slot, isOrig);
    const [start, end] = [table.first(slot), table.last(slot)];
    const who = this.#sources.names.resolve(ip, mac, network?.id, start, end);
    return {
      ip,
      port,
      mac,
      scope: who.scope,
      workload: who.workload,
      names: who.names,
      geo: undefined,
      attribution: who.attribution,
    };
  }

  #placeOf(slot: number): FlowPlace {
    return this.#places.get(this.#table.ifIndex(slot))!;
  }

  #forgetIfUnused(tapIndex: number, place: FlowPlace): void {
    if (place.isOver && place.flows === 0) this.#places.delete(tapIndex);
  }

  #bySubnet(words: IpWords): Network | undefined {
    return this.#subnets.find(({ cidr }) => cidrContains(cidr, words))?.network;
  }
}

/** What else an end is known by; a container has its own name. */
function describedBy(outside: OutsideNames, endpoint: Endpoint, other: Endpoint, time: Micros): Endpoint {
  const { ip, port, mac, scope, workload, attribution } = endpoint;
  if (scope === 'container') return endpoint;
  const known = outside.describe(ip, scope, other.workload, other.ip, time);
  if (known === undefined) return endpoint;
  const { names, geo } = known;
  return { ip, port, mac, scope, workload, names, geo, attribution };
}

/** Containers by their label, everything else by its scope: a dashboard must not grow a line an address. */
function edgeLabel(endpoint: Endpoint): string {
  return endpoint.workload === undefined ? endpoint.scope : endpointLabel(endpoint);
}

export function directionOf(orig: Scope, resp: Scope): Direction {
  if (orig === 'unknown' || resp === 'unknown') return 'unknown';
  const origInside = orig === 'container';
  const respInside = resp === 'container';
  // A multicast stays on its bridge: it is traffic among the network's own members.
  if ((origInside && respInside) || (origInside && resp === 'multicast')) return 'east-west';
  const isHost = (scope: Scope) => scope === 'gateway' || scope === 'host';
  if ((origInside && isHost(resp)) || (respInside && isHost(orig))) return 'host';
  if (origInside) return 'egress';
  if (respInside) return 'ingress';
  return 'unknown';
}
