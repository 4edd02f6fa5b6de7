/**
 * ARP of a capture without an inventory of containers: nobody knows who is right, but the messages can contradict each
 * other. Told is a MAC that answers for an address unasked though another MAC has that address, or though it has an
 * address of its own; and a MAC that takes turns with another. Announcements (gratuitous ARP), as a restart, a virtual
 * address and a failover make them, are told of nobody; nor is proxy ARP, which answers who asked.
 *
 * Bounded: so many addresses, each with a few MACs and askers; what is forgotten is counted.
 */
import { formatIp, V4_MAPPED_WORD } from '../model/ip.ts';
import type { Network } from '../model/network.ts';
import type { LossRecord } from '../model/record.ts';
import type { SpoofRecord } from '../model/spoof.ts';
import { MICROS_PER_SECOND, type Micros } from '../model/time.ts';
import { formatMac, macNumber, type PacketView } from './decode/packet-view.ts';
import type { SourceWatch } from './source-check.ts';
import type { Tap } from './taps/tap.ts';

export interface ArpContradictionsOptions {
  readonly networkOf: (tap: Tap, ip: string, otherIp: string) => Network | undefined;
  readonly onSpoof: (record: SpoofRecord) => void;
  readonly onLoss: (loss: LossRecord) => void;
}

/** Who says that he has an address. */
interface Claimant {
  readonly mac: number;
  last: Micros;
  /** Replies that nobody had asked it for. */
  unasked: number;
  /** When it took the address over from another. */
  readonly turns: Micros[];
  // Of the record to come.
  count: number;
  first: Micros;
  toldAt: Micros | undefined;
}

interface Address {
  readonly claimants: Claimant[];
  holder: number;
  /** Who asked for it, and until when a reply answers that. */
  readonly askers: { ip: number; until: Micros }[];
}

interface Link {
  readonly tap: Tap;
  /** By IPv4 address. */
  readonly addresses: Map<number, Address>;
  /** The addresses that each MAC has claimed. */
  readonly byMac: Map<number, number[]>;
}

const REPLY = 2;
/** Replies come within milliseconds; a busy host takes longer. */
const ASKED_WITHIN = 5 * MICROS_PER_SECOND;
/** Another may answer the same question, at about the same time: the host itself and proxy ARP. */
const ANSWERED_WITHIN = MICROS_PER_SECOND;
/** Somebody who spoke longer ago may be gone, and the address another's by right. */
const RIVAL_WITHIN = 300 * MICROS_PER_SECOND;
const TURNS = 3;
const TURNS_WITHIN = 60 * MICROS_PER_SECOND;
const INTERVAL = 60 * MICROS_PER_SECOND;
const MAX_ADDRESSES = 4096;
const MAX_EACH = 8;

export class ArpContradictions implements SourceWatch {
  readonly #options: ArpContradictionsOptions;
  /** By tap. */
  readonly #links = new Map<number, Link>();
  #forgotten = 0;
  #since: Micros = 0;

  constructor(options: ArpContradictionsOptions) {
    this.#options = options;
  }

  onFlow(): void {}

  onNeighbor(): void {}

  onArp(view: PacketView, tap: Tap, time: Micros): void {
    const { words, arpOp } = view;
    const ip = words[3]!;
    const target = words[7]!;
    // 0.0.0.0 asks whether anybody has the address that it is about to take (RFC 5227).
    if (view.depth > 0 || ip === 0 || arpOp > REPLY) return;
    const link = this.#linkOf(tap);
    if (arpOp < REPLY && ip !== target) noteAsker(this.#addressOf(link, target), ip, time);
    const mac = macNumber(view.arpSenderMacHi, view.arpSenderMacLo);
    const address = this.#addressOf(link, ip);
    const claimant = claimantOf(address, mac, time);
    const owned = this.#ownedBy(link, mac, ip);
    if (arpOp === REPLY && ip !== target && !wasAsked(address, target, time)) claimant.unasked++;
    this.#judge(link, ip, address, claimant, target);
    // That it has an address of its own may come out after it answered for another's.
    for (const other of owned) {
      const others = other === ip ? undefined : link.addresses.get(other);
      const itself = others?.claimants.find((each) => each.mac === mac);
      if (others !== undefined && itself !== undefined && itself.unasked > 0 && itself.toldAt === undefined)
        this.#judge(link, other, others, itself, target);
    }
  }

  tick(): void {}

  finish(now: Micros): void {
    for (const link of this.#links.values()) {
      for (const [ip, address] of link.addresses) {
        for (const claimant of address.claimants) {
          if (claimant.toldAt !== undefined && claimant.count > 0)
            this.#tell(link, ip, address, claimant, undefined);
        }
      }
    }
    if (this.#forgotten === 0) return;
    const count = this.#forgotten;
    this.#options.onLoss({
      kind: 'loss',
      time: now,
      source: 'source-check',
      where: 'addresses',
      count,
      first: this.#since,
      last: now,
    });
    this.#forgotten = 0;
  }

