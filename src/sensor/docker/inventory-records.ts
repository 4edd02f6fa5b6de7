/**
 * The inventory as NDJSON and back: what `map --json` prints is what `analyze --inventory FILE` reads. A file is
 * checked line by line; the error names the line and the field, never a stack trace.
 */
import { z } from 'zod';
import type { CaseInventory } from '../../model/case-input.ts';
import { formatCidr, formatIp, parseCidr, parseIp } from '../../model/ip.ts';
import type { Network, NetworkEndpoint, Workload } from '../../model/network.ts';
import { type InventoryState, InventoryState as State } from './inventory-state.ts';

export interface NetworkRecord extends Network {
  readonly kind: 'network';
}

export interface ContainerRecord extends Workload {
  readonly kind: 'container';
  /** Of its first process; absent when it does not run. */
  readonly pid?: number;
  /** Path of its network namespace; absent when it has none. */
  readonly sandboxKey?: string;
  /** Its places on networks; those it has left recently too. */
  readonly endpoints: readonly NetworkEndpoint[];
}

/** The host's own addresses, so that a capture analysed elsewhere still knows them. */
export interface HostRecord {
  readonly kind: 'host';
  /** All addresses of all interfaces of the host, loopback included. */
  readonly addresses: readonly string[];
}

export type InventoryRecord = NetworkRecord | ContainerRecord | HostRecord;

/** A network or inventory given by the user that cannot be used. */
export class InventoryInputError extends Error {
  readonly code = 'INVENTORY_INVALID';

  constructor(message: string) {
    super(`${message} (INVENTORY_INVALID)`);
    this.name = 'InventoryInputError';
  }
}

/** Also what was closed recently, so that a capture of the last minutes can be attributed. */
export function inventoryToRecords(
  state: InventoryState,
  hostAddresses: Iterable<string> = [],
): InventoryRecord[] {
  const records: InventoryRecord[] = [];
  const host = [...hostAddresses];
  if (host.length > 0) records.push({ kind: 'host', addresses: host });
  for (const network of state.networks()) records.push({ kind: 'network', ...network });
  const closed = state.recentlyClosed();
  for (const container of state.containers()) {
    const { workload, pid, sandboxKey, endpoints } = container;
    records.push({
      kind: 'container',
      ...workload,
      ...(pid === undefined ? {} : { pid }),
      ...(sandboxKey === undefined ? {} : { sandboxKey }),
      endpoints: [...(closed.get(workload) ?? []), ...endpoints],
    });
    closed.delete(workload);
  }
  for (const [workload, endpoints] of closed) records.push({ kind: 'container', ...workload, endpoints });
  return records;
}

export interface OfflineInventory {
  readonly state: InventoryState;
  readonly hostAddresses: readonly string[];
  /** Where it comes from. */
  readonly about?: CaseInventory;
}

/** `name` is the file, for messages. */
export function inventoryFromRecords(lines: Iterable<string>, name = 'inventory'): OfflineInventory {
  const records: InventoryRecord[] = [];
  let lineNumber = 0;
  for (const line of lines) {
    lineNumber++;
    if (line.trim() === '') continue;
    records.push(readRecord(line, `${name}: line ${lineNumber}`));
  }
  if (!records.some((record) => record.kind === 'network')) {
    throw new InventoryInputError(
      `${name}: no network in it; expected what \`bridgewatch map --json\` prints, one record a line`,
    );
  }
  return inventoryOf(records);
}

/** What an engine said once. */
export function inventoryOf(records: readonly InventoryRecord[]): OfflineInventory {
  // What is in the file is wanted, however old; the file bounds it.
  const retention = { maxClosed: Number.POSITIVE_INFINITY, closedSecs: Number.POSITIVE_INFINITY };
  const state = new State(() => {}, { retention });
  for (const record of records) if (record.kind === 'network') state.networkSeen(toNetwork(record), 0);
  for (const record of records) if (record.kind === 'container') state.restore(...toContainer(record));
  const hostAddresses = records.flatMap((record) => (record.kind === 'host' ? record.addresses : []));
  return { state, hostAddresses };
}

const ipText = z
  .string()
  .refine((text) => parseIp(text) !== undefined, 'not an IP address')
  .transform((text) => formatIp(...parseIp(text)!));
const cidrText = z
  .string()
  .refine((text) => parseCidr(text) !== undefined, 'not a prefix like 172.18.0.0/16')
  .transform((text) => formatCidr(parseCidr(text)!));
const macText = z
  .string()
  .toLowerCase()
  .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'not a MAC address like 02:42:ac:12:00:02');
const micros = z.number().int().nonnegative();
const texts = z.record(z.string(), z.string());
const id = z.string().min(1);

const networkSchema = z.object({
  kind: z.literal('network'),
  id,
  name: z.string().min(1),
  driver: z.string(),
  scope: z.string().default('local'),
  internal: z.boolean(),
  bridge: z.string().min(1).optional(),
  subnets: z.array(cidrText),
  gateways: z.array(ipText).default([]),
  options: texts.default({}),
  labels: texts.default({}),
  composeProject: z.string().optional(),
});

const containerSchema = z.object({
  kind: z.literal('container'),
  containerId: id,
  name: z.string().min(1),
  image: z.string(),
  imageDigest: z.string().optional(),
  composeProject: z.string().optional(),
  composeService: z.string().optional(),
  composeNumber: z.number().int().positive().optional(),
  swarmService: z.string().optional(),
  labels: texts.default({}),
  networkMode: z.string(),
  networks: z.array(z.string()),
  resolvers: z.array(ipText).optional(),
  startedAt: micros.optional(),
  stoppedAt: micros.optional(),
  pid: z.number().int().positive().optional(),
  sandboxKey: z.string().optional(),
  endpoints: z.array(
    z.object({
      networkId: id,
      containerId: id,
      ips: z.array(ipText),
      mac: macText.optional(),
      from: micros,
      to: micros.optional(),
    }),
  ),
});

const hostSchema = z.object({ kind: z.literal('host'), addresses: z.array(ipText) });
const recordSchema = z.discriminatedUnion('kind', [networkSchema, containerSchema, hostSchema]);

function readRecord(line: string, where: string): InventoryRecord {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new InventoryInputError(`${where}: not JSON; expected what \`bridgewatch map --json\` prints`);
  }
  const parsed = recordSchema.safeParse(json);
  if (parsed.success) return withoutUndefined(parsed.data) as InventoryRecord;
  const issue = parsed.error.issues[0]!;
  if (issue.path[0] === 'kind' || issue.path.length === 0) {
    throw new InventoryInputError(`${where}: "kind" must be "network", "container" or "host"`);
  }
  throw new InventoryInputError(`${where}: ${formatPath(issue.path)}: ${issue.message}`);
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`,
    '',
  );
}

/** zod names absent keys; here absent means absent. */
function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}

function toNetwork(record: NetworkRecord): { network: Network; endpoints: [] } {
  const { kind: _, ...network } = record;
  return { network, endpoints: [] };
}

function toContainer(record: ContainerRecord): [workload: Workload, endpoints: readonly NetworkEndpoint[]] {
  const { kind: _kind, pid: _pid, sandboxKey: _key, endpoints, ...workload } = record;
  return [workload, endpoints];
}
