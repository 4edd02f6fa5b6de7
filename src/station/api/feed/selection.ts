/** Which records a client asked for. Clients that ask for the same share one selection, and what was made for it. */
import { laneOf } from '../../../model/lane.ts';
import type { RecordKind } from '../../../model/record.ts';
import type { Filter } from '../../../query/filter.ts';
import { containerNeedles, networkNeedle } from '../../store/rows.ts';
import type { Told } from './told.ts';

export interface Wanted {
  readonly kinds: readonly RecordKind[];
  /** Index of SEVERITIES; other kinds than findings have none. */
  readonly minSeverity: number;
  readonly filter?: Filter | undefined;
  readonly network?: string | undefined;
  readonly container?: string | undefined;
}

export interface Selection {
  /** The same for what selects the same. */
  readonly key: string;
  /** In the log, and therefore told again. */
  readonly durable: readonly RecordKind[];
  /** Told as it comes, or never. */
  readonly bulk: readonly RecordKind[];
  /** Of a record of these kinds. */
  readonly takes: (told: Told) => boolean;
}

export function selectionOf(wanted: Wanted): Selection {
  const kinds = [...new Set(wanted.kinds)].sort();
  const { minSeverity, filter, network, container } = wanted;
  const asked = new Set<string>(kinds);
  const isOf = network === undefined ? undefined : networkTest(network);
  const holds = container === undefined ? undefined : containerTest(container);
  return {
    key: JSON.stringify([kinds, minSeverity, filter?.text, network, container]),
    durable: kinds.filter((kind) => laneOf(kind) !== 'bulk'),
    bulk: kinds.filter((kind) => laneOf(kind) === 'bulk'),
    takes: (told) =>
      asked.has(told.kind) &&
      (told.severity === undefined || told.severity >= minSeverity) &&
      isOf?.(told) !== false &&
      holds?.(told) !== false &&
      filter?.matches(told.record) !== false,
  };
}

function networkTest(wanted: string): (told: Told) => boolean {
  const needle = networkNeedle(wanted);
  return ({ names: { network, networks } }) => network === wanted || networks?.includes(needle) === true;
}

function containerTest(wanted: string): (told: Told) => boolean {
  const { name, id } = containerNeedles(wanted);
  return ({ names: { containers } }) =>
    containers !== null && (containers.includes(name) || (id !== undefined && containers.includes(id)));
}
