/**
 * Who may have sent what a rule held back: unanswered flows that the rule would have stopped. A tap on a bridge sees a
 * packet before the firewall drops it, so they fit, but that they are the ones no counter says.
 */

import type { BlockedRecord } from '../../../src/model/blocked.ts';
import { type Endpoint, endpointLabel, isVacant } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { cidrContains, parseCidr, parseIp } from '../../../src/model/ip.ts';
import type { Network } from '../../../src/model/network.ts';
import { openingOf } from '../../../src/model/opening.ts';
import { Sample } from '../sample.ts';

const MAX_SUSPECTS = 8;
const MAX_TARGETS = 64;
const MAX_HOSTS = 16;
const MAX_PORTS = 32;

/** Whether the rule of the record would have stopped the flow, by its networks. Not by when. */
export function fits({ family, reason, verdict, from, to }: BlockedRecord, flow: FlowRecord): boolean {
  const { network, orig, resp } = flow;
  if (network === undefined || orig.ip.includes(':') !== (family === 'ipv6')) return false;
  const opening = openingOf(flow);
  if (opening !== 'unanswered' && (opening !== 'refused' || verdict === 'drop')) return false;
  const isToOwn = isIn(resp.ip, network);
  switch (reason) {
    case 'internal':
    case 'isolation':
    case 'unpublished':
    case 'direct':
      if (from !== undefined) return network.id === from.id && !isToOwn;
      return to !== undefined && network.id !== to.id && isIn(resp.ip, to);
    case 'icc':
      return network.id === from?.id && isToOwn;
    case 'operator':
      if (from !== undefined && network.id !== from.id) return false;
      return to === undefined ? from !== undefined || !isToOwn : isIn(resp.ip, to);
    case 'policy':
      return !isToOwn;
    case 'loopback':
    case 'overlay':
      return false;
  }
}

export class Suspects {
  readonly #suspects = new Map<string, Suspect>();
  /** Of all flows that fit. */
  packets = 0;

  /** `packets`: of the flow since it was added last. */
  add(flow: FlowRecord, packets: number): void {
    const key = flow.orig.workload?.containerId ?? flow.orig.ip;
    let suspect = this.#suspects.get(key);
    if (suspect === undefined) {
      if (this.#suspects.size >= MAX_SUSPECTS) return;
      suspect = new Suspect(flow.orig);
      this.#suspects.set(key, suspect);
    }
    this.packets += packets;
    suspect.add(flow, packets);
  }

  /** Whoever sent most, first. */
  get byPackets(): readonly Suspect[] {
    return [...this.#suspects.values()].sort((a, b) => b.packets - a.packets);
  }

  /** The one that reaches furthest into what is not there; undefined when nobody is known. */
  get worst(): Suspect | undefined {
    return this.byPackets.reduce<Suspect | undefined>(
      (worst, each) => (worst === undefined || each.reach > worst.reach ? each : worst),
      undefined,
    );
  }
}

export class Suspect {
  readonly end: Endpoint;
  packets = 0;
  readonly targets = new Sample(8, MAX_TARGETS);
  readonly #vacant = new Sample(0, MAX_TARGETS);
  readonly #portsOf = new Map<string, Set<number>>();

  constructor(end: Endpoint) {
    this.end = end;
  }

  get label(): string {
    return endpointLabel(this.end);
  }

  /** Addresses of Docker networks that nobody held. */
  get vacantAddresses(): number {
    return this.#vacant.count;
  }

  /** Different ports of the host of which most were tried, counted to 32. */
  get portsOnOneHost(): number {
    return Math.max(0, ...[...this.#portsOf.values()].map(({ size }) => size));
  }

  /** What only somebody does who looks around: many ports of one host, many addresses of nobody. */
  get reach(): number {
    return Math.max(this.vacantAddresses, this.portsOnOneHost);
  }

  add({ resp, protocol }: FlowRecord, packets: number): void {
    this.packets += packets;
    const host = resp.ip.includes(':') ? `[${resp.ip}]` : resp.ip;
    this.targets.add(`${resp.port === undefined ? host : `${host}:${resp.port}`}/${protocol}`);
    if (isVacant(resp)) this.#vacant.add(resp.ip);
    if (resp.port === undefined) return;
    const ports = this.#portsOf.get(resp.ip) ?? new Set<number>();
    if (this.#portsOf.size < MAX_HOSTS) this.#portsOf.set(resp.ip, ports);
    if (ports.size < MAX_PORTS) ports.add(resp.port);
  }
}

function isIn(ip: string, { subnets }: Network): boolean {
  const words = parseIp(ip);
  return (
    words !== undefined &&
    subnets.some((subnet) => {
      const cidr = parseCidr(subnet);
      return cidr !== undefined && cidrContains(cidr, words);
    })
  );
}
