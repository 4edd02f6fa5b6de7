/**
 * `$NAME`, `${NAME}` and the forms of a shell that Compose knows, put in. `$$` stays a dollar. The result is bounded,
 * because variables may hold each other. Read from left to right, once: no pattern that could run away.
 */
import { MAX_NESTED_DEFAULTS, MAX_TEXT_CHARS } from './limits.ts';
import { type ComposeError, invalid, type Place, tooLarge } from './problem.ts';

/** Undefined for a variable that nobody has set. */
export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  readonly text: string;
  /** Variables that nobody has set: a default, or nothing, stands for them. */
  readonly unset: readonly string[];
  /** Those of them for which nothing stands. */
  readonly blank: readonly string[];
}

export interface InterpolateOptions {
  /** `${NAME:?words}` of a variable that is not set is an error; else nothing stands for it. */
  readonly isStrict: boolean;
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

export function interpolate(
  text: string,
  lookup: Lookup,
  place: Place,
  options: InterpolateOptions = { isStrict: true },
): Interpolated {
  if (!text.includes('$')) return { text, unset: [], blank: [] };
  const unset = new Set<string>();
  const blank = new Set<string>();
  const put = (from: string, depth: number): string => {
    if (depth > MAX_NESTED_DEFAULTS) {
      throw tooLarge(`variables in variables, deeper than ${MAX_NESTED_DEFAULTS}`, place);
    }
    let out = '';
    let at = 0;
    while (at < from.length) {
      const dollar = from.indexOf('$', at);
      if (dollar < 0) {
        out += from.slice(at);
        break;
      }
      out += from.slice(at, dollar);
      const { text: value, end } = expansion(from, dollar, depth);
      out += value;
      at = end;
      if (out.length > MAX_TEXT_CHARS) {
        throw tooLarge(`a text of more than ${MAX_TEXT_CHARS} characters, with its variables put in`, place);
      }
    }
    return out;
  };
  const expansion = (from: string, dollar: number, depth: number): { text: string; end: number } => {
    const next = from[dollar + 1];
    if (next === '$') return { text: '$', end: dollar + 2 };
    if (next === '{') return braced(from, dollar + 2, depth);
    const name = nameAt(from, dollar + 1);
    if (name === undefined) throw badDollar(place);
    const value = lookup(name);
    if (value === undefined) {
      unset.add(name);
      blank.add(name);
    }
    return { text: value ?? '', end: dollar + 1 + name.length };
  };
  const braced = (from: string, start: number, depth: number): { text: string; end: number } => {
    const name = nameAt(from, start);
    const close = closing(from, start);
    if (name === undefined || close === undefined) throw badDollar(place);
    const rest = from.slice(start + name.length, close);
    const value = lookup(name);
    if (value === undefined) unset.add(name);
    const match = /^(:?)([-+?])/.exec(rest);
    if (rest !== '' && match === null) throw badDollar(place);
    if (match === null) {
      if (value === undefined) blank.add(name);
      return { text: value ?? '', end: close + 1 };
    }
    const word = rest.slice(match[0].length);
    const isThere = match[1] === ':' ? value !== undefined && value !== '' : value !== undefined;
    const end = close + 1;
    if (match[2] === '+') return { text: isThere ? put(word, depth + 1) : '', end };
    if (isThere) return { text: value!, end };
    if (match[2] === '-') return { text: put(word, depth + 1), end };
    if (options.isStrict) {
      const words = put(word, depth + 1);
      throw invalid(
        `the variable ${name} is needed and not set${words === '' ? '' : ` (${words})`}; set it in the environment or in .env`,
        place,
      );
    }
    blank.add(name);
    return { text: '', end };
  };
  return { text: put(text, 0), unset: [...unset], blank: [...blank] };
}

function nameAt(text: string, at: number): string | undefined {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0];
}

/** The brace that closes the one before `start`. */
function closing(text: string, start: number): number | undefined {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '$' && text[at + 1] === '{') {
      depth++;
      at++;
    } else if (text[at] === '}' && --depth === 0) return at;
  }
  return undefined;
}

/** The text itself may be a secret, or of a file that nobody vouches for: not repeated. */
function badDollar(place: Place): ComposeError {
  return invalid('a $ that begins no variable; write $$ for a dollar', place);
}
