/**
 * The only loader of the addon (`build/Release/bridgewatch_pcap.node`). It loads at the first use, never at import,
 * so that everything that does not capture works where nothing was built; and it turns what the addon throws into
 * CaptureErrors. Nothing here runs per packet.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { captureError } from '../capture-error.ts';
import {
  CaptureError,
  type CaptureErrorCode,
  type CaptureStats,
  type FrameBatch,
  type LinkType,
  type LiveOptions,
} from '../source.ts';

/** What an open tap turned out to be. */
export interface TapFacts {
  readonly linkType: LinkType;
  readonly interfaceIndex: number;
  readonly snaplenBytes: number;
  /** Timestamps have nanoseconds; else microseconds, filled up with zeros. */
  readonly nanoseconds: boolean;
  /** As the kernel counts it, whoever asked for it; undefined when it did not answer. */
  readonly promiscuous?: boolean;
}

/** One live capture on the event loop. Use it through capture/live.ts. */
export interface NativeTap {
  /**
   * Fills the batch given at the opening and calls `onBatch` with the number of frames, until the world ends it
   * (`onEnd`) or close() does. Once.
   */
  run(onBatch: (count: number) => void, onEnd: (reason: string, detail: string) => void): void;
  /** Undefined once closed. */
  facts(): TapFacts | undefined;
  /** After the end: the totals of that moment. */
  stats(): CaptureStats;
  /** Takes nothing new, delivers what the ring holds, then calls onEnd with `closed`. Without run() it closes. */
  drain(): void;
  /** Idempotent, also inside onBatch; releases everything at once. */
  close(): void;
}

/** A pcap-filter(7) expression compiled for one link type. */
export interface CompiledFilter {
  /** Sets keep[i] to 1 or 0 for each of the first `count` frames; answers how many are kept. One call a batch. */
  apply(
    data: DataView,
    offset: Uint32Array,
    capLen: Uint32Array,
    wireLen: Uint32Array,
    count: number,
    keep: Uint8Array,
  ): number;
  /** Idempotent. */
  close(): void;
}

/** Datagrams of one wakeup in one slab that is lent for the call: message i is [offset[i], offset[i] + length[i]). */
export interface DatagramBatch {
  readonly data: DataView;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
}

export interface NetlinkOptions {
  /** Entered for the opening only; empty means ours. */
  readonly netns: string;
  /** NFNLGRP_ numbers of linux/netfilter/nfnetlink_compat.h. */
  readonly groups: readonly number[];
  readonly bufferBytes: number;
}

/** One NETLINK_NETFILTER socket on the event loop. Use it through capture/netfilter.ts. */
export interface NativeNetlink {
  /**
   * `onBatch` until the socket fails (`onEnd`) or close(). `drained`: nothing was left in the queue. `overruns`: the
   * kernel threw messages away since the last call, so many times. Once.
   */
  run(
    onBatch: (count: number, drained: boolean, overruns: number) => void,
    onEnd: (detail: string) => void,
  ): void;
  send(message: Uint8Array): void;
  /** Messages that the kernel threw away, of 32 bits; undefined before Linux 4.12 and once closed. */
  drops(): number | undefined;
  /** Idempotent, also inside onBatch. */
  close(): void;
}

interface Addon {
  readonly Tap: new (options: Required<LiveOptions>, batch: FrameBatch) => NativeTap;
  readonly Filter: new (expression: string, linkType: LinkType, snaplenBytes: number) => CompiledFilter;
  readonly Netlink: new (options: NetlinkOptions, batch: DatagramBatch) => NativeNetlink;
  libpcapVersion(): string;
  readInNamespace(path: string, names: readonly string[]): Promise<(string | undefined)[]>;
  adviseHugePages(buffer: ArrayBuffer): boolean;
  streamCopy(target: ArrayBuffer, at: number, source: ArrayBuffer, from: number, bytes: number): void;
}

const BINDING = join('capture', 'native', 'build', 'Release', 'bridgewatch_pcap.node');
// libpcap's compiler is worse than quadratic: `port 1 or port 2 or ...` takes 0.9 s at this length, measured with
// 1.10.3, and over six minutes at 12,000 characters, in which nothing else would run.
const MAX_FILTER_CHARS = 2048;

let addon: Addon | undefined;
let canStream: boolean | undefined;

