import type { Micros } from './time.ts';

/** What JSON carries unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * One thing that an analyzer has learned, kept by the station so that it outlives a restart of the agent. The latest of
 * one analyzer, map and key stands.
 */
export interface LearnedRecord {
  readonly kind: 'learned';
  /** When this was written. */
  readonly time: Micros;
  /** Id of the analyzer that learned it. */
  readonly analyzer: string;
  /** Which of its maps. */
  readonly map: string;
  /** What it is about, such as a service or a pair of them. */
  readonly key: string;
  /** As the analyzer saves it, each in a form of its own; absent when it was forgotten. */
  readonly value?: Json | undefined;
}
