/** Who held which address in a capture: from `--inventory` or from `--network`. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { CaseInventory } from '../../model/case-input.ts';
import type { Micros } from '../../model/time.ts';
import type { DockerConfig } from '../../sensor/config.ts';
import {
  InventoryInputError,
  inventoryFromRecords,
  inventoryOf,
  type OfflineInventory,
} from '../../sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../../sensor/docker/network-flags.ts';
import { UsageError } from '../lib/failure.ts';

export interface InventoryOptions {
  readonly inventory?: string;
  readonly network?: readonly string[];
}

/** The time that the packets are of. */
interface CaseTime {
  /** Asked only where it matters: for a pipe it waits for the first packet. */
  readonly from: () => Promise<Micros | undefined>;
  readonly until: Micros | undefined;
}

/** The word for the engine that runs here now; a file of that name is `./engine`. */
const ENGINE = 'engine';
const SQLITE_MAGIC = 'SQLite format 3\0';

/**
 * What the options mean, before anything is opened: a wrong command line is told as one, and not as a missing file. What it
 * answers reads the inventory.
 */
export function offlineInventory(
  { inventory: path, network }: InventoryOptions,
  docker: DockerConfig,
): (time: CaseTime) => Promise<OfflineInventory> {
  if (path !== undefined) {
    if (network !== undefined) {
      throw new UsageError('--inventory and --network exclude each other: the inventory has the networks');
    }
    return (time) => readInventory(path, docker, time);
  }
  const kind = network === undefined ? 'none' : 'networks';
  const inventory: OfflineInventory = { state: fromFlags(network ?? []), hostAddresses: [], about: { kind } };
  return async () => inventory;
}

async function readInventory(path: string, docker: DockerConfig, time: CaseTime): Promise<OfflineInventory> {
  const from = (kind: CaseInventory['kind'], inventory: OfflineInventory): OfflineInventory => ({
    ...inventory,
    about: { kind, ...(kind === 'engine' ? {} : { source: path }) },
  });
  if (path === ENGINE) {
    const { mapEngine } = await import('../../sensor/map.ts');
    return from('engine', inventoryOf((await mapEngine(docker)).records()));
  }
  if (isDatabase(path)) {
    const { inventoryFromDatabase } = await import('./inventory-past.ts');
    return from(
      'database',
      await inventoryFromDatabase(path, { from: await time.from(), until: time.until }),
    );
  }
  const lines = readText(path).split('\n');
  if (!lines.some(isRecorded)) return from('map', inventoryFromRecords(lines, path));
  const { inventoryFromEvents } = await import('./inventory-past.ts');
  return from('records', inventoryFromEvents(lines, path));
}

/** By its first bytes; what cannot be read is told by who reads it. */
function isDatabase(path: string): boolean {
  const head = Buffer.alloc(SQLITE_MAGIC.length);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    readSync(fd, head, 0, head.length, 0);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return head.toString('latin1') === SQLITE_MAGIC;
}

/** A line of `events`, and not of `map`. */
function isRecorded(line: string): boolean {
  return line.startsWith('{"kind":"lease"') || line.startsWith('{"kind":"inventory"');
}

/** The same error is the file's fault there and the command line's here. */
function fromFlags(flags: readonly string[]): OfflineInventory['state'] {
  try {
    return inventoryFromNetworkFlags(flags);
  } catch (error) {
    if (error instanceof InventoryInputError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = REASONS[code ?? ''] ?? message;
    throw new InventoryInputError(
      `cannot read the inventory ${path}: ${why}; make one with: bridgewatch map --json > inventory.ndjson`,
    );
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'it is a directory',
  EACCES: `no permission to read it as user ${process.geteuid?.()}`,
};
