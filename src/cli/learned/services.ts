/**
 * What the detector `new-edge` has learned, read as a guest: its values are its own, in a form that changes with it. What
 * is not understood is left out and counted, never guessed.
 */
import { z } from 'zod';
import type { LearnedRecord } from '../../model/learned.ts';
import { formatMicros, MICROS_PER_SECOND } from '../../model/time.ts';
import type { LearnedEdgeRecord, LearnedMapRecord, LearnedServiceRecord } from '../lib/records.ts';

const ANALYZER = 'new-edge';

const ownerForm = z.object({
  first: z.number(),
  presence: z.number(),
  monitoredSince: z.number().optional(),
  monitorInSecs: z.number().optional(),
  places: z.number(),
  wanders: z.boolean(),
  exposed: z.boolean(),
});
const edgeForm = z.tuple([z.number(), z.number()]);

export interface LearnedServices {
  readonly services: readonly LearnedServiceRecord[];
  readonly edges: readonly LearnedEdgeRecord[];
  /** Written by another version. */
  readonly unreadable: number;
}

/** By name. */
export function learnedServices(learned: readonly LearnedRecord[]): LearnedServices {
  const ours = learned.filter(({ analyzer }) => analyzer === ANALYZER);
  const edges = ours.filter(({ map }) => map === 'edges').map(edgeOf);
  const known = edges.filter((edge) => edge !== undefined);
  const counts = new Map<string, number>();
  for (const { service } of known) counts.set(service, (counts.get(service) ?? 0) + 1);
  const owners = ours.filter(({ map }) => map === 'owners');
  const services = owners.map((owner) => serviceOf(owner, counts)).filter((owner) => owner !== undefined);
  return {
    services: services.sort((a, b) => compare(a.service, b.service)),
    edges: known.sort(
      (a, b) => compare(a.service, b.service) || compare(a.target, b.target) || compare(a.port, b.port),
    ),
    unreadable: edges.length - known.length + owners.length - services.length,
  };
}

/** All maps of all analyzers, by how many entries they hold. */
export function learnedMaps(learned: readonly LearnedRecord[]): LearnedMapRecord[] {
  const maps = new Map<string, LearnedRecord[]>();
  for (const record of learned) {
    const name = `${record.analyzer} ${record.map}`;
    const known = maps.get(name);
    if (known === undefined) maps.set(name, [record]);
    else known.push(record);
  }
  return [...maps.entries()]
    .sort(([a], [b]) => compare(a, b))
    .map(([, records]) => ({
      kind: 'learned-map',
      analyzer: records[0]!.analyzer,
      map: records[0]!.map,
      entries: records.length,
      bytes: records.reduce(
        (sum, { key, value }) => sum + key.length + JSON.stringify(value ?? null).length,
        0,
      ),
      saved: formatMicros(Math.max(...records.map(({ time }) => time))),
    }));
}

function serviceOf(
  { key, value }: LearnedRecord,
  counts: ReadonlyMap<string, number>,
): LearnedServiceRecord | undefined {
  const { data } = ownerForm.safeParse(value);
  if (data === undefined) return undefined;
  const service = nameOf(key);
  const { monitoredSince, monitorInSecs } = data;
  return {
    kind: 'learned',
    analyzer: ANALYZER,
    service,
    state: monitoredSince === undefined ? 'discover' : 'monitor',
    since: formatMicros(data.first),
    ...(monitoredSince === undefined ? {} : { monitoredSince: formatMicros(monitoredSince) }),
    ...(monitoredSince !== undefined || monitorInSecs === undefined ? {} : { monitorInSecs }),
    watchedSecs: Math.round(data.presence / MICROS_PER_SECOND),
    edges: counts.get(service) ?? 0,
    places: data.places,
    goesAnywhere: data.wanders,
    isExposed: data.exposed,
  };
}

function edgeOf({ key, value }: LearnedRecord): LearnedEdgeRecord | undefined {
  const { data } = edgeForm.safeParse(value);
  const parts = key.split('\t');
  if (data === undefined || parts.length < 3) return undefined;
  return {
    kind: 'learned-edge',
    analyzer: ANALYZER,
    service: nameOf(parts[0]!),
    target: nameOf(parts.slice(1, -1).join(' ')),
    port: parts.at(-1)!,
    first: formatMicros(data[0]),
  };
}

/** `service shop/db` is shop/db to people; all others keep their word. */
function nameOf(key: string): string {
  return key.startsWith('service ') ? key.slice('service '.length) : key;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
