/**
 * How likely it is that two bursts are alike by chance, and what a row of such coincidences proves. Pure functions;
 * argued with numbers in docs/analyzers/internal-relay.md.
 */
import type { Micros } from '../../../src/model/time.ts';

/** Relays on one host take 0.1 to 2 ms; what is closer than that is no better evidence. */
const FINEST_LAG: Micros = 1000;
/** Sizes of messages and transfers span some six decades (16 B to 16 MB), about evenly in their logarithm. */
const LN_OF_SIZES = Math.log(1e6);
/** Vovk & Wang 2021, "E-values: calibration, combination and applications": p becomes KAPPA * p^(KAPPA - 1). */
const KAPPA = 0.1;

/** How far two counts of bytes may be apart. */
export interface Slack {
  /** Of the larger one. */
  readonly share: number;
  /** For small messages: what TLS, SSH or a header adds to each. */
  readonly bytes: number;
  /** So much more may have come in than went out: what a client tells the relay itself (CONNECT, SOCKS). */
  readonly preambleBytes: number;
}

export function isAlike(inner: number, outer: number, { share, bytes, preambleBytes }: Slack): boolean {
  const slack = share * Math.max(inner, outer) + bytes;
  return outer - inner <= slack && inner - outer <= slack + preambleBytes;
}

/** Which share of all sizes is alike this one, as long as nothing else is known. */
export function shareAlike(size: number, { share, bytes, preambleBytes }: Slack): number {
  const slack = share * size + bytes;
  const [least, most] = [Math.max(1, size - slack - preambleBytes), size + slack];
  return Math.min(1, Math.log(most / least) / LN_OF_SIZES);
}

/** That one of so many alike bursts a second begins within the lag, where `ways` beginnings were compared. */
export function chanceOf(lag: Micros, alikePerMicro: number, ways: number): number {
  return -Math.expm1(-alikePerMicro * ways * Math.max(lag, FINEST_LAG));
}

/**
 * Decades of evidence for a relay. Summed up, they cross N by chance with a probability of 10^-N at most, however often
 * one looks (Ville's inequality). What has no counterpart has a chance of 1, and costs a decade.
 */
export function decadesOf(chance: number): number {
  return Math.log10(KAPPA) + (KAPPA - 1) * Math.log10(Math.max(chance, Number.MIN_VALUE));
}
