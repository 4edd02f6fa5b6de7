/**
 * PacketSource over a live interface, through our libpcap binding. All live taps of a process share one slab: a
 * batch is only lent for the length of `onBatch`, so that a tap costs its kernel ring and nothing here. It never
 * looks into a frame.
 */
import { captureError } from './capture-error.ts';
import { checkFilterText, type NativeTap, openTap } from './native/index.ts';
import {
  allocateBatch,
  type EndReason,
  type FrameBatch,
  LIVE_DEFAULTS,
  type LiveOptions,
  type PacketSource,
} from './source.ts';

/** A live source also says what the kernel and libpcap really gave. */
export interface LiveSource extends PacketSource {
  readonly backend: 'native';
  /** The kernel stamps nanoseconds; a libpcap before 1.5 passes on microseconds. */
  readonly timestampPrecision: 'nanoseconds' | 'microseconds';
  /** Verified with the kernel; undefined when it did not answer. */
  readonly promiscuous?: boolean;
}

// A turn's work. 4096 frames are 1-2 ms of decoding and analysis; 2 MiB hold at least 8 frames of the longest snaplen.
const MAX_FRAMES = 4096;
const SLAB_BYTES = 2 * 1024 * 1024;

// Ranges: 262,144 is libpcap's own maximum, and the size of the ring's blocks, of which the kernel needs one.
const SNAPLEN_BYTES = { min: 64, max: 262_144 };
const BUFFER_BYTES = { min: 262_144, max: 1024 * 1024 * 1024 };
const READ_TIMEOUT_MS = { min: 1, max: 10_000 };

let shared: FrameBatch | undefined;

/** Opens a tap, or throws a CaptureError that says what to do. Frames are kept in the kernel's ring until run(). */
export function openLive(options: LiveOptions): LiveSource {
  const complete = checkOptions(options);
  shared ??= allocateBatch(SLAB_BYTES, MAX_FRAMES);
  const tap = openTap(complete, shared);
  const facts = tap.facts();
  if (facts === undefined) throw new Error('a tap that was just opened has no facts');
  let finish: (reason: EndReason) => void = () => {};
  let state: 'open' | 'running' | 'closed' = 'open';

  return {
    backend: 'native',
    interfaces: [{ name: options.interface, linkType: facts.linkType }],
    timestampPrecision: facts.nanoseconds ? 'nanoseconds' : 'microseconds',
    ...(facts.promiscuous === undefined ? {} : { promiscuous: facts.promiscuous }),
    stats: () => tap.stats(),
    async run(onBatch) {
      if (state === 'closed') return { reason: 'closed' };
      if (state === 'running') throw new Error('run() was called twice');
      state = 'running';
      return new Promise<EndReason>((resolve, reject) => {
        finish = resolve;
        runTap(tap, onBatch, resolve, reject);
      });
    },
    drain() {
      tap.drain();
      if (state === 'open') state = 'closed';
    },
    close() {
      state = 'closed';
      tap.close();
      finish({ reason: 'closed' });
    },
  };
}

function runTap(
  tap: NativeTap,
  onBatch: (batch: FrameBatch) => void,
  resolve: (reason: EndReason) => void,
  reject: (error: unknown) => void,
): void {
  const batch = shared!;
  tap.run(
    (count) => {
      try {
        batch.count = count;
        onBatch(batch);
      } catch (error) {
        tap.close();
        reject(error);
      }
    },
    (reason, detail) => {
      if (reason === 'closed') resolve({ reason });
      else resolve({ reason: reason as 'interface-down' | 'interface-gone' | 'failed', detail });
    },
  );
}

function checkOptions(options: LiveOptions): Required<LiveOptions> {
  const subject = `cannot open ${JSON.stringify(options.interface).slice(1, -1)}`;
  const bad = (why: string) => captureError('CAPTURE_BAD_OPTION', `${subject}: ${why}`);
  const inRange = (
    name: 'snaplenBytes' | 'bufferBytes' | 'readTimeoutMs',
    range: { min: number; max: number },
  ) => {
    const value = options[name] ?? LIVE_DEFAULTS[name];
    if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
    throw bad(`${name} is ${value}, and must be a whole number from ${range.min} to ${range.max}`);
  };

  // The kernel's own rule for names (dev_valid_name in net/core/dev.c).
  if (!/^[^\s/:\0]+$/.test(options.interface) || Buffer.byteLength(options.interface) > 15) {
    throw bad('not an interface name (1 to 15 bytes without spaces, slashes and colons)');
  }
  if (options.interface === 'any') {
    throw bad('it would show a frame on a bridge two or three times; name one interface');
  }
  if (options.netns !== undefined && (options.netns === '' || options.netns.includes('\0'))) {
    throw captureError('CAPTURE_BAD_NAMESPACE', `${subject}: ${JSON.stringify(options.netns)} is not a path`);
  }
  const filter = options.filter ?? LIVE_DEFAULTS.filter;
  checkFilterText(filter, subject);
  return {
    interface: options.interface,
    netns: options.netns ?? '',
    filter,
    promiscuous: options.promiscuous ?? LIVE_DEFAULTS.promiscuous,
    snaplenBytes: inRange('snaplenBytes', SNAPLEN_BYTES),
    bufferBytes: inRange('bufferBytes', BUFFER_BYTES),
    readTimeoutMs: inRange('readTimeoutMs', READ_TIMEOUT_MS),
  };
}
