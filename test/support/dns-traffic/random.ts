/** Numbers that look random and are the same in every run. Nothing in test traffic may depend on the clock or on chance. */

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** In [from, to], whole. */
  int(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** `length` characters out of an alphabet. */
  text(alphabet: string, length: number): string;
  /** `length` bytes as Latin-1 text. */
  bytes(length: number): string;
  /** Seconds to the next event of a Poisson process with this mean. */
  gap(meanSecs: number): number;
}

export const HEX = '0123456789abcdef';
export const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
export const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
export const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
export const ALNUM = `${LETTERS}0123456789`;
export const DIGITS = '0123456789';

/** mulberry32. */
export function random(seed: number): Random {
  let state = Math.imul(seed, 0x9e37_79b1) | 0;
  const next = (): number => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const text = (alphabet: string, length: number): string => {
    let out = '';
    for (let i = 0; i < length; i++) out += alphabet[Math.floor(next() * alphabet.length)]!;
    return out;
  };
  return {
    next,
    int,
    text,
    pick: (items) => items[Math.floor(next() * items.length)]!,
    bytes: (length) => {
      let out = '';
      for (let i = 0; i < length; i++) out += String.fromCharCode(int(0, 255));
      return out;
    },
    gap: (meanSecs) => -Math.log(1 - next()) * meanSecs,
  };
}

export function uuid(from: Random): string {
  const hex = from.text(HEX, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Skewed as popularity is: the first items far more often (Zipf with exponent 1, about). */
export function popular<T>(from: Random, items: readonly T[]): T {
  return items[Math.min(items.length - 1, Math.floor(items.length ** from.next()) - 1)]!;
}
