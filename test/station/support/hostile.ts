/** Texts an attacker would choose as a name. */
import fc from 'fast-check';

export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  'a b',
  'a,b=c d',
  'ends in a backslash\\',
  '\\',
  '\\\\',
  '\\"',
  '\\,',
  'back\\ space\\=equals\\,comma',
  '"',
  '""quoted" field=1i 1',
  'x\nbridgewatch_finding,analyzer=fake title="forged" 1',
  'cr\rlf\n',
  'nul\u0000',
  '\u001b[31mred\u009b',
  '\u2028\u2029\u202e',
  '\ud800 lone \udfff surrogates',
  '😀 漢字 é',
  '%0A %5C %',
  'none',
  'other',
  "quote'",
  '#comment',
  '# comment',
  'true',
  '1i',
  '\t',
  '\u007f\u0085\u00a0',
];

/** Those, pieces of line protocol in any order, and any Unicode at all. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc
    .array(fc.constantFrom('\\', '"', ',', '=', ' ', '\n', '\r', '%', 'a', '1i', '\ud83d', '\u0000', 'é'), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** Numbers that a field may be asked to hold. */
export const hostileNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    1e21,
    1e-21,
    5e-324,
    1.5,
  ),
  fc.double(),
);
