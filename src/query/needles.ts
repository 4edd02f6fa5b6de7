/**
 * What must stand somewhere in the JSON text of a record that passes a test: lets a store pass over most records
 * without reading them. It may say too little, never too much. Only printable ASCII without quotes and backslashes
 * is used, which JSON writes as it is (src/model/serialize.ts), in lower case.
 */
import { formatIp, isIpv4Words } from '../model/ip.ts';
import type { Test } from './condition.ts';
import type { Field } from './fields.ts';
import { foldCase } from './pattern.ts';

/** One of each list; where a list is empty, no record passes. */
export type Needles = readonly (readonly string[])[];

/** More alternatives than that are not worth looking for. */
const MAX_ALTERNATIVES = 4;

export function needlesOf(field: Field, test: Test): Needles {
  if (!field.isVerbatim) return [];
  switch (test.type) {
    case 'exists':
      return [];
    case 'text':
      return textNeedles(test.pattern.pieces);
    case 'container':
      // An id begins with it, and a name that is all of it contains it.
      return test.idPrefix === undefined ? textNeedles(test.pattern.pieces) : [[test.idPrefix]];
    case 'choice': {
      const accepted = [...test.accepted].map((choice) => `"${foldCase(choice)}"`);
      return accepted.length <= MAX_ALTERNATIVES ? [accepted] : [];
    }
    case 'range':
      return test.before - test.from === 1 && Number.isSafeInteger(test.from) && test.from >= 0
        ? [[`:${test.from}`]]
        : [];
    case 'ip':
      return ipNeedles(test.cidr);
  }
}

/** A label (`shop/db`) is made of two texts of the record, so each side of a slash is looked for alone. */
function textNeedles(pieces: readonly string[]): Needles {
  return pieces
    .flatMap((piece) => piece.split(/[^ -~]|["\\/]/))
    .filter((piece) => piece !== '')
    .map((piece) => [foldCase(piece)]);
}

/** Addresses are written in one way only (RFC 5952); of a prefix, the octets that it covers whole. */
function ipNeedles({ base, prefixBits }: Extract<Test, { type: 'ip' }>['cidr']): Needles {
  const text = formatIp(...base);
  if (prefixBits === 128) return [[`"${text}"`]];
  if (prefixBits < 104 || !isIpv4Words(base[0], base[1], base[2])) return [];
  const octets = Math.floor((prefixBits - 96) / 8);
  return [[`"${text.split('.').slice(0, octets).join('.')}.`]];
}
