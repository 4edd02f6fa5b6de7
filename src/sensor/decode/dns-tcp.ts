/**
 * DNS over TCP: messages cut out of the stream (RFC 1035 4.2.2: a two-byte length, then the message), over any
 * segmentation. Bounded three ways: bytes a connection, connections, bytes in all; what goes over is counted. It is
 * no general reassembly: a hole that does not close soon is skipped, and the next plausible start taken.
 */

/** Called with the bytes of one message, [at, end) of `data`: borrowed, valid during the call only. */
export type DnsMessageHandler = (data: DataView, at: number, end: number) => void;

export interface DnsTcpOptions {
  readonly maxConnections?: number;
  /** Buffered in all connections. */
  readonly maxTotalBytes?: number;
  /** A stretch of a stream that is no DNS: called during `push`, for the direction that was pushed. */
  readonly onPassedOver?: (bytes: number) => void;
}

export const DNS_TCP_DEFAULTS = {
  maxConnections: 4096,
  maxTotalBytes: 16 * 1024 * 1024,
};

/** The longest message and its length: the bound of what a connection may have waiting, both directions together. */
export const MAX_CONNECTION_BYTES = 65_537;
/** Segments held while one before them is missing. */
const MAX_HELD = 16;
const LENGTH_BYTES = 2;
const MIN_MESSAGE_BYTES = 12;

interface Held {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** One direction of a connection. */
interface Stream {
  /** Sequence number of the next byte; undefined until one is known. */
  next: number | undefined;
  /** Begun messages: bytes [0, filled). */
  buffer: Uint8Array;
  filled: number;
  held: Held[];
  heldBytes: number;
}

interface Connection {
  readonly orig: Stream;
  readonly resp: Stream;
}

export class DnsTcpReassembler {
  /** Connections forgotten with bytes that waited, because there were too many of either. An idle one loses nothing. */
  evicted = 0;
  /** Holes skipped: a message was lost, ours or theirs. */
  gaps = 0;
  /** Starts that were no DNS: an impossible length, or no header behind it. */
  resyncs = 0;
  readonly #connections = new Map<number, Connection>();
  readonly #maxConnections: number;
  readonly #maxTotalBytes: number;
  readonly #onPassedOver: ((bytes: number) => void) | undefined;
  #totalBytes = 0;

  constructor(options: DnsTcpOptions = {}) {
    this.#maxConnections = options.maxConnections ?? DNS_TCP_DEFAULTS.maxConnections;
    this.#maxTotalBytes = options.maxTotalBytes ?? DNS_TCP_DEFAULTS.maxTotalBytes;
    this.#onPassedOver = options.onPassedOver;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get bufferedBytes(): number {
    return this.#totalBytes;
  }

  /**
   * One segment. `key` is the connection's (never one that is used again while it lives; see `end`), `seq` the
   * number of its first payload byte or of its SYN.
   */
  push(
    key: number,
    fromOrig: boolean,
    seq: number,
    isSyn: boolean,
    data: DataView,
    at: number,
    end: number,
    onMessage: DnsMessageHandler,
  ): void {
    if (!isSyn && end <= at) return;
    const connection = this.#connection(key);
    const stream = fromOrig ? connection.orig : connection.resp;
    // A SYN takes a number of its own; payload may come with it (RFC 7413).
    const first = isSyn ? (seq + 1) >>> 0 : seq;
    if (isSyn) this.#reset(stream, first);
    if (end > at) this.#take(connection, stream, first, data, at, end, onMessage);
    this.#bound();
  }

  /** The connection is over. */
  end(key: number): void {
    const connection = this.#connections.get(key);
    if (connection === undefined) return;
    this.#reset(connection.orig, undefined);
    this.#reset(connection.resp, undefined);
    this.#connections.delete(key);
  }

  /** The connections with keys in [from, to) are over. */
  endRange(from: number, to: number): void {
    for (const key of this.#connections.keys()) if (key >= from && key < to) this.end(key);
  }

  #connection(key: number): Connection {
    let connection = this.#connections.get(key);
    if (connection !== undefined) {
      // The map keeps the order of insertion: the one heard last goes to its end.
      this.#connections.delete(key);
    } else {
      connection = { orig: newStream(), resp: newStream() };
    }
    this.#connections.set(key, connection);
    return connection;
  }

  #bound(): void {
    while (this.#connections.size > this.#maxConnections || this.#totalBytes > this.#maxTotalBytes) {
      const oldest = this.#connections.keys().next();
      if (oldest.done) return;
      if (connectionBytes(this.#connections.get(oldest.value)!) > 0) this.evicted++;
      this.end(oldest.value);
    }
  }

  #take(
    connection: Connection,
    stream: Stream,
    seq: number,
    data: DataView,
    at: number,
    end: number,
    onMessage: DnsMessageHandler,
  ): void {
    stream.next ??= seq;
    const ahead = (seq - stream.next) | 0;
    if (ahead > 0) {
      if (this.#hold(connection, stream, seq, data, at, end)) return;
      this.#skipHole(connection, stream, onMessage);
      this.#take(connection, stream, seq, data, at, end, onMessage);
      return;
    }
    // Bytes seen already.
    const from = at - ahead;
    if (from < end) this.#append(connection, stream, data, from, end, onMessage);
    this.#release(connection, stream, onMessage);
  }

  /** False when the segment cannot wait: the hole before it has to be given up. */
  #hold(
    connection: Connection,
    stream: Stream,
    seq: number,
    data: DataView,
    at: number,
    end: number,
  ): boolean {
    const length = end - at;
    if (stream.held.some((held) => held.seq === seq && held.bytes.length >= length)) return true;
    if (stream.held.length === MAX_HELD) return false;
    if (connectionBytes(connection) + length > MAX_CONNECTION_BYTES) return false;
    const bytes = new Uint8Array(data.buffer, data.byteOffset + at, length).slice();
    let i = stream.held.length;
    while (i > 0 && ((stream.held[i - 1]!.seq - seq) | 0) > 0) i--;
    stream.held.splice(i, 0, { seq, bytes });
    stream.heldBytes += length;
    this.#totalBytes += length;
    return true;
  }

