/**
 * Texts with `*`, compared without regard to ASCII case. No regular expressions: each piece between stars is looked
 * for once, from where the last one ended, so that no pattern and no text can make it slow.
 */
export interface Pattern {
  /** What stands between the stars, folded; never empty as a list. One piece: no star. */
  readonly pieces: readonly string[];
  /** Whether upper and lower case are the same. */
  readonly isFolded: boolean;
}

/** ASCII only, as SQLite's lower(): the two must agree. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** `isLiteral`: a star is a star. */
export function makePattern(text: string, isLiteral: boolean, isFolded = true): Pattern {
  const folded = isFolded ? foldCase(text) : text;
  return { pieces: isLiteral ? [folded] : folded.split(/\*+/), isFolded };
}

/** What contains the text somewhere. */
export function containingPattern(text: string): Pattern {
  return { pieces: ['', foldCase(text), ''], isFolded: true };
}

export function matchesPattern({ pieces, isFolded }: Pattern, text: string): boolean {
  const subject = isFolded ? foldCase(text) : text;
  const first = pieces[0]!;
  if (pieces.length === 1) return subject === first;
  const last = pieces[pieces.length - 1]!;
  if (subject.length < first.length + last.length) return false;
  if (!subject.startsWith(first) || !subject.endsWith(last)) return false;
  const end = subject.length - last.length;
  let at = first.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const found = subject.indexOf(pieces[i]!, at);
    if (found < 0) return false;
    at = found + pieces[i]!.length;
  }
  return at <= end;
}
