/**
 * Which frames concern a finding, by what the finding itself says and nothing else, so that it holds for a detector that
 * is written tomorrow. The rule, with its reasons, stands in docs/evidence.md:
 *
 *   one peer         all between the subject and that peer
 *   several peers    the same with each, and all attempts of the subject and at it: a scan names only a sample of whom
 *                    it tried, and its probes must not be lost
 *   no peer          all of the subject, at its port where the finding names one
 *   DNS              whichever server is asked: a tunnel that changes resolvers is one conversation
 *
 * A subject is a container with all of its addresses and MACs, an address, or a MAC. It is made once a finding; `concerns`
 * is asked for every frame of a sweep.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import type { Finding } from '../../model/finding.ts';
import { networkNamesIn } from '../../model/network.ts';
import { FRAGMENT, LAYER, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';
import { DNS_PORT, hasDnsPort } from '../dns/ports.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import type { KnownWorld } from '../recording/target.ts';
import { Ends } from './ends.ts';

export interface Interest {
  readonly subject: Ends;
  readonly peers: Ends;
  /** `all`: of the subject. `pairs`: with its peers. `attempts`: with its peers, and all attempts of the subject. */
  readonly what: 'all' | 'pairs' | 'attempts';
  /** Of the subject only what goes to or comes from this port. */
  readonly port?: number;
  /** Whoever is asked on a DNS port is a peer. */
  readonly hasDns: boolean;
  /** Containers whose own questions to Docker's resolver belong to it, read inside their namespaces. */
  readonly askers: ReadonlySet<string>;
  /** Names of the Docker networks on which its ends are. */
  readonly networks: readonly string[];
}

export interface World extends KnownWorld {
  /** Whether it is a MAC of this host: every routed frame carries one, so it stands for nobody. */
  readonly isHostMac: (mac: string) => boolean;
}

/** A probe and its answer are small; data that goes on is not. */
const MAX_ATTEMPT_PAYLOAD = 512;

/** Addresses that name no end: what a finding has for `this machine`, or for nobody. */
const NOBODY = new Set(['0.0.0.0', '::', '127.0.0.1', '::1']);

/** Undefined where a finding is about nobody whose frames could be told: the firewall's counters, the sensor itself. */
export function interestOf(finding: Finding, world: World): Interest | undefined {
  const containers = new Map(world.containers.map((state) => [state.workload.containerId, state]));
  const { subject, peers } = finding;
  const own = endsOf([subject], containers, world);
  const others = endsOf(peers, containers, world);
  const networks = networksOf(finding, containers, world);
  if (peers.some(isBehindNat)) addGateways(others, networks, world);
  if (isBehindNat(subject)) addGateways(own, networks, world);
  const hasDns = peers.some(({ scope, port }) => scope === 'engine' || port === DNS_PORT);
  const ask = hasDns || peers.length === 0 ? [subject, ...peers] : [];
  const common = { hasDns, askers: askersOf(ask, containers), networks };
  if (own.isEmpty) {
    return others.isEmpty ? undefined : { ...common, subject: others, peers: new Ends(), what: 'attempts' };
  }
  if (peers.length === 0) {
    const port = subject.port === undefined ? {} : { port: subject.port };
    return { ...common, ...port, subject: own, peers: others, what: 'all' };
  }
  return { ...common, subject: own, peers: others, what: peers.length === 1 ? 'pairs' : 'attempts' };
}

/** All frames of these containers, as a person asks for them. */
export function interestIn(containers: readonly ContainerState[], world: World): Interest {
  const subject = new Ends();
  for (const container of containers) addContainer(subject, container, world);
  const ids = containers.map(({ workload }) => workload.containerId);
  const on = new Set(containers.flatMap(({ endpoints }) => endpoints.map(({ networkId }) => networkId)));
  return {
    subject,
    peers: new Ends(),
    what: 'all',
    hasDns: true,
    askers: new Set(ids),
    networks: world.networks.filter(({ id }) => on.has(id)).map(({ name }) => name),
  };
}

/** What is of interest to either. */
export function merged(a: Interest, b: Interest): Interest {
  const [subject, peers] = [new Ends(), new Ends()];
  for (const { subject: own, peers: others } of [a, b]) {
    subject.addAll(own);
    peers.addAll(others);
  }
  const { port } = b;
  return {
    subject,
    peers,
    what: WIDTH[a.what] >= WIDTH[b.what] ? a.what : b.what,
    ...(port === undefined || port !== a.port ? {} : { port }),
    hasDns: a.hasDns || b.hasDns,
    askers: new Set([...a.askers, ...b.askers]),
    networks: [...new Set([...a.networks, ...b.networks])],
  };
}

