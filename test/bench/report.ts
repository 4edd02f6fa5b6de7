/** What was asked for, and whether it was reached. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export function isMet({ value, atMost = Number.POSITIVE_INFINITY, atLeast = 0 }: Target): boolean {
  return value <= atMost && value >= atLeast;
}

export function targetText(target: Target): string {
  const { what, value, atMost, atLeast } = target;
  const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return `${isMet(target) ? 'reached' : 'MISSED '}  ${what}: ${value.toFixed(2)} (${bound})`;
}
