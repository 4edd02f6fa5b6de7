/**
 * `.env` as Compose reads it: `NAME=value` a line, `export` before it or not, comments, values in quotes over several
 * lines, variables in all but single quotes. Values are never repeated in messages: they are often secrets.
 */
import { interpolate, type Lookup } from './interpolate.ts';
import { ComposeError, invalid, type Place } from './problem.ts';

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*(?:[=:]\s?|$)/;

/** What is set already (the shell) is seen by the values; whether it wins is the caller's. */
export function parseEnvFile(text: string, file: string, lookup: Lookup): Map<string, string> {
  const found = new Map<string, string>();
  const known: Lookup = (name) => lookup(name) ?? found.get(name);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (/^\s*(?:#|$)/.test(line)) continue;
    const place: Place = { file, line: i + 1, column: 1 };
    const match = ASSIGNMENT.exec(line);
    if (match === null) throw invalid('no NAME=value', place);
    const name = match[1]!;
    const rest = line.slice(match[0].length);
    const quote = rest.trimStart()[0];
    if (quote === '"' || quote === "'") {
      const quoted = readQuoted(lines, i, rest.trimStart(), quote);
      if (quoted === undefined)
        throw invalid(`the value of ${name} begins with ${quote}, which nothing closes`, place);
      i = quoted.lastLine;
      found.set(name, quote === "'" ? quoted.text : expanded(unescaped(quoted.text), known, place));
    } else if (!/[=:]/.test(match[0])) {
      // A name alone passes on what the shell has.
      const inherited = lookup(name);
      if (inherited !== undefined) found.set(name, inherited);
    } else {
      const value = rest.replace(/(?:^|\s)#.*$/, '').trim();
      found.set(name, expanded(value, known, place));
    }
  }
  return found;
}

/** A dollar that begins no variable is a dollar here, as in `pa$word!`. */
function expanded(value: string, lookup: Lookup, place: Place): string {
  try {
    return interpolate(value, lookup, place, { isStrict: false }).text;
  } catch (error) {
    if (error instanceof ComposeError && error.code === 'COMPOSE_INVALID') return value;
    throw error;
  }
}

/** From the quote on, over as many lines as it takes. */
function readQuoted(
  lines: readonly string[],
  first: number,
  start: string,
  quote: string,
): { readonly text: string; readonly lastLine: number } | undefined {
  const parts: string[] = [];
  for (let i = first; i < lines.length; i++) {
    const part = i === first ? start.slice(1) : lines[i]!;
    for (let at = 0; at < part.length; at++) {
      if (part[at] === '\\' && quote === '"') at++;
      else if (part[at] === quote) return { text: [...parts, part.slice(0, at)].join('\n'), lastLine: i };
    }
    parts.push(part);
  }
  return undefined;
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.replaceAll(/\\(.)/g, (whole, char: string) =>
    // A dollar after a backslash is a dollar.
    char === '$' ? '$$' : (letters[char] ?? (char === '"' || char === '\\' ? char : whole)),
  );
}
