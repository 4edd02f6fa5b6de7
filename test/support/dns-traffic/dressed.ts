/**
 * Data dressed up as something else, a label at a time: what an attacker writes who knows that long random labels are
 * looked for. Each says how many bytes it carries.
 */
import { ALNUM, BASE32, DIGITS, HEX, type Random, uuid } from './random.ts';
import { base32, hex, split } from './tunnel.ts';

export interface Dress {
  /** The labels left of the zone for one question. */
  readonly labels: (from: Random, i: number) => string[];
  readonly bytes: number;
}

const WORDS = (
  'able acid aged also area army away baby back ball band bank base bath bear beat been beer bell belt best bill bird ' +
  'blow blue boat body bomb bond bone book boom born boss both bowl bulk burn bush busy call calm came camp card care ' +
  'case cash cast cell chat chip city club coal coat code cold come cook cool cope copy core cost crew crop dark data ' +
  'date dawn days dead deal dean dear debt deep deny desk dial dick diet disc disk does done door dose down draw drew ' +
  'drop drug dual duke dust duty each earn ease east easy edge else even ever evil exit face fact fail fair fall farm ' +
  'fast fate fear feed feel feet fell felt file fill film find fine fire firm fish five flat flow food foot ford form ' +
  'fort four free from fuel full fund gain game gate gave gear gene gift girl give glad goal goes gold golf gone good ' +
  'gray grew grey grow gulf hair half hall hand hang hard harm hate have head hear heat held hell help here hero high'
).split(' ');
const CONSONANTS = 'bcdfghjklmnprstvwz';
const VOWELS = 'aeiou';

function syllables(from: Random, count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += from.text(CONSONANTS, 1) + from.text(VOWELS, 1);
  return text;
}

/** bits of `choices` out of `alternatives`, in bytes. */
const carried = (choices: number, alternatives: number): number => (choices * Math.log2(alternatives)) / 8;

export const hexDress = (bytes: number): Dress => ({ labels: (from) => split(hex(from, bytes)), bytes });
export const base32Dress = (bytes: number): Dress => ({
  labels: (from) => split(base32(from, bytes)),
  bytes,
});
/** Words joined by hyphens, as product and preview names are. */
export const wordsDress = (words: number): Dress => ({
  labels: (from) => [Array.from({ length: words }, () => from.pick(WORDS)).join('-')],
  bytes: carried(words, WORDS.length),
});
/** One word a label: short labels, no digits, low entropy. */
export const wordLabelsDress = (words: number): Dress => ({
  labels: (from) => Array.from({ length: words }, () => from.pick(WORDS)),
  bytes: carried(words, WORDS.length),
});
export const syllablesDress = (count: number): Dress => ({
  labels: (from) => [syllables(from, count)],
  bytes: carried(count, CONSONANTS.length * VOWELS.length),
});
export const uuidDress: Dress = { labels: (from) => [uuid(from), 'api'], bytes: 15 };
/** As clouds name machines: four bytes that look like an address. */
export const addressDress: Dress = {
  labels: (from) => [
    `ip-${from.int(0, 255)}-${from.int(0, 255)}-${from.int(0, 255)}-${from.int(0, 255)}`,
    'eu',
  ],
  bytes: 4,
};
/** As Kubernetes names pods: ten characters of 27, then five. */
export const podDress: Dress = {
  labels: (from) => [
    `web-${from.text('bcdfghjklmnpqrstvwxz2456789', 10)}-${from.text('bcdfghjklmnpqrstvwxz2456789', 5)}`,
  ],
  bytes: carried(15, 27),
};
export const digitsDress = (length: number): Dress => ({
  labels: (from) => [from.text(DIGITS, length)],
  bytes: carried(length, 10),
});
/** Ziza et al. 2023: modified requests of at most 9 bytes. */
export const shortDress = (length: number): Dress => ({
  labels: (from) => [from.text(BASE32, length)],
  bytes: carried(length, 32),
});
/** Two characters only: entropy of at most a bit a character. */
export const twoLettersDress = (length: number): Dress => ({
  labels: (from) => [from.text('ab', length)],
  bytes: carried(length, 2),
});
/** Many labels of one character: neither a long label nor a high count of bytes in any. */
export const splitDress = (labels: number): Dress => ({
  labels: (from) => Array.from({ length: labels }, () => from.text(ALNUM, 1)),
  bytes: carried(labels, 36),
});
/** Behind a word that protocols use. */
export const serviceDress: Dress = {
  labels: (from) => ['_dmarc', from.text(HEX, 32)],
  bytes: 16,
};
