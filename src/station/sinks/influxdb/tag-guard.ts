/**
 * Bounds what a tag costs the server. Every new tag value is a new series in InfluxDB's index, and containers with
 * random names or a port scan would make them without end. Beyond the bounds values become `other`; sums stay right,
 * because points keep unique timestamps. The bounds hold for a day, then counting starts anew.
 */
import { MICROS_PER_SECOND, type Micros } from '../../../model/time.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import { MAX_TAG_CHARS, NO_VALUE } from './line-protocol.ts';
import type { PointShape } from './points.ts';

export interface TagBounds {
  readonly maxTagValues: number;
  readonly maxSeries: number;
}

export const OTHER = 'other';

/** Services have few ports; a scan has 65,535. */
const MAX_PORTS = 256;

/** Tags whose values come from outside this program, widest first: folded in this order when there are too many series. */
export const OPEN_TAGS = ['resp_port', 'resp', 'orig', 'container', 'service', 'where', 'network'] as const;

const DAY = 86_400 * MICROS_PER_SECOND;

export class TagGuard {
  readonly #bounds: TagBounds;
  readonly #logger: Logger;
  readonly #now: () => Micros;
  /** By `measurement.tag`. */
  readonly #values = new Map<string, Set<string>>();
  /** By measurement. */
  readonly #series = new Map<string, Set<string>>();
  readonly #said = new Set<string>();
  #startedAt: Micros;

  constructor(bounds: TagBounds, logger: Logger, now: () => Micros) {
    this.#bounds = bounds;
    this.#logger = logger;
    this.#now = now;
    this.#startedAt = now();
  }

  /** The tags to write. The same record gets the same tags when it is sent again within the day. */
  fold(shape: PointShape): PointShape['tags'] {
    this.#startAnewAfterADay();
    const tags: Record<string, string | undefined> = { ...shape.tags };
    for (const tag of OPEN_TAGS) {
      const value = tags[tag];
      if (value !== undefined && !this.#admitValue(shape.measurement, tag, keyOf(value))) tags[tag] = OTHER;
    }
    if (this.#admitSeries(shape.measurement, tags)) return tags;
    for (const tag of OPEN_TAGS) if (tag in tags) tags[tag] = OTHER;
    return tags;
  }

  #admitValue(measurement: string, tag: string, value: string): boolean {
    const key = `${measurement}.${tag}`;
    const limit =
      tag === 'resp_port' ? Math.min(MAX_PORTS, this.#bounds.maxTagValues) : this.#bounds.maxTagValues;
    const values = ensure(this.#values, key);
    if (values.has(value)) return true;
    if (values.size < limit) {
      values.add(value);
      return true;
    }
    this.#sayOnce(key, { measurement, tag, limit });
    return false;
  }

  #admitSeries(measurement: string, tags: PointShape['tags']): boolean {
    const series = ensure(this.#series, measurement);
    const key = Object.values(tags)
      .map((value) => keyOf(value ?? NO_VALUE))
      .join('\n');
    if (series.has(key)) return true;
    if (series.size < this.#bounds.maxSeries) {
      series.add(key);
      return true;
    }
    this.#sayOnce(measurement, { measurement, limit: this.#bounds.maxSeries });
    return false;
  }

  #sayOnce(key: string, fields: Readonly<Record<string, string | number>>): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#logger.warn(fields, 'too many distinct tag values today; further ones are written as "other"');
  }

  #startAnewAfterADay(): void {
    if (this.#now() - this.#startedAt < DAY) return;
    this.#startedAt = this.#now();
    this.#values.clear();
    this.#series.clear();
    this.#said.clear();
  }
}

/** What is remembered of a value; the encoder cuts it there too. */
function keyOf(value: string): string {
  return value.slice(0, MAX_TAG_CHARS);
}

function ensure(map: Map<string, Set<string>>, key: string): Set<string> {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const created = new Set<string>();
  map.set(key, created);
  return created;
}
