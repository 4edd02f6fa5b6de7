/**
 * The port through which bytes come in. A source hands over batches of frames in one slab; nobody above it
 * knows whether they come from a live tap, a file or a test. It must never decode and never know Docker.
 */

/** LINKTYPE_ values of the tcpdump project (pcap files and libpcap agree on these). */
export type LinkType = number;

/**
 * Frames in one slab, structure of arrays, no object a packet. Borrowed: valid until the next batch is asked
 * for, then the source reuses the memory.
 */
export interface FrameBatch {
  /** The slab. Frame i is bytes [offset[i], offset[i] + capLen[i]). */
  readonly data: DataView;
  count: number;
  readonly offset: Uint32Array;
  /** Bytes captured. */
  readonly capLen: Uint32Array;
  /** Bytes on the wire; equal to capLen where the source cannot know. */
  readonly wireLen: Uint32Array;
  /** Seconds since the epoch, UTC. */
  readonly tsSec: Uint32Array;
  /** Nanoseconds within the second, 0..999,999,999. */
  readonly tsNsec: Uint32Array;
  /** Index into the source's `interfaces`. */
  readonly ifIndex: Uint32Array;
}

export interface CaptureInterface {
  /** `br-1a2b3c4d5e6f`, or the if_name of a pcapng file, or the file's base name for classic pcap. */
  readonly name: string;
  readonly linkType: LinkType;
  /** From pcapng's if_description, when there is one. */
  readonly description?: string;
}

/** Totals since the source was opened. `undefined` is not zero: the source cannot know. */
export interface CaptureStats {
  readonly received: number;
  readonly droppedByKernel?: number;
  readonly droppedByInterface?: number;
}

/** Why a source ended. */
export type EndReason =
  | { readonly reason: 'closed' }
  | { readonly reason: 'end-of-file' }
  | { readonly reason: 'interface-down' | 'interface-gone'; readonly detail: string }
  | { readonly reason: 'truncated' | 'failed'; readonly detail: string };

export interface PacketSource {
  readonly backend: 'native' | 'portable' | 'file' | 'memory';
  /** May grow while a pcapng file is read; entries never change. */
  readonly interfaces: readonly CaptureInterface[];
  /**
   * Delivers batches until the source ends, then resolves with the reason; it never rejects for what the
   * world does to an open tap (that is an EndReason), only for our own bugs. `onBatch` is synchronous and
   * bounded work: a live source yields to the event loop between two calls.
   */
  run(onBatch: (batch: FrameBatch) => void): Promise<EndReason>;
  stats(): CaptureStats;
  /**
   * Takes no new frames from now on, delivers those that it holds already, then `run` resolves with `closed`: within
   * the read timeout and what the ring's content takes. Absent where nothing is held back; idempotent.
   */
  drain?(): void;
  /** Idempotent; `run` then resolves with `closed`. All handles and memory are released. */
  close(): void;
}

export type CaptureErrorCode =
  | 'CAPTURE_NO_LIBPCAP'
  | 'CAPTURE_NO_BINDING'
  | 'CAPTURE_NO_INTERFACE'
  | 'CAPTURE_INTERFACE_DOWN'
  | 'CAPTURE_PERMISSION'
  | 'CAPTURE_BAD_FILTER'
  | 'CAPTURE_BAD_NAMESPACE'
  | 'CAPTURE_BAD_OPTION'
  | 'CAPTURE_NOT_A_CAPTURE'
  | 'CAPTURE_UNSUPPORTED'
  | 'CAPTURE_PACKED'
  | 'CAPTURE_FILE'
  | 'CAPTURE_FAILED';

/** The world refused: the message says what was tried, with what, and what to do. */
export class CaptureError extends Error {
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CaptureError';
    this.code = code;
  }
}

export interface LiveOptions {
  readonly interface: string;
  /** Path of a network namespace (`/var/run/docker/netns/...`, `/proc/<pid>/ns/net`), entered for the opening only. */
  readonly netns?: string;
  /** Bytes kept of each frame. */
  readonly snaplenBytes?: number;
  /** Kernel ring, bytes. */
  readonly bufferBytes?: number;
  readonly promiscuous?: boolean;
  /** pcap-filter(7) expression. */
  readonly filter?: string;
  /** How long the kernel may hold frames back to hand them over together. */
  readonly readTimeoutMs?: number;
}

export const LIVE_DEFAULTS = {
  // GRO and TSO make frames of up to 64 KiB on a veth; a smaller snaplen would cut them.
  snaplenBytes: 65_535,
  bufferBytes: 8 * 1024 * 1024,
  promiscuous: true,
  filter: '',
  readTimeoutMs: 100,
} as const;

/** Allocates the arrays of a batch; used by the sources and by tests. */
export function allocateBatch(slabBytes: number, maxFrames: number): FrameBatch {
  return {
    data: new DataView(new ArrayBuffer(slabBytes)),
    count: 0,
    offset: new Uint32Array(maxFrames),
    capLen: new Uint32Array(maxFrames),
    wireLen: new Uint32Array(maxFrames),
    tsSec: new Uint32Array(maxFrames),
    tsNsec: new Uint32Array(maxFrames),
    ifIndex: new Uint32Array(maxFrames),
  };
}
