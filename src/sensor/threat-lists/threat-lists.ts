/**
 * The operator's lists, as detectors ask for them, kept as their files are. A file that is missing, unreadable or broken
 * is a problem that is told; the last good version goes on answering, and a changed file is tried again.
 */
import { stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { escapeText } from '../../model/escape.ts';
import { SEVERITIES } from '../../model/finding.ts';
import type { IpWords } from '../../model/ip.ts';
import type { ThreatMatch, Threats } from '../analysis/analyzer.ts';
import { type FileVersion, isSameVersion, versionOf } from '../file-version.ts';
import type { ThreatListConfig, ThreatListsConfig } from './config.ts';
import type { IndicatorSet, ListEntry } from './indicator-set.ts';
import { asListError, type LoadedList, readListFile } from './list-file.ts';

const MICROS_PER_MS = 1000;
const DAY_MS = 86_400_000;

/** What became of one look at one file that had changed. */
export interface ListNews {
  readonly list: string;
  readonly path: string;
  /** Absent when the file could not be taken; then `problem` says why. */
  readonly loaded?: {
    readonly format: string;
    readonly addresses: number;
    readonly networks: number;
    readonly names: number;
    readonly added: number;
    readonly removed: number;
    /** Of the tables. */
    readonly bytes: number;
  };
  readonly problem?: string;
  /** Lines that were passed over, one sentence each. */
  readonly remarks: readonly string[];
}

interface List {
  readonly config: ThreatListConfig;
  current?: LoadedList;
  /** What was looked at last, good or not. */
  tried?: FileVersion | undefined;
  /** As of the last poll: a file that still changes is being written. */
  seen?: FileVersion | undefined;
  problem?: string | undefined;
}

export class ThreatLists implements Threats {
  readonly #config: ThreatListsConfig;
  readonly #lists: readonly List[];
  readonly #onNews: (news: ListNews) => void;
  /** Those that hold anything, by kind, so that a look-up meets no others; the gravest first. */
  #withAddresses: readonly List[] = [];
  #withNames: readonly List[] = [];
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(config: ThreatListsConfig, onNews: (news: ListNews) => void = () => {}) {
    this.#config = config;
    this.#onNews = onNews;
    this.#lists = config.lists.map((list) => ({ config: list }));
  }

  get isConfigured(): boolean {
    return this.#lists.length > 0;
  }

  get hasAddresses(): boolean {
    return this.#withAddresses.length > 0;
  }

  get hasNames(): boolean {
    return this.#withNames.length > 0;
  }

  ofAddress(ip: IpWords): ThreatMatch | undefined {
    return this.#match(this.#withAddresses, (set) => set.ofAddress(ip));
  }

  ofName(name: string): ThreatMatch | undefined {
    return this.#match(this.#withNames, (set) => set.ofName(name));
  }

  listsAddress(ip: IpWords): boolean {
    for (const { current } of this.#withAddresses) if (current!.set.hasAddress(ip)) return true;
    return false;
  }

  listsName(name: string): boolean {
    for (const { current } of this.#withNames) if (current!.set.hasName(name)) return true;
    return false;
  }

  /** One line for each thing that a person should know; empty when all is well. `now`: wall clock, milliseconds. */
  problems(now: number): string[] {
    return this.#lists.flatMap(({ config, current, problem }) => {
      const lines: string[] = [];
      if (problem !== undefined) {
        lines.push(
          `threat list ${config.name}: ${problem}${current === undefined ? '' : ' (the version of before is still used)'}`,
        );
      }
      const old = current === undefined ? undefined : ageProblem(config, current.version, now);
      if (old !== undefined) lines.push(`threat list ${config.name}: ${old}`);
      return lines;
    });
  }

  /**
   * Takes the files that changed; costs a stat a list when none did. A file is taken once it has stayed the same from one
   * call to the next, because what fetches it may still be writing.
   */
  refresh(): Promise<void> {
    return this.#once(() => this.#look((list, version) => isSettled(list, version)));
  }

  /** Takes every file that changed, now; also those that could not be taken before. */
  reload(): Promise<void> {
    return this.#once(() =>
      this.#look((list, version) => list.current === undefined || isChanged(list, version)),
    );
  }

  /** What is being read is given up at the next file. */
  stop(): void {
    this.#isStopped = true;
  }

  #match(lists: readonly List[], ask: (set: IndicatorSet) => ListEntry | undefined): ThreatMatch | undefined {
    let match: ThreatMatch | undefined;
    const others: string[] = [];
    for (const { config, current } of lists) {
      const entry = ask(current!.set);
      if (entry === undefined) continue;
      if (match === undefined) match = matchOf(config, current!, entry);
      else others.push(config.name);
    }
    return match === undefined || others.length === 0 ? match : { ...match, alsoIn: others };
  }

  /** One after the other: two that read the same file at once would tell it twice. */
  #once(work: () => Promise<void>): Promise<void> {
    const next = (this.#running ?? Promise.resolve()).then(work);
    this.#running = next;
    return next;
  }

  async #look(isDue: (list: List, version: FileVersion) => boolean): Promise<void> {
    for (const list of this.#lists) {
      if (this.#isStopped) return;
      const version = await this.#versionNow(list);
      if (version === undefined) continue;
      const isToTake = isDue(list, version);
      list.seen = version;
      if (isToTake) await this.#take(list, version);
    }
  }

  async #versionNow(list: List): Promise<FileVersion | undefined> {
    try {
      return versionOf(await stat(list.config.path));
    } catch (error) {
      list.tried = undefined;
      list.seen = undefined;
      this.#fail(list, asListError(list.config.path, error).message);
      return undefined;
    }
  }

  async #take(list: List, version: FileVersion): Promise<void> {
    const { config } = list;
    const before = list.current;
    list.tried = version;
    try {
      const loaded = await readListFile(config, {
        maxFileBytes: this.#config.max_file_bytes,
        maxIndicators: this.#config.max_indicators,
      });
      const kept = before === undefined ? 0 : await drained(loaded.set.common(before.set));
      // The switch: whoever asks from now on is answered by the new one, and nobody by both.
      list.current = loaded;
      list.tried = loaded.version;
      list.problem = undefined;
      this.#arrange();
      this.#onNews(newsOf(config, loaded, { kept, before: before?.set.size ?? 0 }));
    } catch (error) {
      const known = asListError(config.path, error);
      // It is read again as soon as it stays the same.
      if (known.code === 'LIST_CHANGED') list.tried = undefined;
      this.#fail(list, known.message);
    }
  }

  #fail(list: List, problem: string): void {
    const isNew = list.problem !== problem;
    list.problem = problem;
    if (isNew) this.#onNews({ list: list.config.name, path: list.config.path, problem, remarks: [] });
  }

  #arrange(): void {
    const loaded = this.#lists
      .filter(({ current }) => current !== undefined)
      .sort((a, b) => SEVERITIES.indexOf(b.config.severity) - SEVERITIES.indexOf(a.config.severity));
    this.#withAddresses = loaded.filter(
      ({ current }) => current!.set.addressCount + current!.set.networkCount > 0,
    );
    this.#withNames = loaded.filter(({ current }) => current!.set.nameCount > 0);
  }
}