  /** Held segments that the stream has caught up with. */
  #release(connection: Connection, stream: Stream, onMessage: DnsMessageHandler): void {
    for (let held = stream.held[0]; held !== undefined; held = stream.held[0]) {
      const ahead = (held.seq - stream.next!) | 0;
      if (ahead > 0) return;
      stream.held.shift();
      stream.heldBytes -= held.bytes.length;
      this.#totalBytes -= held.bytes.length;
      if (-ahead >= held.bytes.length) continue;
      const view = new DataView(held.bytes.buffer, held.bytes.byteOffset, held.bytes.byteLength);
      this.#append(connection, stream, view, -ahead, held.bytes.length, onMessage);
    }
  }

  /** Goes on at the first held segment, or wherever the next one starts. */
  #skipHole(connection: Connection, stream: Stream, onMessage: DnsMessageHandler): void {
    this.gaps++;
    this.#dropPartial(stream);
    stream.next = stream.held[0]?.seq;
    if (stream.next === undefined) return;
    // What waited may hold whole messages, if it starts with one.
    this.#release(connection, stream, onMessage);
  }

  /** In-order bytes. Whole messages go out of the slab as they stand; only a rest is copied. */
  #append(
    connection: Connection,
    stream: Stream,
    data: DataView,
    at: number,
    end: number,
    onMessage: DnsMessageHandler,
  ): void {
    stream.next = (stream.next! + (end - at)) >>> 0;
    let from = at;
    if (stream.filled > 0) {
      from = this.#fill(connection, stream, data, at, end, onMessage);
      if (stream.filled > 0) return;
    }
    while (from < end) {
      if (!isPlausible(data, from, end)) {
        // Not a stream of DNS, or we came in the middle: wait for a segment that starts with a message.
        this.resyncs++;
        this.#onPassedOver?.(end - from);
        return;
      }
      const message = from + LENGTH_BYTES;
      const messageEnd = end - from >= LENGTH_BYTES ? message + data.getUint16(from) : end + 1;
      if (messageEnd > end) {
        this.#keep(connection, stream, data, from, end);
        return;
      }
      onMessage(data, message, messageEnd);
      from = messageEnd;
    }
  }

  /** Completes the message that was begun; returns where the next one starts. */
  #fill(
    connection: Connection,
    stream: Stream,
    data: DataView,
    at: number,
    end: number,
    onMessage: DnsMessageHandler,
  ): number {
    let from = at;
    while (from < end) {
      const wanted =
        stream.filled < LENGTH_BYTES
          ? LENGTH_BYTES
          : LENGTH_BYTES + ((stream.buffer[0]! << 8) | stream.buffer[1]!);
      const take = Math.min(wanted - stream.filled, end - from);
      if (take > 0 && !this.#keep(connection, stream, data, from, from + take)) return end;
      from += take;
      if (stream.filled < wanted) return end;
      if (wanted === LENGTH_BYTES) {
        if (((stream.buffer[0]! << 8) | stream.buffer[1]!) >= MIN_MESSAGE_BYTES) continue;
        this.resyncs++;
        this.#dropPartial(stream);
        this.#onPassedOver?.(LENGTH_BYTES + end - from);
        return end;
      }
      const buffer = stream.buffer;
      this.#dropPartial(stream);
      onMessage(new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength), LENGTH_BYTES, wanted);
      return from;
    }
    return from;
  }

  /** Copies to the begun message; false, and the message is given up, when the connection's bound is reached. */
  #keep(connection: Connection, stream: Stream, data: DataView, at: number, end: number): boolean {
    const length = end - at;
    if (connectionBytes(connection) + length > MAX_CONNECTION_BYTES) {
      this.gaps++;
      this.#dropPartial(stream);
      return false;
    }
    if (stream.filled + length > stream.buffer.length) {
      const grown = new Uint8Array(
        Math.min(Math.max(512, (stream.filled + length) * 2), MAX_CONNECTION_BYTES),
      );
      grown.set(stream.buffer.subarray(0, stream.filled));
      stream.buffer = grown;
    }
    stream.buffer.set(new Uint8Array(data.buffer, data.byteOffset + at, length), stream.filled);
    stream.filled += length;
    this.#totalBytes += length;
    return true;
  }

  #dropPartial(stream: Stream): void {
    this.#totalBytes -= stream.filled;
    stream.filled = 0;
    stream.buffer = NOTHING;
  }

  #reset(stream: Stream, next: number | undefined): void {
    this.#dropPartial(stream);
    this.#totalBytes -= stream.heldBytes;
    stream.held = [];
    stream.heldBytes = 0;
    stream.next = next;
  }
}

const NOTHING = new Uint8Array(0);

function newStream(): Stream {
  return { next: undefined, buffer: NOTHING, filled: 0, held: [], heldBytes: 0 };
}

function connectionBytes(connection: Connection): number {
  const { orig, resp } = connection;
  return orig.filled + orig.heldBytes + resp.filled + resp.heldBytes;
}

/** A length that holds a header, and, as far as it is there, a header with few questions. */
function isPlausible(data: DataView, at: number, end: number): boolean {
  if (end - at < LENGTH_BYTES) return true;
  if (data.getUint16(at) < MIN_MESSAGE_BYTES) return false;
  // Questions are 0 or 1; anything above a handful is not the start of a message.
  return end - at < 8 || data.getUint16(at + 6) <= 8;
}
