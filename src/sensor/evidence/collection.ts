/**
 * One collection: which frames it wants, how far it has looked, and its pcapng, which goes out in pieces as it grows. It
 * opens nothing and reads no clock; the collector shows it frames and says when it is over.
 */
import { PcapngWriter, type SectionFacts } from '../../../capture/pcapng.ts';
import type { FrameBatch } from '../../../capture/source.ts';
import type { EvidenceCause, EvidenceEnd, EvidencePiece } from '../../model/evidence.ts';
import { formatIp } from '../../model/ip.ts';
import { SHORT_ID_LENGTH } from '../../model/serialize.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros, wallMicros } from '../../model/time.ts';
import { LAYER, type PacketView } from '../decode/packet-view.ts';
import { addressNames } from '../recording/names.ts';
import type { KnownWorld } from '../recording/target.ts';
import { concerns, type Interest, isWider, merged } from './interest.ts';
import type { Place, Places } from './places.ts';
import { frameTime } from './ring.ts';

export interface CollectionPlan {
  /** Safe as the name of a file. */
  readonly id: string;
  readonly cause: EvidenceCause;
  /** Packet time of what caused it. */
  readonly time: Micros;
  readonly interest?: Interest | undefined;
  /** Ids of networks of which every frame is wanted. */
  readonly wholeNetworks?: ReadonlySet<string> | undefined;
  /** Names of the networks on which it is looked for. */
  readonly networks: readonly string[];
  /** Number of the first frame to look at. */
  readonly from: number;
  /** Number of the first that is not looked at; absent while that is not known. */
  readonly until?: number;
  readonly maxBytes: number;
  /** The option that says so. */
  readonly limitedBy: string;
  readonly section: SectionFacts;
  /** At the first packet. */
  readonly comment: string;
  /** Known from the beginning not to be in it. */
  readonly missing: readonly string[];
  readonly snaplenBytes: number;
}

export interface CollectionDeps {
  readonly send: (piece: EvidencePiece) => void;
  readonly places: Places;
  readonly world: () => KnownWorld;
}

/** A way through the ring: an update that brings new peers looks at what was passed over before. */
interface Pass {
  readonly interest: Interest | undefined;
  /** What concerns this is there already. */
  readonly except?: Interest;
  /** Number of the next frame to look at. */
  position: number;
  /** Number of the first frame that is not looked at any more. */
  until: number;
  readonly roles: Map<number, Role>;
}

/** What is wanted of a place: nothing, what concerns the interest, or all. */
type Role = 'none' | 'some' | 'all';

/** Updates with new peers after so many have to do without the past. */
const MAX_PASSES = 8;
/** Header and padding of a packet, with a comment now and then. */
const PACKET_OVERHEAD_BYTES = 40;

