/**
 * What the columns of a CSV file and the keys of a flat JSON object mean, by their names: which one holds the indicator,
 * its type, its port, and what it is listed for.
 */
import { portOf, type ValueType } from '../indicator.ts';
import type { IndicatorSet } from '../indicator-set.ts';
import { addMisp, isMispType } from './misp.ts';

/** The first that is there holds the indicator: what says it plainly stands before what other columns may also be called. */
const VALUES: readonly (readonly [key: string, type: ValueType])[] = [
  ['iocvalue', 'any'],
  ['indicator', 'any'],
  ['ioc', 'any'],
  ['dstip', 'address'],
  ['destip', 'address'],
  ['ipaddress', 'address'],
  ['ip', 'address'],
  ['cidr', 'address'],
  ['network', 'address'],
  ['netblock', 'address'],
  ['prefix', 'address'],
  ['srcip', 'address'],
  ['domain', 'domain'],
  ['domainname', 'domain'],
  ['fqdn', 'host'],
  ['hostname', 'host'],
  ['host', 'host'],
  ['url', 'url'],
  ['value', 'any'],
];
const TYPES = ['ioctype', 'indicatortype', 'type'];
const PORTS = ['dstport', 'destport', 'port'];
const NOTES = [
  'malwareprintable',
  'malware',
  'family',
  'signature',
  'tags',
  'threat',
  'threattype',
  'listingreason',
  'description',
  'comment',
];

/** What lists of all sorts call the kinds of values; null: a kind that no traffic shows. */
const TYPE_WORDS: Readonly<Record<string, ValueType | null>> = {
  'ip:port': 'address',
  ip: 'address',
  ipv4: 'address',
  ipv6: 'address',
  cidr: 'address',
  domain: 'domain',
  fqdn: 'host',
  hostname: 'host',
  host: 'host',
  url: 'url',
  md5: null,
  sha1: null,
  sha256: null,
  md5_hash: null,
  sha1_hash: null,
  sha256_hash: null,
  sha3_384_hash: null,
  email: null,
  filename: null,
};

export interface Fields {
  readonly value: number;
  readonly valueType: ValueType;
  readonly type: number;
  readonly port: number;
  readonly notes: readonly number[];
  readonly toIds: number;
}

/** `Dst_IP`, `dst ip` and `dstip` are one. */
function plainKey(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** Undefined when none of the names is known to hold an indicator. */
export function fieldsOf(names: readonly string[]): Fields | undefined {
  const keys = names.map(plainKey);
  const value = VALUES.find(([key]) => keys.includes(key));
  if (value === undefined) return undefined;
  const first = (wanted: readonly string[]): number =>
    wanted.map((key) => keys.indexOf(key)).find((at) => at >= 0) ?? -1;
  return {
    value: keys.indexOf(value[0]),
    valueType: value[1],
    type: first(TYPES),
    port: first(PORTS),
    notes: NOTES.map((key) => keys.indexOf(key)).filter((at) => at >= 0),
    toIds: keys.indexOf('toids'),
  };
}

/** One row, by the meaning of its columns. */
export function addRow(into: IndicatorSet, fields: Fields, row: readonly string[], line: number): void {
  const value = row[fields.value]?.trim() ?? '';
  const type = (row[fields.type] ?? '').trim().toLowerCase();
  const found = { value, port: portOf((row[fields.port] ?? '').trim()), note: noteOf(fields, row) };
  if (value === '') {
    into.notUnderstood(line, row.join(','), 'nothing stands where the indicator should');
    return;
  }
  if (fields.type >= 0 && (fields.toIds >= 0 || isMispType(type))) {
    const toIds = (row[fields.toIds] ?? '').trim();
    addMisp(into, { ...found, type, toIds: toIds !== '0' && toIds.toLowerCase() !== 'false' }, line);
    return;
  }
  const said = TYPE_WORDS[type];
  if (said === null) into.passOver();
  else into.add({ ...found, type: said ?? fields.valueType }, line);
}

/** `None` and `null` are what programs write for nothing. */
function noteOf({ notes }: Fields, row: readonly string[]): string | undefined {
  return notes
    .map((at) => row[at]?.trim() ?? '')
    .find((text) => text !== '' && !/^(?:none|null|-)$/i.test(text));
}
