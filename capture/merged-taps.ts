/**
 * The interfaces of all files as one list: which of them are one tap. It must not grow without bound, whatever the
 * files describe.
 */
import type { Micros } from '../src/model/time.ts';
import type { FileReading } from './file-reading.ts';
import type { CaptureInterface } from './source.ts';
import { tapKey } from './tap-names.ts';

/** A file as it stands in the merge. */
export interface TapUser {
  readonly path: string;
  readonly reading: FileReading;
  readonly isOpen: boolean;
  /** Interfaces of the merge by those of the file; grows with these. */
  readonly taps: number[];
  /** Time of the packet at hand. */
  readonly time: Micros;
}

interface SharedTap {
  readonly index: number;
  readonly users: TapUser[];
}

/** Each becomes a tap of the pipeline, which costs some kilobytes. */
const MAX_INTERFACES = 65_536;
/** Packets of one tap that several cores saw are a little out of order, also where its next file begins. */
const ORDER_SLACK_MICROS = 1_000_000;

export class MergedTaps {
  readonly interfaces: CaptureInterface[] = [];
  /** Interfaces that have no name but their file's. */
  readonly unnamed = new Set<number>();
  readonly #shared = new Map<string, SharedTap>();
  readonly #areTwins: (a: TapUser, b: TapUser) => boolean;

  /** @param areTwins whether the packets at hand of two files are the same. */
  constructor(areTwins: (a: TapUser, b: TapUser) => boolean) {
    this.#areTwins = areTwins;
  }

  /** Takes in the file's interfaces that are new; false when there are too many in all. */
  take(user: TapUser): boolean {
    const { interfaces } = user.reading;
    for (let i = user.taps.length; i < interfaces.length; i++) {
      if (this.interfaces.length >= MAX_INTERFACES) return false;
      const own = interfaces[i]!;
      const isSame = ({ name, linkType }: CaptureInterface) => name === own.name && linkType === own.linkType;
      user.taps.push(this.#indexOf(user, own, interfaces.slice(0, i).filter(isSame).length));
    }
    return true;
  }

  #indexOf(user: TapUser, own: CaptureInterface, nth: number): number {
    const { key, isGuess } = tapKey(user.path, own, nth);
    const shared = this.#shared.get(key);
    if (shared !== undefined && (!isGuess || this.#follows(shared, user))) {
      if (isGuess) shared.users.push(user);
      return shared.index;
    }
    const index = this.interfaces.length;
    this.interfaces.push(own);
    if (isGuess) this.unnamed.add(index);
    this.#shared.set(key, { index, users: [user] });
    return index;
  }

  /** It begins where the others end, or is another recording of the same packets. */
  #follows({ users }: SharedTap, user: TapUser): boolean {
    const going = users.filter((other) => other !== user && other.isOpen && !isEnding(other, user.time));
    users.splice(0, users.length, ...users.filter(({ isOpen }) => isOpen));
    return going.length === 0 || going.some((other) => this.#areTwins(other, user));
  }
}

function isEnding({ reading }: TapUser, time: Micros): boolean {
  return reading.isAtItsEnd && (reading.last ?? 0) <= time + ORDER_SLACK_MICROS;
}
