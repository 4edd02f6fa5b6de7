/**
 * Taps for containers that do not run yet. Docker makes the network namespace of a container some 200 ms before its
 * first process, and the engine tells of the container some 20 ms after it, or seconds where many start at once; a tap
 * that is opened when the namespace appears is read ahead until it is known whose the first questions are. All of it
 * is a gain that may fail: then the tap is opened later, and nobody is told here.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LIVE_DEFAULTS, type LiveOptions, type PacketSource } from '../../../capture/source.ts';
import { readAhead } from './read-ahead.ts';

export interface EarlyTapsOptions {
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly live: LiveOptions;
  /** Where libnetwork binds its namespaces; the first that is there. It may be found, or move, while we run. */
  readonly dirs: () => readonly string[];
  /** For tests. */
  readonly waitGoneMs?: number;
}

interface EarlyTap {
  readonly source: Promise<PacketSource | undefined>;
  expiry: NodeJS.Timeout;
}

/** The beginning of a sandbox's id; `default`, `ingress_sbox` and `1-<network>` are no container's. */
const SANDBOX = /^[0-9a-f]{12}$/;
/** The file is there before the namespace is bound to it, and its loopback interface is up some milliseconds later. */
const ATTEMPT_DELAYS_MS = [5, 10, 20, 40, 80, 160];
/** Containers that begin at once; those beyond it are tapped when the engine tells of them. */
const MAX_WAITING = 64;
/** The engine tells of a container within a second of its namespace, or it is no container. */
const WAIT_MS = 30_000;
/** Of one whose namespace is gone: a container may be over before the engine has told of it, and its questions are kept. */
const WAIT_GONE_MS = 5000;

export class EarlyTaps {
  readonly #options: EarlyTapsOptions;
  /** By the name of the sandbox's file. */
  readonly #waiting = new Map<string, EarlyTap>();
  #watched: { readonly watcher: FSWatcher; readonly dir: string; readonly inode: number } | undefined;
  /** Directories that were not there at the last look. */
  #missing = new Set<string>();
  #isStopped = false;

  constructor(options: EarlyTapsOptions) {
    this.#options = options;
  }

  /** Every second or so: the engine makes the directory with its first container, and may make it anew. */
  watch(): void {
    if (this.#isStopped) return;
    const missing = new Set<string>();
    for (const dir of this.#options.dirs()) {
      const inode = inodeOf(dir);
      // A directory that was removed and made again is another one, of which the watch tells nothing.
      if (inode !== undefined && this.#watched?.dir === dir && this.#watched.inode === inode) return;
      if (inode !== undefined && this.#begin(dir, inode)) return;
      missing.add(dir);
    }
    this.#unwatch();
    this.#missing = missing;
  }

  /** False: gone again, not readable, or no more watches allowed. */
  #begin(dir: string, inode: number): boolean {
    try {
      const watcher = watch(dir, { persistent: false }, (event, name) => {
        if (event === 'rename' && name !== null) this.#changed(name);
      });
      watcher.on('error', () => {
        if (this.#watched?.watcher === watcher) this.#unwatch();
      });
      this.#unwatch();
      this.#watched = { watcher, dir, inode };
      // What is in a directory that was not there a moment ago is new as well.
      if (this.#missing.delete(dir)) for (const name of readdirSync(dir)) this.#changed(name);
      return true;
    } catch {
      return false;
    }
  }

  #unwatch(): void {
    this.#watched?.watcher.close();
    this.#watched = undefined;
  }

  /** Taps that nobody has taken yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  has(sandboxKey: string): boolean {
    return this.#waiting.has(basename(sandboxKey));
  }

  /** The tap of that sandbox, from now on the caller's; undefined when there is none. */
  async take(sandboxKey: string): Promise<PacketSource | undefined> {
    const name = basename(sandboxKey);
    const tap = this.#waiting.get(name);
    if (tap === undefined) return undefined;
    this.#forget(name, tap);
    return tap.source;
  }

  /** Nobody will take it. */
  release(sandboxKey: string): void {
    this.#drop(basename(sandboxKey));
  }

  stop(): void {
    this.#isStopped = true;
    this.#unwatch();
    for (const name of [...this.#waiting.keys()]) this.#drop(name);
  }

  /** It came or it went. */
  #changed(name: string): void {
    if (!SANDBOX.test(name)) return;
    const known = this.#waiting.get(name);
    if (known !== undefined) {
      clearTimeout(known.expiry);
      known.expiry = setTimeout(() => this.#drop(name), this.#options.waitGoneMs ?? WAIT_GONE_MS);
      return;
    }
    if (this.#isStopped || this.#waiting.size >= MAX_WAITING) return;
    const tap: EarlyTap = {
      source: this.#open(name),
      expiry: setTimeout(() => this.#drop(name), WAIT_MS),
    };
    this.#waiting.set(name, tap);
  }

  async #open(name: string): Promise<PacketSource | undefined> {
    const { open, live } = this.#options;
    for (const delayMs of ATTEMPT_DELAYS_MS) {
      await delay(delayMs);
      for (const dir of this.#options.dirs()) {
        try {
          const source = await open({ ...live, netns: join(dir, name) });
          return readAhead(source, live.bufferBytes ?? LIVE_DEFAULTS.bufferBytes);
        } catch {
          // Not bound yet, gone, or refused.
        }
      }
    }
    return undefined;
  }

  #drop(name: string): void {
    const tap = this.#waiting.get(name);
    if (tap === undefined) return;
    this.#forget(name, tap);
    void tap.source.then((source) => source?.close());
  }

  #forget(name: string, tap: EarlyTap): void {
    clearTimeout(tap.expiry);
    this.#waiting.delete(name);
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
