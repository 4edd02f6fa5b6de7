/**
 * JSON of any shape, object by object as each closes, so that a file of megabytes is never parsed at one go: attributes of
 * MISP, indicators of STIX, and flat objects as abuse.ch writes them. What is not balanced at its end was cut short.
 */
import type { IndicatorSet } from '../indicator-set.ts';
import { addRow, fieldsOf } from './fields.ts';
import { addMisp } from './misp.ts';
import type { ListParser } from './parser.ts';
import { addStix } from './stix.ts';

/** An attribute has a few hundred characters; whole events are larger and are read by their parts. */
const MAX_OBJECT_CHARS = 65_536;
/** MISP and STIX nest eight deep. */
const MAX_DEPTH = 64;
/** An attribute with its tags and their galaxies. Each object is parsed once for each level around it up to this. */
const MAX_HEIGHT = 8;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

type Fields = Readonly<Record<string, unknown>>;

interface Open {
  readonly isObject: boolean;
  readonly line: number;
  /** Where it begins in the kept text; -1 when it is too long to be anybody's attribute. */
  begin: number;
  /** How deep it nests, itself included, as far as it has been read. */
  height: number;
}

export function jsonParser(into: IndicatorSet): ListParser {
  const open: Open[] = [];
  /** The text of what is open, as far as it may still be needed. */
  let kept = '';
  let line = 1;
  let isInString = false;
  let isEscaped = false;
  let isBroken = false;

  function close(isObject: boolean, end: number): void {
    const last = open.pop();
    if (last?.isObject !== isObject) {
      isBroken = true;
      return;
    }
    const parent = open.at(-1);
    if (parent !== undefined) parent.height = Math.max(parent.height, last.height + 1);
    if (!isObject || last.begin < 0 || last.height > MAX_HEIGHT) return;
    readObject(into, kept.slice(last.begin, end + 1), last.line);
  }

  function scan(from: number): void {
    for (let i = from; i < kept.length && !isBroken; i++) {
      const code = kept.charCodeAt(i);
      if (code === NEWLINE) line += 1;
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (code === BACKSLASH) isEscaped = true;
        else if (code === QUOTE) isInString = false;
        continue;
      }
      if (code === QUOTE) isInString = true;
      else if (code === OPEN_OBJECT || code === OPEN_LIST) {
        if (open.length >= MAX_DEPTH) isBroken = true;
        open.push({ isObject: code === OPEN_OBJECT, line, begin: i, height: 1 });
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) close(code === CLOSE_OBJECT, i);
    }
  }

  /** Lets go of what no open object needs: those that have grown too long, and what lies before the others. */
  function trim(): void {
    for (const each of open) if (kept.length - each.begin > MAX_OBJECT_CHARS) each.begin = -1;
    const begin = Math.min(
      kept.length,
      ...open.flatMap((each) => (each.isObject && each.begin >= 0 ? each.begin : [])),
    );
    kept = kept.slice(begin);
    for (const each of open) each.begin = each.begin < begin ? -1 : each.begin - begin;
  }

  return {
    push(text) {
      if (isBroken) return;
      const from = kept.length;
      kept += text;
      scan(from);
      trim();
      into.report.lines = line;
    },
    end() {
      return isBroken || open.length > 0 || isInString
        ? `it is no whole JSON (line ${line}): it may have been cut short`
        : undefined;
    },
  };
}

function readObject(into: IndicatorSet, text: string, line: number): void {
  let object: Fields;
  try {
    object = JSON.parse(text) as Fields;
  } catch {
    into.notUnderstood(line, text, 'it is no JSON');
    return;
  }
  const { type, value, pattern } = object;
  if (type === 'indicator' && pattern !== undefined) addStix(into, object, line);
  else if (typeof type === 'string' && typeof value === 'string')
    addAttribute(into, object, type, value, line);
  else addFlat(into, object, line);
}

function addAttribute(into: IndicatorSet, object: Fields, type: string, value: string, line: number): void {
  // A proposal is not yet anybody's word.
  if ('proposal_to_delete' in object || object['deleted'] === true) return;
  const isMisp = 'to_ids' in object || 'category' in object;
  if (!isMisp) return;
  const toIds = object['to_ids'] !== false && object['to_ids'] !== '0';
  addMisp(into, { type, value, toIds, note: textOf(object['comment']) ?? textOf(object['category']) }, line);
}

/** Only by keys that nothing else has: `url` alone stands in every reference. */
const FLAT_KEYS = ['ioc_value', 'ioc', 'indicator', 'ip_address', 'dst_ip'];

function addFlat(into: IndicatorSet, object: Fields, line: number): void {
  if (!FLAT_KEYS.some((key) => typeof object[key] === 'string')) return;
  const names = Object.keys(object);
  const fields = fieldsOf(names);
  if (fields === undefined) return;
  const row = names.map((name) => {
    const value = object[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  });
  addRow(into, fields, row, line);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
