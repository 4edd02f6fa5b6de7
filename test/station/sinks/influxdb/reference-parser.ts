/**
 * Line protocol read the way InfluxDB 1.x reads it (models/points.go: scanMeasurement, scanTags, scanFields), written
 * for tests only and sharing nothing with the encoder: a character at a time, no regular expressions.
 */
export interface ParsedLine {
  readonly measurement: string;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, string | number | boolean | bigint>;
  readonly timestamp: bigint;
}

/** A newline inside a quoted field does not end a line. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\' && i + 1 < text.length) {
      line += char + text[i + 1]!;
      i += 1;
      continue;
    }
    if (char === '"') isQuoted = !isQuoted;
    if (char === '\n' && !isQuoted) {
      lines.push(line);
      line = '';
    } else line += char;
  }
  return [...lines, line];
}

export function parseLine(line: string): ParsedLine {
  let at = 0;

  /** Reads up to an unescaped character of `ends`; a backslash escapes only those and itself stays otherwise. */
  function word(ends: string): string {
    let out = '';
    while (at < line.length) {
      const char = line[at]!;
      const next = line[at + 1];
      if (char === '\\' && next !== undefined && (ends.includes(next) || ', ='.includes(next))) {
        out += next;
        at += 2;
      } else if (ends.includes(char)) return out;
      else {
        out += char;
        at += 1;
      }
    }
    return out;
  }

  function expectChar(char: string): void {
    if (line[at] !== char) throw new Error(`expected "${char}" at ${at} of ${JSON.stringify(line)}`);
    at += 1;
  }

  function quoted(): string {
    expectChar('"');
    let out = '';
    for (;;) {
      const char = line[at];
      if (char === undefined) throw new Error(`unterminated string in ${JSON.stringify(line)}`);
      if (char === '"') break;
      if (char === '\\' && (line[at + 1] === '"' || line[at + 1] === '\\')) {
        out += line[at + 1]!;
        at += 2;
      } else {
        out += char;
        at += 1;
      }
    }
    at += 1;
    return out;
  }

  function value(): string | number | boolean | bigint {
    if (line[at] === '"') return quoted();
    const text = word(', ');
    if (text === 'true' || text === 'false') return text === 'true';
    if (text.endsWith('i')) return BigInt(text.slice(0, -1));
    const number = Number(text);
    if (text === '' || Number.isNaN(number)) throw new Error(`bad value "${text}"`);
    return number;
  }

  const measurement = word(', ');
  const tags: Record<string, string> = {};
  while (line[at] === ',') {
    at += 1;
    const key = word('=');
    expectChar('=');
    tags[key] = word(', ');
  }
  expectChar(' ');
  const fields: ParsedLine['fields'] = {};
  for (;;) {
    const key = word('=');
    expectChar('=');
    fields[key] = value();
    if (line[at] !== ',') break;
    at += 1;
  }
  expectChar(' ');
  const rest = line.slice(at);
  for (const char of rest) if (char < '0' || char > '9') throw new Error(`bad timestamp "${rest}"`);
  return { measurement, tags, fields, timestamp: BigInt(rest) };
}