/** Why the native backend cannot be used here, or undefined when the binding loads. libpcap itself is not asked. */
export function nativeBindingProblem(): CaptureError | undefined {
  try {
    load();
    return undefined;
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
}

/** What libpcap says of itself: `libpcap version 1.10.3 (with TPACKET_V3)`. */
export function libpcapVersion(): string {
  return call((native) => native.libpcapVersion());
}

/** Opens a tap; `options` are complete and checked (capture/live.ts), an empty netns means ours. */
export function openTap(options: Required<LiveOptions>, batch: FrameBatch): NativeTap {
  return call((native) => new native.Tap(options, batch));
}

/** Compiles an expression for frames in memory, with the link type of the source they come from. */
export function compileFilter(expression: string, linkType: LinkType, snaplenBytes: number): CompiledFilter {
  checkFilterText(expression, 'cannot compile the filter');
  return call((native) => new native.Filter(expression, linkType, snaplenBytes));
}

/** Opens a netfilter socket, already subscribed; needs CAP_NET_ADMIN. */
export function openNetlink(options: NetlinkOptions, batch: DatagramBatch): NativeNetlink {
  return call((native) => new native.Netlink(options, batch));
}

/**
 * Asks the kernel to back a buffer with huge pages; for large ones that are read at random, before they are touched.
 * False when it did not take the advice or the binding is not built: then nothing but speed is lost.
 */
export function adviseHugePages(buffer: ArrayBuffer): boolean {
  return nativeBindingProblem() === undefined && load().adviseHugePages(buffer);
}

/**
 * `bytes` bytes from one buffer into another, past the processor's caches: for large memory that is written all the time and
 * seldom read, which would drive out of them what is read all the time. Without the binding it copies as usual. What does
 * not lie in its buffer is a RangeError.
 */
export function streamCopy(
  target: ArrayBufferLike,
  at: number,
  source: ArrayBufferLike,
  from: number,
  bytes: number,
): void {
  // Asked once: to look for what is not there costs files.
  canStream ??= nativeBindingProblem() === undefined;
  if (canStream && target instanceof ArrayBuffer && source instanceof ArrayBuffer) {
    load().streamCopy(target, at, source, from, bytes);
  } else {
    new Uint8Array(target, at, bytes).set(new Uint8Array(source, from, bytes));
  }
}

/**
 * Reads counter files of a network namespace, such as `net/snmp`: each the text of /proc/thread-self/<name> seen from
 * inside, at most 64 KiB, undefined where it cannot be read. Off the event loop, 0.1-0.2 ms a call.
 */
export async function readInNamespace(
  path: string,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  for (const name of names) {
    if (!/^[a-z0-9_]+(\/[a-z0-9_]+)*$/.test(name))
      throw new TypeError(`not a file of /proc/thread-self: ${name}`);
  }
  if (path === '' || path.includes('\0')) {
    throw captureError(
      'CAPTURE_BAD_NAMESPACE',
      `cannot read kernel counters: ${JSON.stringify(path)} is not a path`,
    );
  }
  const native = load();
  try {
    return await native.readInNamespace(path, names);
  } catch (error) {
    throw asCaptureError(error);
  }
}

/** Refuses what could not even be handed to libpcap's compiler. */
export function checkFilterText(expression: string, subject: string): void {
  if (expression.includes('\0') || expression.length > MAX_FILTER_CHARS) {
    throw captureError(
      'CAPTURE_BAD_FILTER',
      `${subject}: the expression has a NUL byte or more than ${MAX_FILTER_CHARS} characters`,
    );
  }
}

function call<T>(use: (native: Addon) => T): T {
  const native = load();
  try {
    return use(native);
  } catch (error) {
    throw asCaptureError(error);
  }
}

/** The addon throws plain Errors with our codes; anything else is a bug and stays what it is. */
function asCaptureError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('CAPTURE_'))) return error;
  return captureError(error.code as CaptureErrorCode, error.message);
}

function load(): Addon {
  if (addon !== undefined) return addon;
  const path = findBinding();
  if (path === undefined) {
    throw captureError(
      'CAPTURE_NO_BINDING',
      `the libpcap binding is not built (no ${BINDING}); run npm run build:native (needs a C++ compiler, make, python3), or capture with --capture-backend portable`,
    );
  }
  try {
    addon = createRequire(import.meta.url)(path) as Addon;
    return addon;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw captureError(
      'CAPTURE_NO_BINDING',
      `the libpcap binding does not load in Node ${process.version}: ${why}; run npm run build:native, or capture with --capture-backend portable`,
      cause,
    );
  }
}

/** The build lies in the package's root, above this file as source and as dist/capture/native/index.js alike. */
function findBinding(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, BINDING);
    if (existsSync(path)) return path;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
