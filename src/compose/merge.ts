/**
 * One tree over another, by the rules of the Compose Specification (13-merge.md): mappings are merged, lists appended,
 * values replaced; some attributes have rules of their own, and the two tags undo or replace. Pure.
 */
import {
  type Dict,
  dict,
  type Entry,
  get,
  type Item,
  isNull,
  list,
  type Scalar,
  scalar,
  textOf,
} from './tree.ts';

type Path = readonly string[];

/** `over` wins. */
export function mergeItems(base: Item, over: Item, path: Path = []): Item {
  if (over.tag === '!override') return over;
  // A key without a value keeps what is there: `ports:` in an override is no reset.
  if (isNull(over) && base.kind !== 'scalar') return base;
  const rule = ruleAt(path);
  switch (rule) {
    case 'replace':
      return over;
    case 'mapping':
      return mergeDicts(asDict(base), asDict(over), path);
    case 'list':
      return append(asList(base), asList(over));
    case 'subnets':
      return mergeSubnets(base, over, path);
    case undefined:
      break;
  }
  if (base.kind === 'dict' && over.kind === 'dict') return mergeDicts(base, over, path);
  if (base.kind === 'list' && over.kind === 'list') return append(base, over);
  return over;
}

/** A file over those before it. */
export function mergeFiles(base: Dict, over: Dict): Dict {
  return mergeDicts(base, over, []);
}

/** Takes out what is reset, where nothing was left to reset. */
export function withoutResets(item: Item): Item {
  if (item.kind === 'scalar') return item;
  if (item.kind === 'list') {
    return list(item.items.filter(({ tag }) => tag !== '!reset').map(withoutResets), item.place);
  }
  const entries = new Map<string, Entry>();
  for (const [key, { at, value }] of item.entries) {
    if (value.tag !== '!reset') entries.set(key, { at, value: withoutResets(value) });
  }
  return dict(entries, item.place);
}

type Rule = 'replace' | 'mapping' | 'list' | 'subnets';

const SERVICE: ReadonlyMap<string, Rule> = new Map([
  ...['command', 'entrypoint'].map((name) => [name, 'replace'] as const),
  ...['environment', 'labels', 'annotations', 'sysctls', 'networks', 'depends_on'].map(
    (name) => [name, 'mapping'] as const,
  ),
  ...['dns', 'dns_search', 'dns_opt', 'env_file', 'tmpfs'].map((name) => [name, 'list'] as const),
]);

function ruleAt(path: Path): Rule | undefined {
  const [section, , attribute, inner] = path;
  if (section === 'services' && path.length === 3) return SERVICE.get(attribute!);
  if (section === 'services' && attribute === 'healthcheck' && inner === 'test') return 'replace';
  if (section === 'networks' && path.length === 3 && attribute === 'labels') return 'mapping';
  if (section === 'networks' && path.length === 4 && attribute === 'ipam' && inner === 'config')
    return 'subnets';
  return undefined;
}

function mergeDicts(base: Dict, over: Dict, path: Path): Dict {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const before = entries.get(key);
    if (entry.value.tag === '!reset') entries.delete(key);
    // Extensions are anybody's: the later one stands.
    else if (before === undefined || key.startsWith('x-')) entries.set(key, entry);
    else entries.set(key, { at: before.at, value: mergeItems(before.value, entry.value, [...path, key]) });
  }
  return dict(entries, over.place, base.tag);
}

function append(base: Item, over: Item): Item {
  const items = (item: Item) => (item.kind === 'list' ? item.items : [item]);
  return list([...items(base), ...items(over)], over.place, base.tag);
}

/** `[A=1, B]` -> `{ A: '1', B: null }`; a name alone where a mapping has nothing for it. */
export function asDict(item: Item): Dict {
  if (item.kind === 'dict') return item;
  const entries = new Map<string, Entry>();
  for (const each of item.kind === 'list' ? item.items : []) {
    const text = textOf(each);
    if (text === undefined) continue;
    const { place, unset } = each as Scalar;
    const cut = text.indexOf('=');
    const key = cut < 0 ? text : text.slice(0, cut);
    const value = scalar(cut < 0 ? null : text.slice(cut + 1), place, unset);
    entries.set(key, { at: place, value });
  }
  return dict(entries, item.place, item.tag);
}

function asList(item: Item): Item {
  if (item.kind === 'list') return item;
  return list(isNull(item) ? [] : [item], item.place, item.tag);
}

/** Entries of the same subnet are one. */
function mergeSubnets(base: Item, over: Item, path: Path): Item {
  if (base.kind !== 'list' || over.kind !== 'list') return over;
  const merged = [...base.items];
  for (const item of over.items) {
    const subnet = textOf(get(item, 'subnet'));
    const i = merged.findIndex((each) => textOf(get(each, 'subnet')) === subnet);
    if (i < 0) merged.push(item);
    else merged[i] = mergeItems(merged[i]!, item, [...path, '*']);
  }
  return list(merged, over.place);
}