export class Collection {
  readonly plan: CollectionPlan;
  readonly #deps: CollectionDeps;
  readonly #writer: PcapngWriter;
  #interest: Interest | undefined;
  #passes: Pass[];
  /** Place to number in the file. */
  readonly #interfaces = new Map<number, number>();
  /** Of addresses, as the file says them. */
  readonly #names = new Map<string, string>();
  /** Containers of which no packet was written yet, by address. */
  #unmet = new Map<string, string>();
  /** Frames of the segment at hand that it takes. */
  readonly #taken: number[] = [];
  readonly #comments = new Map<number, string[]>();
  #begun = false;
  #ended = false;
  #packets = 0;
  #cutPackets = 0;
  #missed = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(plan: CollectionPlan, deps: CollectionDeps) {
    this.plan = plan;
    this.#deps = deps;
    this.#interest = plan.interest;
    this.#passes = [newPass(plan.interest, plan.from, plan.until)];
    // The writer's memory is its own: what waits for the channel must be a copy.
    this.#writer = new PcapngWriter((bytes) =>
      deps.send({ type: 'bytes', id: plan.id, bytes: bytes.slice() }),
    );
  }

  get hasBegun(): boolean {
    return this.#begun;
  }

  get isOver(): boolean {
    return this.#ended;
  }

  get packets(): number {
    return this.#packets;
  }

  /** Frames that were overwritten before they were looked at. */
  get missed(): number {
    return this.#missed;
  }

  /** Number of the next frame that it has not looked at; undefined when it has seen all that it is to see. */
  get position(): number | undefined {
    let least: number | undefined;
    for (const { position, until } of this.#passes) {
      if (position < until && (least === undefined || position < least)) least = position;
    }
    return least;
  }

  /** The finding was told anew: whom it brings is looked for in the past too, from frame `from` on. */
  extend(interest: Interest, from: number): void {
    const before = this.#interest;
    if (before === undefined) return;
    const all = merged(before, interest);
    if (!isWider(all, before)) return;
    const main = this.#passes[0]!;
    this.#interest = all;
    if (this.#passes.length < MAX_PASSES && from < main.position)
      this.#passes.push({ ...newPass(interest, from, main.position), except: before });
    this.#passes[0] = newPass(this.#interest, main.position, main.until);
  }

  /** Nothing from this frame on. */
  stopAt(end: number): void {
    for (const pass of this.#passes) pass.until = Math.min(pass.until, end);
  }

  /** Another station listens, which has nothing of it. */
  beginAnew(from: number): void {
    const { until } = this.#passes[0]!;
    this.#passes = [newPass(this.#interest, from, until)];
    this.#interfaces.clear();
    this.#begun = false;
    this.#packets = 0;
    this.#cutPackets = 0;
    this.#missed = 0;
    this.#first = Number.POSITIVE_INFINITY;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  begin(): void {
    const { id, cause, time, networks, section } = this.plan;
    this.#begun = true;
    this.#deps.send({ type: 'begin', id, cause, time, networks });
    this.#writer.section(section);
    for (const number of this.#deps.places.on(networks)) this.#interfaceOf(number);
    const { containers } = this.#deps.world();
    this.#unmet = new Map(
      containers.flatMap(({ workload, endpoints }) => {
        const label = `from container ${workload.name} (${workload.containerId.slice(0, SHORT_ID_LENGTH)})`;
        return endpoints.flatMap(({ ips }) => ips.map((ip) => [ip, label] as const));
      }),
    );
    this.#names.clear();
    this.#tellNames();
    this.#writer.flush();
  }

  /** Frames before this number are no more. */
  passOver(begin: number): void {
    for (const pass of this.#passes) {
      const end = Math.min(begin, pass.until);
      if (pass.position >= end) continue;
      this.#missed += end - pass.position;
      pass.position = end;
    }
  }

  /**
   * Whether frame `i`, number `number`, was taken: then it is written by `writeTaken`. The view is of that frame, decoded
   * by `decode` where that is needed.
   */
  take(number: number, batch: FrameBatch, i: number, decode: () => PacketView): boolean {
    const place = batch.ifIndex[i]!;
    for (const pass of this.#passes) {
      if (number < pass.position || number >= pass.until) continue;
      const role = this.#roleIn(pass, place);
      if (role === 'none') continue;
      const { interest, except } = pass;
      if (role === 'some' && !concerns(interest!, decode())) continue;
      if (except !== undefined && concerns(except, decode())) continue;
      this.#taken.push(i);
      if (this.#unmet.size > 0) this.#meet(i, decode());
      return true;
    }
    return false;
  }

  /** Writes what was taken of a segment, in the order of time, and stands before frame `next` then. */
  writeTaken(batch: FrameBatch, next: number): void {
    const { maxBytes, limitedBy, comment } = this.plan;
    const { tsSec, tsNsec, capLen, wireLen, ifIndex } = batch;
    // Taps deliver in turns.
    this.#taken.sort((a, b) => tsSec[a]! - tsSec[b]! || tsNsec[a]! - tsNsec[b]!);
    for (const i of this.#taken) {
      const comments = this.#comments.get(i) ?? [];
      if (this.#packets === 0) comments.unshift(comment);
      const interfaceId = this.#interfaceOf(ifIndex[i]!);
      if (this.#writer.bytes + capLen[i]! + PACKET_OVERHEAD_BYTES > maxBytes) {
        this.#clearTaken();
        this.end('limit', [`what came after its limit of ${maxBytes} bytes (${limitedBy})`]);
        return;
      }
      this.#writer.packet(interfaceId, batch, i, comments.length === 0 ? undefined : comments);
      this.#packets += 1;
      if (capLen[i]! < wireLen[i]!) this.#cutPackets += 1;
      const time = frameTime(batch, i);
      this.#first = Math.min(this.#first, time);
      this.#last = Math.max(this.#last, time);
    }
    this.#clearTaken();
    for (const pass of this.#passes) {
      if (pass.position < next) pass.position = Math.min(next, Math.max(pass.position, pass.until));
    }
    if (this.#passes.length > 1)
      this.#passes = this.#passes.filter((pass, i) => i === 0 || pass.position < pass.until);
    this.#writer.flush();
  }

  end(how: EvidenceEnd, missing: readonly string[] = []): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#begun) this.begin();
    this.#tellNames();
    for (const [number, interfaceId] of this.#interfaces) {
      const place = this.#deps.places.get(number);
      if (place !== undefined) this.#writer.statistics(interfaceId, statisticsOf(place, this.#last));
    }
    this.#writer.flush();
    const { id, snaplenBytes } = this.plan;
    const cut =
      this.#cutPackets === 0
        ? []
        : [`the rest of ${this.#cutPackets} packets that were cut to ${snaplenBytes} bytes`];
    const gone =
      this.#missed === 0
        ? []
        : [`${this.#missed} packets of all networks that the ring had to forget before they were looked at`];
    this.#deps.send({
      type: 'end',
      id,
      end: how,
      packets: this.#packets,
      ...(this.#packets === 0 ? {} : { first: this.#first, last: this.#last }),
      missing: [...this.plan.missing, ...gone, ...cut, ...missing],
    });
  }

  #clearTaken(): void {
    this.#taken.length = 0;
    this.#comments.clear();
  }

  #roleIn(pass: Pass, place: number): Role {
    const known = pass.roles.get(place);
    if (known !== undefined) return known;
    const facts = this.#deps.places.get(place);
    const { wholeNetworks } = this.plan;
    // What was wanted as a whole before is there already.
    const isThere = pass.except !== undefined && roleOf(facts, pass.except, wholeNetworks) === 'all';
    const role = isThere ? 'none' : roleOf(facts, pass.interest, wholeNetworks);
    pass.roles.set(place, role);
    return role;
  }

  /** The first packet of each container says whose it is. */
  #meet(i: number, { layers, words }: PacketView): void {
    if ((layers & (LAYER.IP | LAYER.ARP)) === 0) return;
    const ip = formatIp(words[0]!, words[1]!, words[2]!, words[3]!);
    const label = this.#unmet.get(ip);
    if (label === undefined) return;
    this.#unmet.delete(ip);
    this.#comments.set(i, [label]);
  }

  #interfaceOf(number: number): number {
    const known = this.#interfaces.get(number);
    if (known !== undefined) return known;
    const place = this.#deps.places.get(number);
    const { snaplenBytes } = this.plan;
    const id = this.#writer.addInterface({
      name: place?.interface ?? `place ${number}`,
      ...(place?.network === undefined
        ? {}
        : {
            description: `docker network ${place.network.name} (${place.network.id.slice(0, SHORT_ID_LENGTH)})`,
          }),
      linkType: place?.linkType ?? 1,
      snaplenBytes,
      ...(place?.network?.internal === true ? { comments: ['internal network'] } : {}),
    });
    this.#interfaces.set(number, id);
    return id;
  }

  /** Those that are new, or another's now. */
  #tellNames(): void {
    const world = this.#deps.world();
    const ids = new Set(
      world.networks.filter(({ name }) => this.plan.networks.includes(name)).map(({ id }) => id),
    );
    const news = addressNames(world, ids).filter(({ ip, name }) => this.#names.get(ip) !== name);
    for (const { ip, name } of news) this.#names.set(ip, name);
    this.#writer.names(news.map(({ address, name }) => ({ address, names: [name] })));
  }
}

