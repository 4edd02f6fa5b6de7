/** Who came to a published port, by the flows that the agent stored: from beyond this host, from itself, or nobody knows whence. */
import { counted, formatBytes } from '../../../model/readable.ts';
import type { Talk } from '../../../model/traffic-history.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { PublishedPort } from '../../docker/engine-json.ts';
import { isOnLoopback } from './published-ports.ts';
import { listed } from './verdicts.ts';

/** The same port of the host in all its addresses: flows do not always tell which of them was asked. */
export interface Door {
  readonly ports: readonly PublishedPort[];
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

const OUTSIDE: ReadonlySet<string> = new Set(['internet', 'lan', 'unknown']);
/** Scopes of an end that may be any container. */
export const UNNAMED: ReadonlySet<string> = new Set(['container', 'unknown']);

export interface Visitors {
  readonly internet: readonly Talk[];
  readonly lan: readonly Talk[];
  /** By the port of the host, from containers that run here. */
  readonly containers: readonly Talk[];
  /** By the port of the host, from this host itself. */
  readonly host: readonly Talk[];
  /** Something stood between, and hid who came; or somebody came, and which container answered has no name. */
  readonly hidden: readonly Talk[];
}

/** Those of a container that open beyond loopback. */
export function doorsOf({ published = [] }: Pick<ContainerFacts, 'published'>): Door[] {
  const doors = new Map<string, Door>();
  for (const port of published) {
    if (isOnLoopback(port)) continue;
    const { hostPort, containerPort, protocol } = port;
    const key = `${hostPort} ${containerPort} ${protocol}`;
    const ports = [...(doors.get(key)?.ports ?? []), port];
    doors.set(key, { ports, hostPort, containerPort, protocol });
  }
  return [...doors.values()];
}

/**
 * Finds them for any container's door. Whoever came from outside to the container's port without a word of which port of
 * the host was asked counts as a visitor of each: nobody is to be told that a port is useless on a guess.
 */
export function visitorsIn(
  talks: readonly Talk[],
): (service: string, door: Pick<Door, 'hostPort' | 'containerPort' | 'protocol'>) => Visitors {
  const byPort = new Map<string, Talk[]>();
  const keyOf = (service: string | undefined, port: number | undefined, protocol: string) =>
    JSON.stringify([service, port, protocol]);
  for (const talk of talks) {
    const key = keyOf(talk.resp.service, talk.respPort, talk.protocol);
    const known = byPort.get(key);
    if (known === undefined) byPort.set(key, [talk]);
    else known.push(talk);
  }
  return (service, { hostPort, containerPort, protocol }) => {
    const isOfDoor = ({ publishedPort }: Talk) => publishedPort === undefined || publishedPort === hostPort;
    const all = (byPort.get(keyOf(service, containerPort, protocol)) ?? []).filter(isOfDoor);
    const toNobody = (byPort.get(keyOf(undefined, containerPort, protocol)) ?? []).filter(
      (talk) => isOfDoor(talk) && OUTSIDE.has(talk.orig.scope) && UNNAMED.has(talk.resp.scope),
    );
    const from = (scope: string) => all.filter(({ orig }) => orig.scope === scope);
    // Without a translation they came by the container's own address, which needs no published port.
    const byHost = all.filter(({ nat }) => nat !== undefined);
    return {
      internet: from('internet'),
      lan: from('lan'),
      containers: byHost.filter(({ orig }) => orig.scope === 'container'),
      host: byHost.filter(({ orig }) => orig.scope === 'host' || orig.scope === 'gateway'),
      hidden: [...from('unknown'), ...toNobody],
    };
  };
}

/** Why nobody can say whether somebody came from outside, where something of that is hidden. */
export const HIDDEN = {
  explanation:
    'Somebody came, and address translation hid who it was, or to which container it went: whether from outside is not known.',
  remedy: {
    what: 'Give the agent what it needs to see behind the translation: `bridgewatch doctor` says under connection tracking what that is.',
  },
};

export type FromOutside = Pick<Visitors, 'internet' | 'lan'>;

/** Of several doors, each talk once. */
export function answeredOf(visitors: readonly FromOutside[]): FromOutside {
  const answered = (which: 'internet' | 'lan') =>
    [...new Set(visitors.flatMap((each) => each[which]))].filter((talk) => talk.answered > 0);
  return { internet: answered('internet'), lan: answered('lan') };
}

/** Named in the evidence. */
const MAX_ADDRESSES = 20;

/** The busiest addresses first. */
export function visitEvidence({ internet, lan }: FromOutside) {
  return {
    internetAddresses: addressesOf(internet).slice(0, MAX_ADDRESSES),
    internetFlows: flowsOf(internet),
    lanAddresses: addressesOf(lan).slice(0, MAX_ADDRESSES),
    lanFlows: flowsOf(lan),
  };
}

/** `from the Internet by 198.51.100.7 (2 flows, 1.0 KiB) and from the LAN by 10.0.0.5 (...)`. */
export function reachedText({ internet, lan }: FromOutside): string {
  return [
    ...(internet.length === 0 ? [] : [`from the Internet by ${visitorsText(internet)}`]),
    ...(lan.length === 0 ? [] : [`from the LAN by ${visitorsText(lan)}`]),
  ].join(' and ');
}

/** `198.51.100.7, 198.51.100.9 and 3 more (31 flows, 4.0 MiB)`, the busiest first; addresses that were only summed are counted as such. */
function visitorsText(talks: readonly Talk[]): string {
  const told = addressesOf(talks);
  const isMore = talks.some(({ orig }) => orig.ip === undefined);
  const who = [listed(told, 3), ...(isMore ? [told.length === 0 ? 'many addresses' : 'others'] : [])].filter(
    (text) => text !== '',
  );
  const bytes = talks.reduce((sum, talk) => sum + talk.bytes, 0);
  return `${who.join(', ')} (${counted(flowsOf(talks), 'flow')}, ${formatBytes(bytes)})`;
}

/** The busiest first. */
function addressesOf(talks: readonly Talk[]): string[] {
  const flows = new Map<string, number>();
  for (const { orig, flows: count } of talks)
    if (orig.ip !== undefined) flows.set(orig.ip, (flows.get(orig.ip) ?? 0) + count);
  return [...flows].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([ip]) => ip);
}

export function flowsOf(talks: readonly Talk[]): number {
  return talks.reduce((sum, talk) => sum + talk.flows, 0);
}

export function servicesOf(talks: readonly Talk[]): string[] {
  return [...new Set(talks.map(({ orig }) => orig.service ?? 'a container that is not known'))].sort();
}
