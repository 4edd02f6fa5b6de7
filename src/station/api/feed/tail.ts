/**
 * The end of the log, for all clients at once: whoever keeps up is told from one read and one text. Whoever does not is
 * left behind at the place that it was told up to, reads pages of its own as fast as it takes them, and joins again. In
 * the order of the log, none left out, none twice.
 */
import type { DurableLane } from '../../../model/lane.ts';
import type { RecordKind } from '../../../model/record.ts';
import type { LogPage } from '../../store/log-page.ts';
import type { Follower } from './follower.ts';
import { comment, eventFrame } from './frame.ts';
import type { Selection } from './selection.ts';
import type { FeedLog } from './source.ts';
import { Told } from './told.ts';

/** A few milliseconds of work. */
const PAGE = { maxRows: 1000, maxBytes: 128 * 1024 } as const;

interface Group {
  readonly selection: Selection;
  readonly followers: Set<Follower>;
}

export class Tail {
  readonly #log: FeedLog;
  readonly #lanes: readonly DurableLane[];
  /** Those who keep up, by what they asked for. */
  readonly #groups = new Map<string, Group>();
  readonly #behind: Follower[] = [];
  /** They know more than was told here: the database shows a record before it is told. */
  readonly #ahead = new Set<Follower>();
  readonly #wake: () => void;
  #place = 0;

  /** `wake`: there is work for `turn`. */
  constructor(log: FeedLog, lanes: readonly DurableLane[], wake: () => void) {
    this.#log = log;
    this.#lanes = lanes;
    this.#wake = wake;
  }

  /** The end, where a client begins that wants nothing of the past. */
  end(): number {
    if (this.#groups.size === 0) this.#moveTo(this.#log.readableUpTo(this.#lanes));
    return this.#place;
  }

  /** Tells it what follows its place, from now on. */
  add(follower: Follower): void {
    this.end();
    this.#settle(follower);
  }

  remove(follower: Follower): void {
    this.#leave(follower);
    this.#ahead.delete(follower);
    const at = this.#behind.indexOf(follower);
    if (at >= 0) this.#behind.splice(at, 1);
  }

  /** What it was told up to. */
  placeOf(follower: Follower): number {
    return this.#keepsUp(follower) ? this.#place : follower.place;
  }

  /** One page for those who keep up, one for the next of the others. Returns whether there is more to do now. */
  turn(): boolean {
    const isMore = this.#tellNews();
    return (this.#tellPast() && this.#behind.length > 0) || isMore;
  }

  #tellNews(): boolean {
    const readable = this.#log.readableUpTo(this.#lanes);
    // Where nobody keeps up nothing is read.
    if (this.end() >= readable) return false;
    const page = this.#read(this.#place, readable, this.#kinds());
    if (page === undefined) return false;
    const told = page.rows.map(Told.ofRow);
    for (const { selection, followers } of this.#groups.values()) {
      const bytes = bytesOf(told, selection);
      for (const follower of followers) this.#tell(follower, page, bytes);
    }
    this.#moveTo(page.upTo);
    return this.#place < readable;
  }

  #tell(follower: Follower, page: LogPage, bytes: Buffer | undefined): void {
    const { wire } = follower;
    if (wire.isFull) {
      this.#leave(follower);
      follower.place = this.#place;
      this.#wait(follower);
      return;
    }
    tellExpired(follower, page, this.#place);
    if (bytes !== undefined) wire.write(bytes);
  }

  /** Returns false when nothing could be read. */
  #tellPast(): boolean {
    const follower = this.#behind.shift();
    if (follower === undefined || follower.wire.isGone) return true;
    const { wire, selection, since } = follower;
    const page = this.#read(follower.place, this.#place, selection.durable, since);
    if (page === undefined) {
      this.#behind.push(follower);
      return false;
    }
    tellExpired(follower, page, follower.place);
    const bytes = bytesOf(page.rows.map(Told.ofRow), selection);
    if (bytes !== undefined) wire.write(bytes);
    follower.place = page.upTo;
    if (follower.place === this.#place) {
      follower.since = undefined;
      wire.write(comment('caught up', follower.place));
    }
    if (wire.isFull) this.#wait(follower);
    else this.#settle(follower);
    return true;
  }

  #wait(follower: Follower): void {
    follower.wire.whenDrained(() => this.#settle(follower));
  }

  #settle(follower: Follower): void {
    if (follower.wire.isGone) return;
    if (follower.place > this.#place) this.#ahead.add(follower);
    else if (follower.place === this.#place) this.#join(follower);
    else {
      this.#behind.push(follower);
      this.#wake();
    }
  }

  #join(follower: Follower): void {
    const { key } = follower.selection;
    const group = this.#groups.get(key) ?? { selection: follower.selection, followers: new Set() };
    this.#groups.set(key, group);
    group.followers.add(follower);
  }

  #leave(follower: Follower): void {
    const { key } = follower.selection;
    const group = this.#groups.get(key);
    group?.followers.delete(follower);
    if (group?.followers.size === 0) this.#groups.delete(key);
  }

  #keepsUp(follower: Follower): boolean {
    return this.#groups.get(follower.selection.key)?.followers.has(follower) === true;
  }

  #moveTo(place: number): void {
    this.#place = Math.max(this.#place, place);
    for (const follower of this.#ahead) {
      if (follower.place > this.#place) continue;
      this.#ahead.delete(follower);
      this.#settle(follower);
    }
  }

  #kinds(): RecordKind[] {
    return [...new Set([...this.#groups.values()].flatMap(({ selection }) => selection.durable))];
  }

  #read(after: number, upTo: number, kinds: readonly RecordKind[], since?: number): LogPage | undefined {
    return this.#log.readLog({ after, upTo, kinds, since, ...PAGE });
  }
}

/** What all of a group are written; undefined when nothing is for them. */
function bytesOf(told: readonly Told[], { takes }: Selection): Buffer | undefined {
  const frames = told.filter(takes).map(({ frame }) => frame);
  return frames.length === 0 ? undefined : Buffer.from(frames.join(''));
}

/** That of what it was not told yet some is gone. */
function tellExpired(follower: Follower, { expiredUpTo }: LogPage, after: number): void {
  if (expiredUpTo <= Math.max(after, follower.toldExpired)) return;
  follower.toldExpired = expiredUpTo;
  follower.wire.write(eventFrame('gap', JSON.stringify({ kind: 'gap', after, upTo: expiredUpTo })));
}
