/** From a value's text to a test, by the type of its field; what is wrong with it otherwise. */
import { type Cidr, isIpv4Words, parseCidr, parseIp } from '../model/ip.ts';
import { nearest } from '../model/nearest.ts';
import { SHORT_ID_LENGTH } from '../model/serialize.ts';
import type { Micros } from '../model/time.ts';
import type { Operator, Value } from './ast.ts';
import type { Test } from './condition.ts';
import { shortened } from './error.ts';
import type { Field, FieldType } from './fields.ts';
import { makePattern, matchesPattern } from './pattern.ts';
import { parseCount, parseDuration, parseSize } from './quantities.ts';
import { parseTime } from './time-text.ts';

/** A sentence instead of a test. */
export interface Misfit {
  readonly problem: string;
  /** The operator is at fault, not the value. */
  readonly isOperator?: boolean;
}

const NOUNS: Readonly<Record<FieldType, string>> = {
  text: 'a text',
  exact: 'a text',
  container: 'a container',
  choice: 'one of a few words',
  ip: 'an address',
  data: 'an address or a text',
  count: 'a whole number, like 443',
  size: 'a size, like 500, 1.5kB, 1MB or 1MiB',
  duration: 'a duration, like 250ms, 30s, 5m or 1h30m',
  time: 'a time, like -1h, 2026-11-23, 2026-11-23T14:02 or "2026-11-23 14:02:07"',
};

export function testOf(field: Field, operator: Operator, value: Value, now: Micros): Test | Misfit {
  if (operator !== '=' && !isOrdered(field)) {
    return {
      problem: `${field.name} is ${NOUNS[field.type]} and has no order; only ":" works`,
      isOperator: true,
    };
  }
  if (operator === '=' && value.text === '*' && !value.isQuoted) return { type: 'exists' };
  switch (field.type) {
    case 'text':
    case 'exact':
      return { type: 'text', pattern: makePattern(value.text, value.isQuoted, field.type === 'text') };
    case 'container':
      return containerTest(value);
    case 'choice':
      return choiceTest(field, operator, value);
    case 'ip':
      return ipTest(value);
    case 'data': {
      const cidr = value.isQuoted ? undefined : cidrOf(value.text);
      return cidr === undefined
        ? { type: 'text', pattern: makePattern(value.text, value.isQuoted) }
        : { type: 'ip', cidr };
    }
    case 'count':
      return rangeTest(field, operator, value, parseCount(value.text));
    case 'size':
      return rangeTest(field, operator, value, parseSize(value.text));
    case 'duration':
      return rangeTest(field, operator, value, parseDuration(value.text));
    case 'time':
      return timeTest(field, operator, value, now);
  }
}

/** Also a prefix; an address alone is the prefix of its whole length. */
export function cidrOf(text: string): Cidr | undefined {
  const base = parseIp(text);
  if (base === undefined) return parseCidr(text);
  return { family: isIpv4Words(base[0], base[1], base[2]) ? 4 : 6, base, prefixBits: 128 };
}

function isOrdered(field: Field): boolean {
  switch (field.type) {
    case 'count':
    case 'size':
    case 'duration':
    case 'time':
      return true;
    case 'choice':
      return field.isOrdered === true;
    case 'text':
    case 'exact':
    case 'container':
    case 'ip':
    case 'data':
      return false;
  }
}

function containerTest({ text, isQuoted }: Value): Test {
  const pattern = makePattern(text, isQuoted);
  const isId = /^[0-9a-f]{4,64}$/.test(text);
  return { type: 'container', pattern, ...(isId && { idPrefix: text.slice(0, SHORT_ID_LENGTH) }) };
}

function choiceTest(field: Field, operator: Operator, { text, isQuoted }: Value): Test | Misfit {
  const choices = field.choices ?? [];
  const pattern = makePattern(text, isQuoted);
  const found = choices.filter((choice) => matchesPattern(pattern, choice));
  if (found.length === 0) {
    const meant = nearest(text, choices);
    const hint = meant === undefined ? `; it is one of ${choices.join(', ')}` : `; did you mean "${meant}"?`;
    return { problem: `${field.name} is never "${shortened(text)}"${hint}` };
  }
  if (operator === '=') return { type: 'choice', accepted: new Set(found) };
  if (found.length > 1) return { problem: `"${shortened(text)}" is several; ${operator} compares with one` };
  const { from, before } = interval(operator, choices.indexOf(found[0]!), 1);
  return { type: 'choice', accepted: new Set(choices.filter((_, i) => i >= from && i < before)) };
}

function ipTest({ text }: Value): Test | Misfit {
  const cidr = cidrOf(text);
  if (cidr !== undefined) return { type: 'ip', cidr };
  const hint = text.includes('*')
    ? 'give a prefix, like 10.0.0.0/8'
    : 'like 10.0.0.5, 10.0.0.0/8 or 2001:db8::1';
  return { problem: `"${shortened(text)}" is no address: ${hint}` };
}

function rangeTest(
  field: Field,
  operator: Operator,
  { text }: Value,
  number: number | undefined,
): Test | Misfit {
  if (number === undefined) return misfit(field, text);
  return { type: 'range', ...interval(operator, number, 1) };
}

function timeTest(field: Field, operator: Operator, { text }: Value, now: Micros): Test | Misfit {
  const time = parseTime(text, now);
  if (time === undefined) return misfit(field, text);
  if (operator === '=' && time.widthMicros === undefined) {
    return { problem: `nothing happens exactly at ${text}; compare with > or <: ${field.name}>${text}` };
  }
  return { type: 'range', ...interval(operator, time.at, time.widthMicros ?? 1) };
}

function misfit(field: Field, text: string): Misfit {
  return { problem: `"${shortened(text)}" is not ${NOUNS[field.type]}, as ${field.name} needs` };
}

/** Whole numbers: more than 1.5 begins at 2, and equals nothing. `width`: how much is equal. */
function interval(operator: Operator, value: number, width: number): { from: number; before: number } {
  const least = Math.ceil(value);
  switch (operator) {
    case '=':
      return { from: least, before: least === value ? value + width : least };
    case '>':
      return { from: Math.floor(value) + 1, before: Number.POSITIVE_INFINITY };
    case '>=':
      return { from: least, before: Number.POSITIVE_INFINITY };
    case '<':
      return { from: Number.NEGATIVE_INFINITY, before: least };
    case '<=':
      return { from: Number.NEGATIVE_INFINITY, before: Math.floor(value) + 1 };
  }
}
