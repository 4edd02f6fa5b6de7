/**
 * Tells containers on the host's network from the host, and from each other: by who holds the socket at the host's end
 * of a flow. Asked once a flow, when it begins, because a closed socket has no holder; answers come from one reading of
 * the kernel's tables for all flows that began meanwhile, and are remembered. Without containers on the host's network
 * nothing is ever read.
 */
import { readFile } from 'node:fs/promises';
import type { Workload } from '../../model/network.ts';
import { workloadLabel } from '../../model/network.ts';
import type { HostSocket, SocketOwner, SocketOwners } from '../flow-facts.ts';
import { type ProcPaths, socketsOfContainer } from './container-sockets.ts';
import { parseSockets, type SocketRow } from './socket-table.ts';

export interface HostContainer {
  readonly workload: Workload;
  /** Absent before the start. */
  readonly pid?: number;
}

export interface HostSocketsOptions extends ProcPaths {
  /** Least time between two readings. */
  readonly intervalMs?: number;
  /** Answers kept, about 300 bytes each; the oldest goes. */
  readonly maxAnswers?: number;
  /** Characters of a table that are still searched, some 150 a socket. */
  readonly maxTableChars?: number;
}

const DEFAULTS = { intervalMs: 100, maxAnswers: 8192, maxTableChars: 4_000_000 } as const;
/** Flows that may wait for one reading; more are answered as if nothing were known. */
const MAX_WAITING = 4096;
const TABLES = { tcp: ['tcp', 'tcp6'], udp: ['udp', 'udp6'] } as const;
const ANY = new Set(['0.0.0.0', '::']);

/**
 * A container that has just started is not known with its process yet (0.35 s measured on 20.10), and who holds a socket
 * cannot be told before: then it is asked again, this often, at ever longer intervals.
 */
const MAX_TRIES = 6;

interface Waiting {
  readonly socket: HostSocket;
  readonly tries: number;
  /** On the monotonic clock. */
  readonly dueMs: number;
}

/** Who holds an inode: a container, or `host` for everybody else. */
type Holders = (inode: number) => Workload | 'host' | undefined;

export class HostSockets implements SocketOwners {
  readonly #options: HostSocketsOptions;
  #containers: readonly HostContainer[] = [];
  readonly #answers = new Map<string, SocketOwner>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #stopped = false;
  /** Flows that could not wait, because too many did. */
  unasked = 0;

  constructor(options: HostSocketsOptions = {}) {
    this.#options = options;
  }

  /** Those on the host's network from now on. */
  setContainers(containers: readonly HostContainer[]): void {
    this.#containers = containers;
  }

  get isNeeded(): boolean {
    return this.#containers.length > 0;
  }

  began(socket: HostSocket): void {
    if (this.#stopped) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.unasked++;
      return;
    }
    this.#waiting.push({ socket, tries: 1, dueMs: performance.now() });
    if (this.#reading === undefined && this.#timer === undefined) this.#read();
  }

  ownerOf(socket: HostSocket): SocketOwner | undefined {
    return this.#answers.get(keyOf(socket));
  }

  /** Settles when nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  #read(): void {
    const now = performance.now();
    const asked = this.#waiting.filter(({ dueMs }) => dueMs <= now);
    this.#waiting = this.#waiting.filter(({ dueMs }) => dueMs > now);
    this.#reading = (asked.length === 0 ? Promise.resolve() : this.#answer(asked))
      // A table that cannot be read leaves the flows with what is known without it.
      .catch(() => {})
      .then(() => {
        this.#reading = undefined;
        if (this.#stopped) return;
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          if (this.#waiting.length > 0) this.#read();
        }, this.#intervalMs);
        this.#timer.unref();
      });
  }

  get #intervalMs(): number {
    return this.#options.intervalMs ?? DEFAULTS.intervalMs;
  }

  async #answer(asked: readonly Waiting[]): Promise<void> {
    const protocols = new Set(asked.map(({ socket }) => socket.protocol));
    const [rows, holders] = await Promise.all([this.#rows(protocols), this.#holders()]);
    const max = this.#options.maxAnswers ?? DEFAULTS.maxAnswers;
    for (const { socket, tries } of asked) {
      const owner = ownerAmong(rows.get(socket.protocol) ?? [], socket, holders);
      if (owner === 'nobody') continue;
      if (owner === 'not-known') {
        if (tries >= MAX_TRIES || this.#waiting.length >= MAX_WAITING) continue;
        const dueMs = performance.now() + this.#intervalMs * 2 ** (tries - 1);
        this.#waiting.push({ socket, tries: tries + 1, dueMs });
        continue;
      }
      if (this.#answers.size >= max) this.#answers.delete(this.#answers.keys().next().value!);
      this.#answers.set(keyOf(socket), owner);
    }
  }

  async #rows(protocols: Iterable<HostSocket['protocol']>): Promise<Map<string, SocketRow[]>> {
    const { proc = '/proc', maxTableChars = DEFAULTS.maxTableChars } = this.#options;
    const byProtocol = new Map<string, SocketRow[]>();
    for (const protocol of protocols) {
      const all: SocketRow[] = [];
      for (const table of TABLES[protocol]) {
        // IPv6 may be switched off.
        const text = await readFile(`${proc}/net/${table}`, 'utf8').catch(() => '');
        all.push(...(parseSockets(text, maxTableChars) ?? []));
      }
      byProtocol.set(protocol, all);
    }
    return byProtocol;
  }

  async #holders(): Promise<Holders> {
    const byInode = new Map<number, Workload>();
    let isWhole = true;
    for (const { workload, pid } of this.#containers) {
      const inodes =
        pid === undefined ? undefined : await socketsOfContainer(workload.containerId, pid, this.#options);
      if (inodes === undefined) isWhole = false;
      else for (const inode of inodes) byInode.set(inode, workload);
    }
    // Only when every container was looked into is a socket of none of them the host's.
    return (inode) => byInode.get(inode) ?? (isWhole ? 'host' : undefined);
  }
}

/** By the connection itself; else by who listens there, on that address rather than on any. */
function ownerAmong(
  rows: readonly SocketRow[],
  { ip, port, peerIp, peerPort }: HostSocket,
  holders: Holders,
): SocketOwner | 'nobody' | 'not-known' {
  const local = rows.filter((row) => row.port === port && (row.ip === ip || ANY.has(row.ip)));
  const connected = local.filter((row) => row.peerPort === peerPort && row.peerIp === peerIp);
  const unconnected = local.filter((row) => row.peerPort === 0);
  const exact = unconnected.filter((row) => row.ip === ip);
  const best = connected.length > 0 ? connected : exact.length > 0 ? exact : unconnected;
  const owners = new Set(best.map((row) => holders(row.inode)));
  // SO_REUSEPORT: several listen, and only the kernel knows which one got it.
  if (owners.size === 0) return 'nobody';
  if (owners.has(undefined)) return 'not-known';
  const [first] = owners;
  if (owners.size === 1) return first === 'host' ? { kind: 'host' } : { kind: 'container', workload: first! };
  const candidates = [...owners].map((owner) => (owner === 'host' ? 'the host' : workloadLabel(owner!)));
  return { kind: 'several', candidates };
}

function keyOf({ protocol, ip, port, peerIp, peerPort, since }: HostSocket): string {
  return `${protocol} ${ip} ${port} ${peerIp} ${peerPort} ${since}`;
}
