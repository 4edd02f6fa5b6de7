/**
 * Every name that something may be asked for by, one a line, in one text: `\nshop/db\nshop-db-1\ndb\n#3f2a...\n`. A
 * look-up searches for the name between two line ends, or for the beginning of an id behind `\n#`.
 */
import { type Workload, workloadLabel } from './network.ts';

export function nameTokens(names: readonly string[]): string {
  return `\n${[...new Set(names.filter((name) => name !== ''))].join('\n')}\n`;
}

/** Undefined where none of them is known. */
export function workloadTokens(workloads: readonly (Workload | undefined)[]): string | undefined {
  const known = workloads.filter((workload) => workload !== undefined);
  if (known.length === 0) return undefined;
  if (known.length === 1) return textOf(known[0]!);
  return nameTokens(known.flatMap(namesOf));
}

// Workloads are never changed, only replaced; most flows have one at one end.
const texts = new WeakMap<Workload, string>();

function textOf(workload: Workload): string {
  const known = texts.get(workload);
  if (known !== undefined) return known;
  const text = nameTokens(namesOf(workload));
  texts.set(workload, text);
  return text;
}

function namesOf(workload: Workload): string[] {
  const { name, composeService = '', containerId } = workload;
  return [workloadLabel(workload), name, composeService, `#${containerId}`];
}