  clockSet(): void {
    this.#links.clear();
  }

  #judge(link: Link, ip: number, address: Address, claimant: Claimant, target: number): void {
    const { last, toldAt, turns, unasked } = claimant;
    const isRivalled = rivalOf(address, claimant) !== undefined;
    const hasOthers = (link.byMac.get(claimant.mac)?.length ?? 0) > 1;
    const isUnasked = unasked > 0 && (isRivalled || hasOthers);
    const isInTurns = isRivalled && turns.filter((at) => last - at < TURNS_WITHIN).length >= TURNS;
    if (!isUnasked && !isInTurns) return;
    if (toldAt !== undefined && last - toldAt < INTERVAL) return;
    this.#tell(link, ip, address, claimant, target);
  }

  #tell(link: Link, ip: number, address: Address, claimant: Claimant, target: number | undefined): void {
    const { count, first, last, mac } = claimant;
    const { tap } = link;
    claimant.toldAt = last;
    claimant.count = 0;
    const network = tap.network ?? this.#options.networkOf(tap, textOf(ip), textOf(target ?? ip));
    const rival = rivalOf(address, claimant);
    const own = link.byMac.get(mac)?.find((other) => isUndisputed(link.addresses.get(other), mac));
    this.#options.onSpoof({
      kind: 'spoof',
      time: last,
      ...(network === undefined ? {} : { network: network.name }),
      interface: tap.interface,
      ip: textOf(ip),
      mac: macText(mac),
      mismatch: 'contradiction',
      layer: 'arp',
      ...(target === undefined ? {} : { target: textOf(target) }),
      ...(rival === undefined ? {} : { rivalMac: macText(rival.mac) }),
      ...(own === undefined ? {} : { senderIp: textOf(own) }),
      count,
      first,
    });
  }

  #linkOf(tap: Tap): Link {
    let link = this.#links.get(tap.index);
    if (link === undefined) {
      link = { tap, addresses: new Map(), byMac: new Map() };
      this.#links.set(tap.index, link);
    }
    return link;
  }

  #addressOf({ addresses }: Link, ip: number): Address {
    let address = addresses.get(ip);
    if (address === undefined) {
      this.#makeRoom(addresses);
      address = { claimants: [], holder: -1, askers: [] };
      addresses.set(ip, address);
    }
    return address;
  }

  #ownedBy({ byMac }: Link, mac: number, ip: number): readonly number[] {
    let owned = byMac.get(mac);
    if (owned === undefined) {
      this.#makeRoom(byMac);
      owned = [];
      byMac.set(mac, owned);
    }
    if (!owned.includes(ip) && owned.length < MAX_EACH) owned.push(ip);
    return owned;
  }

  /** The first that came goes. */
  #makeRoom(map: Map<number, unknown>): void {
    if (map.size < MAX_ADDRESSES) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
    this.#forgotten++;
  }
}

function noteAsker({ askers }: Address, ip: number, time: Micros): void {
  const until = time + ASKED_WITHIN;
  const known = askers.find((asker) => asker.ip === ip);
  if (known !== undefined) known.until = until;
  else if (askers.push({ ip, until }) > MAX_EACH) askers.shift();
}

/** And is answered now. */
function wasAsked({ askers }: Address, by: number, time: Micros): boolean {
  const asker = askers.find(({ ip, until }) => ip === by && time <= until);
  if (asker === undefined) return false;
  asker.until = Math.min(asker.until, time + ANSWERED_WITHIN);
  return true;
}

function claimantOf(address: Address, mac: number, time: Micros): Claimant {
  const { claimants } = address;
  let claimant = claimants.find((each) => each.mac === mac);
  if (claimant === undefined) {
    claimant = { mac, last: time, unasked: 0, turns: [], count: 0, first: time, toldAt: undefined };
    if (claimants.push(claimant) > MAX_EACH) claimants.shift();
  } else if (address.holder !== mac && claimant.turns.push(time) > TURNS) {
    claimant.turns.shift();
  }
  address.holder = mac;
  claimant.last = time;
  if (claimant.count === 0) claimant.first = time;
  claimant.count++;
  return claimant;
}

function rivalOf({ claimants }: Address, { mac, last }: Claimant): Claimant | undefined {
  return claimants.find((each) => each.mac !== mac && last - each.last <= RIVAL_WITHIN);
}

/** Nobody else has it, and it never answered for it unasked. */
function isUndisputed(address: Address | undefined, mac: number): boolean {
  return address?.claimants.every((each) => each.mac === mac && each.unasked === 0) === true;
}

function textOf(ip: number): string {
  return formatIp(0, 0, V4_MAPPED_WORD, ip);
}

function macText(mac: number): string {
  return formatMac(Math.floor(mac / 0x1000000), mac % 0x1000000);
}
