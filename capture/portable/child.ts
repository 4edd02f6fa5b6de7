/**
 * The process in which `cap` captures, because it aborts the process whose interface goes away. It writes a
 * nanosecond pcap to stdout and nothing else there; a refusal goes to stderr as one line of JSON. It must not
 * outlive its parent: the end of stdin or a broken stdout ends it.
 *
 * While packets keep coming `cap` never returns to the event loop, so all that matters happens in its callback.
 * A full pipe stops it: the kernel's ring then takes what it can hold, and loses the rest uncounted.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { stampClock } from './cap-clock.ts';
import { LINK_TYPES_OF_CAP, type Refusal } from './cap-words.ts';
import { isReceiving } from './own-socket.ts';

interface Cap {
  open(device: string, filter: string, bufferBytes: number, frame: Buffer): string;
  on(event: 'packet', listener: (bytes: number) => void): void;
}

export interface ChildOptions {
  readonly interface: string;
  readonly filter: string;
  readonly bufferBytes: number;
  readonly snaplenBytes: number;
}

const STDOUT = 1;
const MAX_FRAME_BYTES = 65_535;
const RECORD_HEADER_BYTES = 16;
const OUT_BYTES = 256 * 1024;
// How long a frame may wait for company on its way to the parent: a write for each costs both sides more than cap does.
const MAX_WAIT_MS = 10;
const FULL_PIPE_WAIT_MS = 1;
const SOCKET_CHECK_MS = 250;

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const clock = stampClock();
const out = Buffer.alloc(OUT_BYTES);
const pause = new Int32Array(new SharedArrayBuffer(4));
let filled = 0;
let firstMs = 0;
let timer: NodeJS.Timeout | undefined;

function main(): void {
  process.stdin.on('end', () => {
    flush();
    process.exit(0);
  });
  process.stdin.resume();

  const frame = Buffer.alloc(MAX_FRAME_BYTES);
  const cap = open(frame);
  cap.on('packet', (bytes) => add(frame, bytes));
  setInterval(endWithInterface, SOCKET_CHECK_MS);
}

/** An interface that goes while frames are being handed over does not end `cap`, as it otherwise does: by an abort. */
function endWithInterface(): void {
  if (isReceiving() !== false) return;
  flush();
  process.abort();
}

function open(frame: Buffer): Cap {
  try {
    const { Cap } = createRequire(import.meta.url)('cap') as { Cap: new () => Cap };
    const cap = new Cap();
    const word = cap.open(options.interface, options.filter, options.bufferBytes, frame);
    const linkType = LINK_TYPES_OF_CAP[word];
    if (linkType === undefined) return refuse({ what: 'link-type', words: word });
    writeHeader(linkType);
    return cap;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' ? 'load' : 'open';
    return refuse({ what, words: message });
  }
}

function refuse(refusal: Refusal): never {
  fs.writeSync(2, `${JSON.stringify(refusal)}\n`);
  process.exit(1);
}

function writeHeader(linkType: number): void {
  out.writeUInt32LE(0xa1b23c4d, 0);
  out.writeUInt16LE(2, 4);
  out.writeUInt16LE(4, 6);
  out.fill(0, 8, 16);
  out.writeUInt32LE(options.snaplenBytes, 16);
  out.writeUInt32LE(linkType, 20);
  filled = 24;
  flush();
}

function add(frame: Buffer, bytes: number): void {
  const nowMs = clock.now();
  const kept = Math.min(bytes, options.snaplenBytes);
  if (filled + RECORD_HEADER_BYTES + kept > OUT_BYTES) flush();
  if (filled === 0) {
    firstMs = nowMs;
    // Runs only when cap has emptied the ring; until then the time is looked at below.
    timer ??= setTimeout(flush, MAX_WAIT_MS);
  }
  const sec = Math.floor(nowMs / 1000);
  out.writeUInt32LE(sec, filled);
  out.writeUInt32LE(Math.floor((nowMs - sec * 1000) * 1_000_000), filled + 4);
  out.writeUInt32LE(kept, filled + 8);
  out.writeUInt32LE(bytes, filled + 12);
  frame.copy(out, filled + RECORD_HEADER_BYTES, 0, kept);
  filled += RECORD_HEADER_BYTES + kept;
  if (nowMs - firstMs > MAX_WAIT_MS) flush();
}

function flush(): void {
  clearTimeout(timer);
  timer = undefined;
  for (let at = 0; at < filled; ) at += write(at);
  filled = 0;
  clock.retie();
}

/** Bytes written; 0 when the pipe is full, after a moment's wait. */
function write(at: number): number {
  try {
    return fs.writeSync(STDOUT, out, at, filled - at);
  } catch (error) {
    // Node's pipes do not block: a parent that is busy is no parent that is gone.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(0);
    Atomics.wait(pause, 0, 0, FULL_PIPE_WAIT_MS);
    return 0;
  }
}

main();
