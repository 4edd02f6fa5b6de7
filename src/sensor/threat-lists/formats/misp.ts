/**
 * Attributes of MISP (misp-project.org/datamodels), from its JSON and its CSV: what each type means for traffic. The flag
 * `to_ids` says whether the author meant it for detection, and is obeyed.
 */
import type { ValueType } from '../indicator.ts';
import type { IndicatorSet } from '../indicator-set.ts';

const TYPES: Readonly<Record<string, ValueType>> = {
  'ip-dst': 'address',
  'ip-src': 'address',
  'ip-dst|port': 'address',
  'ip-src|port': 'address',
  domain: 'domain',
  'domain|ip': 'domain',
  hostname: 'host',
  'hostname|port': 'host',
  url: 'url',
};

/** Types that only MISP has; `domain` and `url` are everybody's words. */
const OWN = /^(?:ip-(?:dst|src)(?:\|port)?|domain\|ip|hostname\|port|[a-z0-9]+(?:-[a-z0-9]+)*\|[a-z0-9|-]+)$/;

export function isMispType(type: string): boolean {
  return OWN.test(type);
}

export interface MispAttribute {
  readonly type: string;
  readonly value: string;
  readonly toIds: boolean;
  readonly note?: string | undefined;
  readonly port?: number | undefined;
}

export function addMisp(into: IndicatorSet, { type, value, toIds, note }: MispAttribute, line: number): void {
  const meant = TYPES[type];
  if (meant === undefined || !toIds) {
    into.passOver();
    return;
  }
  const [first = '', second = ''] = value.split('|', 2);
  if (type === 'domain|ip') {
    into.add({ value: first, type: 'domain', note }, line);
    into.add({ value: second, type: 'address', note }, line);
    return;
  }
  const port = type.endsWith('|port') && /^\d{1,5}$/.test(second) ? Number(second) : undefined;
  into.add({ value: first, type: meant, note, port }, line);
}
