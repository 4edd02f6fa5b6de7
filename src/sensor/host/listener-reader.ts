/**
 * Reads what listens in one container's network namespace, again and again, and as little as that takes. Walking
 * /proc/net/tcp costs the kernel milliseconds however few sockets there are, because it goes through the hash table of
 * all connections of the machine (5 to 6 ms a table with 262,144 buckets, measured); net/sockstat tells for 0.2 ms how
 * many sockets the namespace has. So a table is read when that number has changed, and once a minute in any case;
 * none is where there are no sockets.
 */
import { readFile } from 'node:fs/promises';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type ListenerTable, type Listening, listenersIn, readListenerTable } from './listener-table.ts';
import { type NamespaceReaderOptions, pidProblem, sandboxPath } from './namespace-counters.ts';

export type ListenerReading =
  | ({ readonly ok: true } & ListenerTable)
  | { readonly ok: false; readonly reason: string };

const TABLES = ['tcp', 'tcp6', 'udp', 'udp6'] as const;
type TableName = (typeof TABLES)[number];
const COUNTS = ['net/sockstat', 'net/sockstat6'] as const;

/** One socket closed and one opened between two readings leave their number as it was. */
const READ_ANYWAY_MS = 60_000;

interface Known {
  readonly inUse: number | undefined;
  readonly readAtMs: number;
  readonly table: ListenerTable;
}

/** How a file of the namespace is read; `isThere` tells nothing but that the way works. */
interface Way {
  readonly texts: (names: readonly string[]) => Promise<readonly (string | undefined)[]>;
  readonly table: (name: TableName) => Promise<ListenerTable | undefined>;
}

export interface ListenerReaderOptions extends NamespaceReaderOptions {
  /** Monotonic. */
  readonly nowMs?: () => number;
}

export class ListenerReader {
  readonly #options: ListenerReaderOptions;
  readonly #nowMs: () => number;
  readonly #known = new Map<TableName, Known>();

  constructor(options: ListenerReaderOptions = {}) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Never rejects. */
  async read(container: ContainerState): Promise<ListenerReading> {
    const way = await this.#wayTo(container);
    if (typeof way === 'string') return { ok: false, reason: way };
    try {
      const inUse = socketsInUse(await way.texts(COUNTS));
      if (inUse === undefined) return { ok: false, reason: 'it has no net/sockstat' };
      for (const name of TABLES) {
        const problem = await this.#readTable(name, inUse[name], way);
        if (problem !== undefined) return { ok: false, reason: problem };
      }
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
    const tables = [...this.#known.values()].map(({ table }) => table);
    return {
      ok: true,
      listeners: tables.flatMap(({ listeners }) => listeners),
      isWhole: tables.every(({ isWhole }) => isWhole),
    };
  }

  async #readTable(name: TableName, inUse: number | undefined, way: Way): Promise<string | undefined> {
    const now = this.#nowMs();
    const known = this.#known.get(name);
    if (known !== undefined && known.inUse === inUse && now - known.readAtMs < READ_ANYWAY_MS)
      return undefined;
    // Without IPv6 there is no such line, and no table.
    const isEmpty = inUse === 0 || (inUse === undefined && name.endsWith('6'));
    const table = isEmpty ? NOTHING : await way.table(name);
    if (table === undefined) return `its net/${name} cannot be read`;
    this.#known.set(name, { inUse, readAtMs: now, table });
    return undefined;
  }

  /** By its process where that is verified, else by entering its namespace; or why neither can be. */
  async #wayTo(container: ContainerState): Promise<Way | string> {
    const proc = this.#options.proc ?? '/proc';
    const path = sandboxPath(container, this.#options);
    const problem = await pidProblem(container, path, proc);
    if (problem === undefined) return byProcess(`${proc}/${container.pid}`);
    if (path === undefined) return `${problem}; the engine names no namespace of it`;
    const { readInNamespace } = this.#options;
    if (readInNamespace === undefined)
      return `${problem}; entering ${path} needs the native binding (see doctor)`;
    return byEntering((names) => readInNamespace(path, names));
  }
}

const NOTHING: ListenerTable = { listeners: [], isWhole: true };

function byProcess(dir: string): Way {
  return {
    texts: (names) =>
      Promise.all(names.map((name) => readFile(`${dir}/${name}`, 'latin1').catch(() => undefined))),
    table: (name) => readListenerTable(`${dir}/net/${name}`, protocolOf(name)),
  };
}

/** What is longer than the binding reads is not given at all, so nothing can be told of it. */
function byEntering(texts: Way['texts']): Way {
  return {
    texts,
    table: async (name) => {
      const [text] = await texts([`net/${name}`]);
      return text === undefined
        ? undefined
        : { listeners: listenersIn(text, protocolOf(name)), isWhole: true };
    },
  };
}

function protocolOf(name: TableName): Listening['protocol'] {
  return name.startsWith('tcp') ? 'tcp' : 'udp';
}

/** `TCP: inuse 3 orphan 0 ...`, of this namespace alone (net/ipv4/proc.c, net/ipv6/proc.c). */
function socketsInUse([text, text6]: readonly (string | undefined)[]):
  | Readonly<Record<TableName, number | undefined>>
  | undefined {
  if (text === undefined) return undefined;
  const all = `${text}\n${text6 ?? ''}`;
  const count = (name: string): number | undefined => {
    const found = new RegExp(`^${name}: inuse (\\d+)`, 'm').exec(all)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  return { tcp: count('TCP'), tcp6: count('TCP6'), udp: count('UDP'), udp6: count('UDP6') };
}