function newPass(interest: Interest | undefined, position: number, until = Number.POSITIVE_INFINITY): Pass {
  return { interest, position, until, roles: new Map() };
}

function roleOf(
  place: Place | undefined,
  interest: Interest | undefined,
  wholeNetworks: ReadonlySet<string> | undefined,
): Role {
  if (place === undefined) return 'none';
  if (place.askerId !== undefined) {
    // Of such a tap there is nothing but what that container asks.
    return interest?.askers.has(place.askerId() ?? '') === true ? 'all' : 'none';
  }
  if (place.network !== undefined && wholeNetworks?.has(place.network.id) === true) return 'all';
  return interest === undefined ? 'none' : 'some';
}

/** Of the whole tap, since it was opened: what was dropped cannot be told apart by whom it concerned. */
function statisticsOf({ openedAt, stats }: Place, last: Micros) {
  const { received, droppedByKernel, droppedByInterface } = stats();
  const end = Math.max(last, openedAt, wallMicros());
  return {
    start: clock(openedAt),
    end: clock(end),
    received,
    ...(droppedByKernel === undefined ? {} : { droppedByKernel }),
    ...(droppedByInterface === undefined ? {} : { droppedByInterface }),
  };
}

function clock(time: Micros) {
  const sec = Math.floor(time / MICROS_PER_SECOND);
  return { sec, nsec: (time - sec * MICROS_PER_SECOND) * 1000 };
}

/** `20261123T140207Z`. */
export function stampOf(time: Micros): string {
  return `${formatMicros(time).slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}
