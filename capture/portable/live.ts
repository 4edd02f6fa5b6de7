/**
 * A live tap over npm `cap` in a child process. The child writes a pcap to a pipe and the file source reads it;
 * what is added here is the child's life: how it starts, why it ended, and that it never stays behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StreamByteReader } from '../byte-reader.ts';
import { captureError } from '../capture-error.ts';
import { allocateSlab, FileReading } from '../file-reading.ts';
import { FileSource } from '../file-source.ts';
import { PCAP_HEADER_BYTES, PcapReader, parsePcapHeader } from '../pcap-format.ts';
import {
  type CaptureError,
  type EndReason,
  type FrameBatch,
  LIVE_DEFAULTS,
  type LiveOptions,
  type PacketSource,
} from '../source.ts';
import type { ChildOptions } from './child.ts';
import { interfaceNames } from './interface-names.ts';
import { refusalOf } from './refusal.ts';

const MAX_STDERR_CHARS = 4096;
const MAX_SNAPLEN_BYTES = 65_535;
// A deleted interface goes down first; only after the kernel's grace period does its name disappear.
const NAME_CHECKS = 10;
const NAME_CHECK_MS = 50;
const DRAIN_MS = 250;

/** A child process, and how it ended. */
interface Child {
  readonly process: ChildProcess;
  /** Settles when the process is gone and reaped. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The beginning of what it wrote to stderr. */
  stderr(): string;
  kill(): void;
}

/**
 * Resolves when the capture runs; rejects with a CaptureError that says what to do. Options that `cap` cannot
 * honour are refused; `readTimeoutMs` is met by not waiting at all.
 */
export async function openPortableLive(options: LiveOptions): Promise<PacketSource> {
  const child = start(checkOptions(options));
  try {
    const source = await openStream(child, options.interface);
    return live(source, child, options.interface);
  } catch (error) {
    child.kill();
    await child.exited;
    throw error;
  }
}

function checkOptions(options: LiveOptions): ChildOptions {
  const subject = `cannot open ${options.interface}`;
  const unsupported = (what: string): CaptureError =>
    captureError(
      'CAPTURE_UNSUPPORTED',
      `${subject}: the portable backend ${what}; build the native one with npm run build:native`,
    );
  if (options.netns !== undefined && options.netns !== '') {
    throw unsupported(`cannot enter the network namespace ${options.netns}`);
  }
  if (options.promiscuous === false) throw unsupported('cannot capture without promiscuous mode');
  const snaplenBytes = options.snaplenBytes ?? LIVE_DEFAULTS.snaplenBytes;
  if (snaplenBytes > MAX_SNAPLEN_BYTES) {
    throw unsupported(`keeps at most ${MAX_SNAPLEN_BYTES} bytes of a frame, not ${snaplenBytes}`);
  }
  if (options.interface === 'any') {
    throw captureError(
      'CAPTURE_BAD_OPTION',
      `${subject}: it would show a frame on a bridge two or three times; name one interface`,
    );
  }
  return {
    interface: options.interface,
    filter: options.filter ?? LIVE_DEFAULTS.filter,
    bufferBytes: options.bufferBytes ?? LIVE_DEFAULTS.bufferBytes,
    snaplenBytes,
  };
}

function start(options: ChildOptions): Child {
  const here = fileURLToPath(import.meta.url);
  // From the sources this file ends in .ts, and so does the child, which Node then runs through tsx.
  const loader =
    extname(here) === '.ts'
      ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
      : [];
  // From the root, because a bundler puts this file elsewhere, as deep (rolldown.config.ts).
  const script = fileURLToPath(new URL(`../../capture/portable/child${extname(here)}`, import.meta.url));
  // Its abort is expected: it shall not leave a core dump of a Node process each time.
  const command = ['-c', 'ulimit -c 0; exec "$@"', 'sh'];
  const node = [process.execPath, ...loader, script, JSON.stringify(options)];
  const childProcess = spawn('/bin/sh', [...command, ...node], { stdio: 'pipe' });

  let stderr = '';
  childProcess.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, MAX_STDERR_CHARS);
  });
  // Its end is its exit; that stdin, our leash, breaks then is no news.
  childProcess.stdin.on('error', () => {});
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    childProcess.once('close', (code, signal) => resolve({ code, signal }));
    childProcess.once('error', (error) => {
      stderr = error.message;
      resolve({ code: null, signal: null });
    });
  });
  return {
    process: childProcess,
    exited,
    stderr: () => stderr,
    kill: () => void childProcess.kill('SIGKILL'),
  };
}

/** Waits for the pcap header, the child's word that it captures. */
async function openStream(child: Child, name: string): Promise<FileSource> {
  const bytes = new StreamByteReader(child.process.stdout!);
  const slab = allocateSlab();
  const { chunkAt } = slab;
  let end = chunkAt;
  while (end - chunkAt < PCAP_HEADER_BYTES) {
    const count = await bytes.read(slab.bytes, end);
    if (count === 0) throw refusalOf(name, await explain(child), child.stderr());
    end += count;
  }
  const header = parsePcapHeader(slab.batch.data, chunkAt);
  if (header === undefined) throw new Error('the capture process did not write a pcap');
  const reader = new PcapReader(header, { name, linkType: header.linkType });
  const start = chunkAt + PCAP_HEADER_BYTES;
  return new FileSource(new FileReading({ name, bytes, reader, slab, start, end }));
}

async function explain(child: Child): Promise<string> {
  const { code, signal } = await child.exited;
  return signal === null ? `exit code ${code}` : signal;
}

function live(source: FileSource, child: Child, name: string): PacketSource {
  let closed = false;
  return {
    backend: 'portable',
    interfaces: source.interfaces,
    stats: () => source.stats(),
    async run(onBatch: (batch: FrameBatch) => void) {
      try {
        const end = await source.run(onBatch);
        if (closed || end.reason === 'closed') return { reason: 'closed' };
        return await endOf(child, name, end);
      } finally {
        child.kill();
        await child.exited;
      }
    },
    drain() {
      closed = true;
      // It hands over what it has read and goes; while packets keep coming it does not hear us.
      child.process.stdin?.end();
      setTimeout(() => child.kill(), DRAIN_MS).unref();
    },
    close() {
      closed = true;
      child.kill();
      source.close();
    },
  };
}

/** Why a running child's pipe ended. */
async function endOf(child: Child, name: string, end: EndReason): Promise<EndReason> {
  if (end.reason === 'failed') return end;
  const { code, signal } = await child.exited;
  if (signal === 'SIGABRT') {
    return (await isGone(name))
      ? { reason: 'interface-gone', detail: `${name} was deleted` }
      : { reason: 'interface-down', detail: `${name} went down` };
  }
  const exit = signal ?? `exit code ${code}`;
  return {
    reason: 'failed',
    detail: `the capture process of ${name} ended (${exit}) ${child.stderr().trim()}`.trim(),
  };
}

async function isGone(name: string): Promise<boolean> {
  for (let check = 0; check < NAME_CHECKS; check++) {
    if (!interfaceNames().includes(name)) return true;
    await delay(NAME_CHECK_MS);
  }
  return false;
}
