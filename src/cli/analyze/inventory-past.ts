/** What is recorded of who held which address, as an inventory: from an agent's database, or from what `events` prints. */
import { z } from 'zod';
import type { LeaseRecord } from '../../model/lease.ts';
import type { Network } from '../../model/network.ts';
import type { InventoryChange } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { microsOf } from '../../query/time-text.ts';
import { type InventoryHistory, inventoryFromHistory } from '../../sensor/docker/inventory-history.ts';
import { InventoryInputError, type OfflineInventory } from '../../sensor/docker/inventory-records.ts';
import { openStoreReadOnly, type StoreReader } from '../../station/store/reader.ts';
import type { Watch } from '../../station/store/watch-log.ts';
import { UsageError } from '../lib/failure.ts';

/** The time that the packets are of, as far as it is known. */
export interface CaseSpan {
  readonly from: Micros | undefined;
  readonly until: Micros | undefined;
}

/** Each is held in memory, with its text. */
const MAX_LEASES = 20_000;
/** Of the pieces of time in which an agent ran. */
const MAX_WATCHES = 1000;
/** The sign of life that a running agent gives every 10 s may be that late. */
const SIGN_IS_FRESH = 15_000_000;
/** Its packets may come after a lease ended, and its begin is told late. */
const SLACK = 60_000_000;

export async function inventoryFromDatabase(path: string, span: CaseSpan): Promise<OfflineInventory> {
  const reader = await openStoreReadOnly(path);
  try {
    return inventoryFromHistory({
      networks: networksIn(reader, span),
      leases: leasesIn(reader, path, span),
      gaps: gapsBetween(watchesIn(reader, span)),
    });
  } finally {
    reader.close();
  }
}

function networksIn(reader: StoreReader, { from }: CaseSpan): Network[] {
  return reader
    .networks()
    .filter(({ removedAt }) => removedAt === undefined || from === undefined || removedAt > from - SLACK)
    .map(({ record }) => networkOf(record.id, record.name, record.detail));
}

function leasesIn(reader: StoreReader, path: string, { from, until }: CaseSpan): LeaseRecord[] {
  const leases = reader.queryLeases({
    since: from === undefined ? undefined : from - SLACK,
    until: until === undefined ? undefined : until + SLACK,
    limit: MAX_LEASES + 1,
  });
  if (leases.length > MAX_LEASES) {
    throw new UsageError(
      `${path} has more than ${MAX_LEASES} leases since the first packet: say with --until where the case ends`,
    );
  }
  return leases.map(({ lease }) => lease);
}

function* watchesIn(reader: StoreReader, { from = 0 }: CaseSpan): Generator<Watch> {
  let { before, after } = reader.watchesAround(from);
  if (before !== undefined) yield before;
  for (let count = 0; after !== undefined && count < MAX_WATCHES; count++) {
    yield after;
    ({ after } = reader.watchesAround(after.from));
  }
}

function gapsBetween(watches: Iterable<Watch>): InventoryHistory['gaps'] {
  const gaps: { from: Micros; to: Micros }[] = [];
  let from = 0;
  for (const watch of watches) {
    if (watch.from > from) gaps.push({ from, to: watch.from });
    from = watch.aliveAt + 1;
  }
  return [...gaps, { from: from + SIGN_IS_FRESH, to: Number.POSITIVE_INFINITY }];
}

function networkOf(id: string, name: string, detail: InventoryChange['detail']): Network {
  const { driver, internal, subnets, gateways, bridge, composeProject } = detail;
  const texts = (value: typeof subnets): readonly string[] => (Array.isArray(value) ? value : []);
  return {
    id,
    name,
    driver: typeof driver === 'string' ? driver : 'unknown',
    scope: 'local',
    internal: internal === true,
    subnets: texts(subnets),
    gateways: texts(gateways),
    options: {},
    labels: {},
    ...(typeof bridge === 'string' ? { bridge } : {}),
    ...(typeof composeProject === 'string' ? { composeProject } : {}),
  };
}

const time = z.string().transform((text, context) => {
  const micros = microsOf(text);
  if (micros === undefined)
    context.addIssue({ code: 'custom', message: 'not a time like 2026-11-23T14:02:07.000000Z' });
  return micros ?? 0;
});

const leaseSchema = z.object({
  kind: z.literal('lease'),
  time,
  id: z.string(),
  networkId: z.string(),
  network: z.string(),
  ips: z.array(z.string()),
  mac: z.string().optional(),
  workload: z.object({
    containerId: z.string(),
    name: z.string(),
    image: z.string(),
    composeProject: z.string().optional(),
    composeService: z.string().optional(),
    composeNumber: z.number().optional(),
    swarmService: z.string().optional(),
  }),
  from: time,
  to: time.optional(),
  uncertain: z.boolean().optional(),
});

const networkSchema = z.object({
  kind: z.literal('inventory'),
  object: z.literal('network'),
  id: z.string(),
  name: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
});

/** In the public form of a lease ids are this short. */
const SHORT_ID = 12;

/** Leases, and networks where their records are among them; other records are passed over. */
export function inventoryFromEvents(lines: readonly string[], name: string): OfflineInventory {
  const leases = new Map<string, LeaseRecord>();
  const networks = new Map<string, Network>();
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const json = jsonOf(line, `${name}: line ${i + 1}`);
    if (json.kind === 'lease') {
      const lease = checked(leaseSchema.safeParse(json), `${name}: line ${i + 1}`);
      leases.set(lease.id, withWorkload(lease));
    } else if (json.kind === 'inventory' && json.object === 'network') {
      const { id, name: called, detail } = checked(networkSchema.safeParse(json), `${name}: line ${i + 1}`);
      networks.set(id, networkOf(id.slice(0, SHORT_ID), called, detail));
    }
  }
  const byBegin = [...leases.values()].sort((a, b) => a.from - b.from);
  return inventoryFromHistory({ networks: [...networks.values()], leases: byBegin, gaps: [] });
}

/** What the public form leaves out is unknown; what zod names and is absent is left out again. */
function withWorkload(lease: z.infer<typeof leaseSchema>): LeaseRecord {
  const unknown = { labels: {}, networkMode: 'unknown', networks: [lease.network] };
  return JSON.parse(JSON.stringify({ ...lease, workload: { ...lease.workload, ...unknown } })) as LeaseRecord;
}

function jsonOf(line: string, where: string): { readonly kind?: unknown; readonly object?: unknown } {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json === 'object' && json !== null) return json;
  } catch {
    // Said below.
  }
  throw new InventoryInputError(
    `${where}: not a JSON record; expected what \`bridgewatch events --json\` prints`,
  );
}

function checked<T>(parsed: z.ZodSafeParseResult<T>, where: string): T {
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new InventoryInputError(`${where}: ${issue.path.join('.')}: ${issue.message}`);
}
