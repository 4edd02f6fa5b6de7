/**
 * Adds to each lease what the kernel knows of it: soon after it began, and again at growing intervals as long as
 * something is missing, because a bridge knows a container only after its first frame. Reads beside the loop, one
 * bridge at a time; what cannot be read stays absent.
 */
import { type Micros, wallMicros } from '../../model/time.ts';
import type { Interval, LinkFacts } from '../docker/address-book.ts';
import type { InventoryState } from '../docker/inventory-state.ts';
import { type LinkPaths, readBridgePorts, readNamespaceInode } from './links.ts';
import { Rounds } from './rounds.ts';

export interface LinkWatchOptions extends LinkPaths {
  readonly state: InventoryState;
  readonly clock?: () => Micros;
}

const POLL_MS = 1000;
/** Rounds between two tries grow to this: a container that never sends is asked for each minute. */
const MAX_WAIT_ROUNDS = 60;

interface Wait {
  rounds: number;
  left: number;
}

export class LinkWatch {
  readonly #options: LinkWatchOptions;
  readonly #clock: () => Micros;
  readonly #rounds = new Rounds(() => this.poll(), POLL_MS);
  #waits = new Map<string, Wait>();

  constructor(options: LinkWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallMicros;
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** One round over the leases that miss something and are due. */
  async poll(): Promise<void> {
    const { state } = this.#options;
    const open = [...state.openIntervals()];
    const waits = new Map<string, Wait>();
    const taken = new Set(open.flatMap(({ interval }) => interval.link.veth ?? []));
    const tables = new Map<string, Awaited<ReturnType<typeof readBridgePorts>>>();
    for (const { interval, container } of open) {
      if (this.#rounds.isStopped) return;
      const bridge = state.network(interval.networkId)?.bridge;
      if (!misses(interval, bridge)) continue;
      const wait = this.#waits.get(interval.id) ?? { rounds: 0, left: 0 };
      waits.set(interval.id, wait);
      if (wait.left-- > 0) continue;
      wait.rounds = Math.min(MAX_WAIT_ROUNDS, Math.max(1, wait.rounds * 2));
      wait.left = wait.rounds;
      if (bridge !== undefined && !tables.has(bridge)) {
        tables.set(bridge, await readBridgePorts(bridge, this.#options));
      }
      const link = interval.mac === undefined ? undefined : tables.get(bridge ?? '')?.get(interval.mac);
      const isFree = link?.veth !== undefined && !taken.has(link.veth);
      if (isFree && interval.link.veth === undefined) taken.add(link.veth!);
      const netns = interval.link.netns ?? (await readNamespaceInode(container, this.#options));
      const learned: LinkFacts = {
        ...(isFree && interval.link.veth === undefined ? link : {}),
        ...(netns === undefined ? {} : { netns }),
      };
      state.learnedLink(interval, learned, this.#clock());
    }
    this.#waits = waits;
  }
}

/** A macvlan endpoint has no end on the host. */
function misses({ link, mac }: Interval, bridge: string | undefined): boolean {
  return link.netns === undefined || (link.veth === undefined && mac !== undefined && bridge !== undefined);
}
