/** Which edges of which service are known. One that was not used for three months of watching is new when it comes again. */
import { z } from 'zod';
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { LearnedMap, LearnedMapOptions } from '../../../src/sensor/analysis/analyzer.ts';
import type { Watched } from './watch-clock.ts';

const DAY: Micros = 86_400 * MICROS_PER_SECOND;
export const FORGOTTEN_AFTER: Micros = 90 * DAY;

export interface Edge {
  /** By the clock of that day; for people. */
  readonly first: Micros;
  /** To the day. */
  usedAt: Watched;
}

const form = z.tuple([z.number(), z.number()]);

/** No image has a tab in its name; a label of a container may, and then only its own edges are mixed up. */
const SEPARATOR = '\t';

export class Edges {
  readonly #map: LearnedMap<Edge>;

  constructor(learnedMap: (options: LearnedMapOptions<Edge>) => LearnedMap<Edge>, maxEdges: number) {
    this.#map = learnedMap({
      name: 'edges',
      maxKeys: maxEdges,
      save: ({ first, usedAt }) => [first, usedAt],
      load: (saved) => {
        const { data } = form.safeParse(saved);
        return data === undefined ? undefined : { first: data[0], usedAt: data[1] };
      },
    });
  }

  /** Whether it is known; then it is used now. */
  use(owner: string, target: string, port: string, now: Watched): boolean {
    const key = keyOf(owner, target, port);
    const edge = this.#map.get(key);
    if (edge === undefined || now - edge.usedAt > FORGOTTEN_AFTER) return false;
    if (now - edge.usedAt >= DAY) {
      edge.usedAt = now;
      this.#map.changed(key);
    }
    return true;
  }

  add(owner: string, target: string, port: string, first: Micros, now: Watched): void {
    const key = keyOf(owner, target, port);
    this.#map.delete(key);
    this.#map.ensure(key, () => ({ first, usedAt: now }));
  }

  /** All and the inside peers of one service, but for one edge. Looks at all: asked before a word is said, not for a flow. */
  countWithout(
    owner: string,
    target: string,
    port: string,
  ): { readonly edges: number; readonly peers: number } {
    const prefix = `${owner}${SEPARATOR}`;
    const one = keyOf(owner, target, port);
    const peers = new Set<string>();
    let edges = 0;
    for (const [key] of this.#map.entries()) {
      if (!key.startsWith(prefix) || key === one) continue;
      edges += 1;
      const end = key.slice(prefix.length, key.lastIndexOf(SEPARATOR));
      if (isInside(end)) peers.add(end);
    }
    return { edges, peers: peers.size };
  }

  /** What is too old goes. */
  sweep(now: Watched): void {
    for (const [key, { usedAt }] of this.#map.entries()) {
      if (now - usedAt > FORGOTTEN_AFTER) this.#map.delete(key);
    }
  }
}

function keyOf(owner: string, target: string, port: string): string {
  return `${owner}${SEPARATOR}${target}${SEPARATOR}${port}`;
}

function isInside(end: string): boolean {
  return /^(service|image|address|lan) |^host$/.test(end);
}