function isChanged({ tried }: List, version: FileVersion): boolean {
  return !isSameVersion(version, tried);
}

function isSettled(list: List, version: FileVersion): boolean {
  return isChanged(list, version) && isSameVersion(version, list.seen);
}

function matchOf(config: ThreatListConfig, { version }: LoadedList, entry: ListEntry): ThreatMatch {
  return {
    list: config.name,
    severity: config.severity,
    confidence: config.confidence,
    fileChanged: Math.round(version.mtimeMs) * MICROS_PER_MS,
    alsoIn: [],
    ...entry,
  };
}

function newsOf(
  { name, path }: ThreatListConfig,
  { set, format }: LoadedList,
  { kept, before }: { readonly kept: number; readonly before: number },
): ListNews {
  return {
    list: name,
    path,
    loaded: {
      format,
      addresses: set.addressCount,
      networks: set.networkCount,
      names: set.nameCount,
      added: set.size - kept,
      removed: before - kept,
      bytes: set.bytes,
    },
    remarks: remarksOn(set),
  };
}

/** What a person who looks after the list should see; printable. */
export function remarksOn(set: IndicatorSet): string[] {
  const { notUnderstood, refused } = set.report;
  const remarks: string[] = [];
  for (const [tally, what] of [
    [refused, 'refused'],
    [notUnderstood, 'not understood'],
  ] as const) {
    const { count, first } = tally;
    if (first === undefined) continue;
    const why = first.why === undefined ? '' : ` (${first.why})`;
    remarks.push(`${what}: ${count}, the first in line ${first.line}: "${escapeText(first.text, 80)}"${why}`);
  }
  if (set.notesLost > 0) remarks.push(`notes left out for want of room: ${set.notesLost}`);
  return remarks;
}

export function ageProblem(
  { path, max_age_days: maxAgeDays }: ThreatListConfig,
  { mtimeMs }: FileVersion,
  now: number,
): string | undefined {
  const ageDays = Math.floor((now - mtimeMs) / DAY_MS);
  if (maxAgeDays === undefined || ageDays <= maxAgeDays) return undefined;
  return `${path} was last changed ${ageDays} days ago (max_age_days is ${maxAgeDays}): see whether what fetches it still runs`;
}

async function drained<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await nextTurn();
  }
}
