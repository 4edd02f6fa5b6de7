/**
 * What is wrong with a Compose file, and what of it was not understood: always with the place. Texts of files that
 * nobody vouches for (a label named them) may stand in neither.
 */

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export type ComposeErrorCode =
  /** What the files say cannot be. */
  | 'COMPOSE_INVALID'
  /** A file is not there, is no file, or may not be read. */
  | 'COMPOSE_UNREADABLE'
  /** More than anybody writes: the bounds of `limits.ts`. */
  | 'COMPOSE_TOO_LARGE';

export class ComposeError extends Error {
  override readonly name = 'ComposeError';
  readonly code: ComposeErrorCode;
  readonly place: Place | undefined;
  /** What is wrong, without the place. */
  readonly problem: string;

  constructor(code: ComposeErrorCode, problem: string, place?: Place, options?: ErrorOptions) {
    super(place === undefined ? problem : `${placeText(place)}: ${problem}`, options);
    this.code = code;
    this.place = place;
    this.problem = problem;
  }
}

/** Something that was left out, or taken for something: no error, and never silent. */
export interface Remark {
  readonly text: string;
  readonly place?: Place;
}

export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

export function invalid(problem: string, place?: Place): ComposeError {
  return new ComposeError('COMPOSE_INVALID', problem, place);
}

export function tooLarge(problem: string, place?: Place): ComposeError {
  return new ComposeError('COMPOSE_TOO_LARGE', problem, place);
}

export function remarkText({ text, place }: Remark): string {
  return place === undefined ? text : `${placeText(place)}: ${text}`;
}
