/** What arrived against what was announced. Pure. */

export interface Verdict {
  readonly announced: number;
  /** Different ones. */
  readonly arrived: number;
  readonly missing: readonly string[];
  /** What was never announced to it. */
  readonly strange: readonly string[];
  /** Beyond the first of each. */
  readonly repeats: number;
  /** How often it began again with something earlier. */
  readonly returns: number;
  /** Where something came before what was announced before it. Without regard to what came again. */
  readonly outOfOrder: readonly string[];
}

/**
 * In order is: each is the next of the one before it, or one that had come already, from which it goes on. Stronger than the
 * order of each subject.
 */
export function judge(announced: readonly string[], came: readonly string[]): Verdict {
  const placeOf = new Map(announced.map((key, place) => [key, place]));
  const seen = new Set<string>();
  const strange: string[] = [];
  const outOfOrder: string[] = [];
  let repeats = 0;
  let returns = 0;
  let last = -1;
  for (const key of came) {
    const place = placeOf.get(key);
    if (place === undefined) {
      strange.push(key);
      continue;
    }
    if (seen.has(key)) repeats += 1;
    if (place <= last) returns += 1;
    else if (place > last + 1) outOfOrder.push(key);
    seen.add(key);
    last = place;
  }
  const missing = announced.filter((key) => !seen.has(key));
  return { announced: announced.length, arrived: seen.size, missing, strange, repeats, returns, outOfOrder };
}

export interface Row {
  readonly sink: string;
  readonly verdict: Verdict;
  readonly longestOutageMs: number | undefined;
}

export function tableOf(rows: readonly Row[], lastLine: string): string {
  const cells = [
    ['sink', 'announced', 'arrived', 'again', 'longest outage'],
    ...rows.map(({ sink, verdict: { announced, arrived, repeats }, longestOutageMs }) => [
      sink,
      String(announced),
      String(arrived),
      String(repeats),
      longestOutageMs === undefined ? '-' : `${(longestOutageMs / 1000).toFixed(1)} s`,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  return [...lines, lastLine].join('\n');
}
