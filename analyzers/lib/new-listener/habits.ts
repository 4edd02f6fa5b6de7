/**
 * On which ports a service is used to listen, learned over days and kept over restarts of the agent. What was open while it
 * was learned is a habit, and so is what was first seen at least as long ago as learning takes and is there again.
 */
import { z } from 'zod';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

const MAX_PORTS = 128;
const MAX_IMAGES = 8;

/** Version 1: times in microseconds. */
const savedHabits = z.strictObject({
  v: z.literal(1),
  since: z.number(),
  ports: z.record(z.string(), z.number()),
  images: z.record(z.string(), z.number()),
});
export type SavedHabits = z.infer<typeof savedHabits>;

export class Habits {
  since: Micros;
  /** When each was first seen, by `tcp/80`. */
  readonly #ports = new Map<string, Micros>();
  /** When each version of its image was first seen. */
  readonly #images = new Map<string, Micros>();

  constructor(since: Micros) {
    this.since = since;
  }

  static load(saved: unknown): Habits | undefined {
    const { data } = savedHabits.safeParse(saved);
    if (data === undefined) return undefined;
    const habits = new Habits(data.since);
    for (const [port, first] of Object.entries(data.ports).slice(0, MAX_PORTS))
      habits.#ports.set(port, first);
    for (const [image, first] of Object.entries(data.images).slice(-MAX_IMAGES))
      habits.#images.set(image, first);
    return habits;
  }

  save(): SavedHabits {
    return {
      v: 1,
      since: this.since,
      ports: Object.fromEntries(this.#ports),
      images: Object.fromEntries(this.#images),
    };
  }

  isLearning(time: Micros, learn: Micros): boolean {
    return time - this.since < learn;
  }

  knows(port: string, time: Micros, learn: Micros): boolean {
    const first = this.#ports.get(port);
    return first !== undefined && (first - this.since < learn || time - first >= learn);
  }

  /** False when there is no room: a service with so many ports has no habit that could be broken. */
  notePort(port: string, time: Micros): 'new' | 'known' | 'full' {
    if (this.#ports.has(port)) return 'known';
    if (this.#ports.size >= MAX_PORTS) return 'full';
    this.#ports.set(port, time);
    return 'new';
  }

  /** When that version of the image was first seen; of many the oldest is forgotten. */
  noteImage(image: string, time: Micros): { readonly first: Micros; readonly isNew: boolean } {
    const first = this.#images.get(image);
    if (first !== undefined) return { first, isNew: false };
    const [oldest] = this.#images.keys();
    if (this.#images.size >= MAX_IMAGES && oldest !== undefined) this.#images.delete(oldest);
    this.#images.set(image, time);
    return { first: time, isNew: true };
  }

  /** The ports that are habits, for people: `tcp/80`. */
  usual(time: Micros, learn: Micros): string[] {
    return [...this.#ports.keys()].filter((port) => this.knows(port, time, learn)).slice(0, 16);
  }

  hours(time: Micros): number {
    return Math.max(0, time - this.since) / (3600 * MICROS_PER_SECOND);
  }

  clockSet({ from, to }: ClockStep): void {
    this.since += to - from;
    for (const [port, first] of this.#ports) this.#ports.set(port, first + to - from);
    for (const [image, first] of this.#images) this.#images.set(image, first + to - from);
  }
}
