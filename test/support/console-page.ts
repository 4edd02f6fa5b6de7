/**
 * A page of documentation whose console blocks are run: each `$ command` is executed, and what it prints has to be what
 * stands below it. Ids, times and numbers differ from run to run: they have to be of the same kind and in the same place,
 * and an id or a moment of the page that a later command names stands there for the one that this run printed.
 *
 *     ```console
 *     $ bridgewatch who 172.30.20.2
 *     ...                             any lines, or none
 *     ```
 */

export interface ConsoleStep {
  readonly command: string;
  /** Without the line break at the end. */
  readonly output: readonly string[];
  /** Of the command's line in the page, from 1. */
  readonly line: number;
}

/** Lines that are alike, in order: the page's, this run's; both from 0 within the block. */
type Pairs = readonly (readonly [page: number, run: number])[];

const FENCE = /^```/;
const OPENING = /^```console$/;
const PROMPT = '$ ';
const ELLIPSIS = '...';

/** Names of veths; ids, digests, addresses of hardware; moments; then what is left of numbers. */
const VARYING =
  /\bveth[0-9a-f]{7}\b|\b(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?|\b\d\d:\d\d:\d\d(?:\.\d+)?|\b\d{8}T\d{6}Z|\d+(?:[.,]\d+)*/g;
const BOUND = /^(?:[0-9a-f]{8,64}|\d{4}-\d\d-\d\d.*|\d{8}T\d{6}Z)$/;

export function stepsOf(page: string): ConsoleStep[] {
  const steps: { command: string; output: string[]; line: number }[] = [];
  let isInside = false;
  for (const [i, line] of page.split('\n').entries()) {
    if (FENCE.test(line)) isInside = !isInside && OPENING.test(line);
    else if (isInside && line.startsWith(PROMPT))
      steps.push({ command: line.slice(PROMPT.length), output: [], line: i + 1 });
    else if (isInside) steps.at(-1)?.output.push(line);
  }
  return steps;
}

/** Runs the page's commands, one after the other. `said`: what the command of this run printed, of both streams. */
export class PageRun {
  /** What the page calls it, to what this run calls it. */
  readonly #names = new Map<string, string>();
  /** By line of the command: which line of the page is which of this run. */
  readonly #pairs = new Map<number, Pairs>();

  /** The page's command with the names of this run. */
  command({ command }: ConsoleStep): string {
    return this.#renamed(command);
  }

  /** Undefined when it is as the page says; else where it is not. */
  difference({ output, line }: ConsoleStep, said: string): string | undefined {
    const lines = linesOf(said);
    const at = aligned(output, lines);
    if (typeof at === 'string') return at;
    this.#pairs.set(line, at);
    for (const [expected, found] of at) this.#learn(output[expected]!, lines[found]!);
    return undefined;
  }

  /**
   * The page with what this run printed, and with its names in the commands. Each line that is shown stays where it is, as
   * this run printed it; where that cannot be, all lines do, or as many before and after an ellipsis as there were.
   */
  rewritten(page: string, said: ReadonlyMap<number, string>): string {
    const lines = page.split('\n');
    for (const { command, line, output } of stepsOf(page).reverse()) {
      lines[line - 1] = PROMPT + this.#renamed(command);
      const text = said.get(line);
      if (text === undefined) continue;
      const fresh = linesOf(text).map((each) => each.trimEnd());
      lines.splice(line, output.length, ...shown(output, fresh, this.#pairs.get(line)));
    }
    return lines.join('\n');
  }

  #renamed(line: string): string {
    return line.replace(VARYING, (token) => this.#names.get(token) ?? token);
  }

  #learn(expected: string, found: string): void {
    const theirs = expected.match(VARYING) ?? [];
    const ours = found.match(VARYING) ?? [];
    for (const [i, token] of theirs.entries())
      if (BOUND.test(token) && !this.#names.has(token)) this.#names.set(token, ours[i]!);
  }
}

function shown(output: readonly string[], fresh: readonly string[], pairs: Pairs | undefined): string[] {
  if (pairs !== undefined) {
    const found = new Map(pairs);
    return output.map((each, i) => fresh[found.get(i) ?? -1] ?? each);
  }
  const gap = output.indexOf(ELLIPSIS);
  if (gap < 0 || fresh.length <= output.length) return [...fresh];
  return [...fresh.slice(0, gap), ELLIPSIS, ...fresh.slice(fresh.length - (output.length - gap - 1))];
}

function linesOf(said: string): string[] {
  const text = said.trimEnd();
  return text === '' ? [] : text.split('\n');
}

/** Pairs of line numbers that are alike, or the sentence that says where it breaks. */
function aligned(expected: readonly string[], found: readonly string[]): Pairs | string {
  const shapes = found.map(shape);
  // From the back: what an ellipsis swallows is decided by what must still come.
  const memo = new Map<number, Pairs | undefined>();
  let furthest = 0;
  const from = (i: number, j: number): Pairs | undefined => {
    const key = i * (found.length + 1) + j;
    if (memo.has(key)) return memo.get(key);
    memo.set(key, undefined);
    const result = step(i, j);
    memo.set(key, result);
    return result;
  };
  const step = (i: number, j: number): Pairs | undefined => {
    if (i === expected.length) return j === found.length ? [] : undefined;
    if (expected[i] === ELLIPSIS) return from(i + 1, j) ?? (j < found.length ? from(i, j + 1) : undefined);
    if (j === found.length || shape(expected[i]!) !== shapes[j]) return undefined;
    furthest = Math.max(furthest, i + 1);
    const rest = from(i + 1, j + 1);
    return rest && [[i, j], ...rest];
  };
  const pairs = from(0, 0);
  if (pairs !== undefined) return pairs;
  const missing = expected[furthest];
  return missing === undefined
    ? 'it printed more than the page has'
    : `nothing that it printed is like the page's line ${JSON.stringify(missing)}`;
}

/**
 * What two lines have in common when only ids, times, numbers and the widths of columns differ. An id is told as a number,
 * because now and then one is made of digits only.
 */
function shape(line: string): string {
  return line
    .replace(VARYING, (token) => (token.includes(':') ? '<time>' : '<n>'))
    .replace(/-{3,}/g, '---')
    .replace(/\s+/g, ' ')
    .trim();
}
