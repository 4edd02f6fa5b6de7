/** Who held which address in a capture: from `--inventory FILE` or from `--network`. */
import { readFileSync } from 'node:fs';
import {
  InventoryInputError,
  inventoryFromRecords,
  type OfflineInventory,
} from '../sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../sensor/docker/network-flags.ts';
import { UsageError } from './failure.ts';

export interface InventoryOptions {
  readonly inventory?: string;
  readonly network?: readonly string[];
}

export function offlineInventory({ inventory, network }: InventoryOptions): OfflineInventory {
  if (inventory === undefined) return { state: fromFlags(network ?? []), hostAddresses: [] };
  if (network !== undefined) {
    throw new UsageError('--inventory and --network exclude each other: the inventory has the networks');
  }
  return inventoryFromRecords(readInventory(inventory).split('\n'), inventory);
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

function readInventory(path: string): string {
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