/** Whether `wide`, which it was merged into, has frames that it has not. */
export function isWider(wide: Interest, { subject, peers, what, port, hasDns, askers }: Interest): boolean {
  return (
    wide.subject.size > subject.size ||
    wide.peers.size > peers.size ||
    wide.what !== what ||
    wide.port !== port ||
    wide.hasDns !== hasDns ||
    wide.askers.size > askers.size
  );
}

const WIDTH = { pairs: 0, attempts: 1, all: 2 } as const;

/** Of a frame in a frame, either may concern it. */
export function concerns(interest: Interest, frame: PacketView): boolean {
  for (let view: PacketView | undefined = frame; view !== undefined; view = carried(view)) {
    if (layerConcerns(interest, view)) return true;
  }
  return false;
}

function layerConcerns({ subject, peers, what, port, hasDns }: Interest, view: PacketView): boolean {
  if (!subject.areIn(view)) return false;
  if (what === 'all') return port === undefined || hasPort(view, port);
  if (peers.areIn(view)) return true;
  if (hasDns && (view.layers & LAYER.PORTS) !== 0 && hasDnsPort(view)) return true;
  return what === 'attempts' && isAttempt(view);
}

function carried({ layers, inner }: PacketView): PacketView | undefined {
  return (layers & LAYER.INNER) === 0 ? undefined : inner;
}

function hasPort({ layers, srcPort, dstPort }: PacketView, port: number): boolean {
  return (layers & LAYER.PORTS) === 0 || srcPort === port || dstPort === port;
}

/** What tries, and what tells how it ended; never the data of a connection that stands. */
function isAttempt({ layers, fragment, tcpFlags, payloadLength }: PacketView): boolean {
  if ((layers & LAYER.TCP) !== 0) {
    // Scans with FIN, with nothing or with everything set have no ACK, or a SYN.
    return (tcpFlags & (TCP_FLAG.SYN | TCP_FLAG.RST)) !== 0 || (tcpFlags & TCP_FLAG.ACK) === 0;
  }
  if (fragment === FRAGMENT.LATER) return false;
  return payloadLength <= MAX_ATTEMPT_PAYLOAD;
}

function endsOf(
  endpoints: readonly Endpoint[],
  containers: ReadonlyMap<string, ContainerState>,
  world: World,
): Ends {
  const ends = new Ends();
  for (const { ip, mac, scope, workload } of endpoints) {
    if (!NOBODY.has(ip) && scope !== 'engine') ends.addAddress(ip);
    // Of an end beyond a router the MAC is the router's, and stands for everybody behind it.
    const isOwnMac = scope === 'container' || scope === 'unknown';
    if (mac !== undefined && isOwnMac && !world.isHostMac(mac)) ends.addMac(mac);
    const container = workload && containers.get(workload.containerId);
    if (container !== undefined) addContainer(ends, container, world);
  }
  return ends;
}

function addContainer(ends: Ends, { endpoints }: ContainerState, { isHostMac }: World): void {
  for (const { ips, mac } of endpoints) {
    for (const ip of ips) ends.addAddress(ip);
    if (mac !== undefined && !isHostMac(mac)) ends.addMac(mac);
  }
}

/** The kernel's table named it: on the bridge its packets carry the address of whoever translated, mostly the gateway. */
function isBehindNat({ attribution }: Endpoint): boolean {
  return attribution.method === 'conntrack';
}

function addGateways(ends: Ends, networks: readonly string[], world: World): void {
  for (const { name, gateways } of world.networks) {
    if (networks.includes(name)) for (const ip of gateways) ends.addAddress(ip);
  }
}

/** One that lives in another's namespace asks as that one. */
function askersOf(
  endpoints: readonly Endpoint[],
  containers: ReadonlyMap<string, ContainerState>,
): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { workload } of endpoints) {
    if (workload === undefined) continue;
    ids.add(workload.containerId);
    const { networkMode } = containers.get(workload.containerId)?.workload ?? workload;
    if (networkMode.startsWith('container:')) ids.add(networkMode.slice('container:'.length));
  }
  return ids;
}

/** Those that the finding names, and all that its subject is on: it may have been seen on another. */
function networksOf(
  { network, subject }: Finding,
  containers: ReadonlyMap<string, ContainerState>,
  { networks }: KnownWorld,
): readonly string[] {
  const named = network === undefined ? [] : networkNamesIn(network);
  const endpoints = containers.get(subject.workload?.containerId ?? '')?.endpoints ?? [];
  const ids = new Set(endpoints.map(({ networkId }) => networkId));
  const own = networks.filter(({ id }) => ids.has(id)).map(({ name }) => name);
  return [...new Set([...named, ...own])];
}
