/** Values of a Compose file as what they ought to be; what is something else is an error with its place. */
import { asDict } from './merge.ts';
import { invalid, type Place } from './problem.ts';
import { type Dict, get, type Item, isNull, kindText, textOf } from './tree.ts';

/** Undefined for an attribute that is not there, or without a value. */
export function attribute(of: Item | undefined, name: string): Item | undefined {
  const item = get(of, name);
  return item === undefined || isNull(item) ? undefined : item;
}

export function dictAt(of: Item | undefined, name: string): Dict | undefined {
  const item = attribute(of, name);
  if (item === undefined || item.kind === 'dict') return item;
  throw wrong(name, 'a mapping', item);
}

export function textAt(of: Item | undefined, name: string): string | undefined {
  const item = attribute(of, name);
  if (item === undefined) return undefined;
  const text = textOf(item);
  if (text === undefined) throw wrong(name, 'a text', item);
  return text;
}

/** As Compose has it: `yes` and `on` are true, in quotes too, since a variable is always a text. */
export function flagAt(of: Item | undefined, name: string): boolean | undefined {
  const item = attribute(of, name);
  if (item === undefined) return undefined;
  const text = textOf(item)?.toLowerCase();
  if (text !== undefined && /^(?:true|1|t|y|yes|on)$/.test(text)) return true;
  // Of a variable that is not set nothing is left.
  if (text !== undefined && /^(?:false|0|f|n|no|off|)$/.test(text)) return false;
  throw wrong(name, 'true or false', item);
}

export function integerAt(of: Item | undefined, name: string): number | undefined {
  const item = attribute(of, name);
  const text = textOf(item);
  if (item === undefined || text === '') return undefined;
  if (text === undefined || !/^-?\d{1,15}$/.test(text)) throw wrong(name, 'a whole number', item);
  return Number(text);
}

/** A list; one value alone counts as a list of one only where Compose takes it so. */
export function itemsAt(of: Item | undefined, name: string, mayBeOne = false): readonly Item[] {
  const item = attribute(of, name);
  if (item === undefined) return [];
  if (item.kind === 'list') return item.items.filter((each) => !isNull(each));
  if (mayBeOne && item.kind === 'scalar') return [item];
  throw wrong(name, mayBeOne ? 'a text, or a list of them' : 'a list', item);
}

/** Each once, in their order; empty ones, of variables that are not set, are none. */
export function textsAt(of: Item | undefined, name: string, mayBeOne = false): string[] {
  const texts = itemsAt(of, name, mayBeOne).map((item) => {
    const text = textOf(item);
    if (text === undefined) throw wrong(name, 'a list of texts', item);
    return text;
  });
  return [...new Set(texts)].filter((text) => text !== '');
}

/** `{ A: 1 }` or `[A=1]`; what has no value has an empty one. */
export function pairsAt(of: Item | undefined, name: string): Record<string, string> {
  const item = attribute(of, name);
  if (item === undefined) return {};
  if (item.kind === 'scalar') throw wrong(name, 'a mapping, or a list of NAME=value', item);
  return Object.fromEntries(
    [...asDict(item).entries].map(([key, { value }]) => {
      if (value.kind !== 'scalar') throw wrong(`${name}.${key}`, 'a text', value);
      return [key, textOf(value) ?? ''];
    }),
  );
}

export function wrong(name: string, wanted: string, item: Item): Error {
  return invalid(`${name} ought to be ${wanted}, and is ${kindText(item)}`, item.place);
}

export function portNumber(text: string, place: Place): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) throw invalid('a port is a number from 1 to 65535', place);
  return port;
}
