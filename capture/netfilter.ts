/**
 * A socket to the kernel's netfilter (NETLINK_NETFILTER) over our binding: messages come in batches as the kernel
 * sent them, with what it threw away counted. It never looks into a message.
 */
import { captureError } from './capture-error.ts';
import { type DatagramBatch, openNetlink } from './native/index.ts';

export interface NetfilterOptions {
  /** NFNLGRP_ numbers (linux/netfilter/nfnetlink.h). */
  readonly groups: readonly number[];
  /** Path of a network namespace, entered for the opening only; ours by default. */
  readonly netns?: string;
  /** What the kernel may hold for us; beyond it messages are thrown away. */
  readonly bufferBytes?: number;
}

/** Borrowed: valid for the length of the call. */
export interface NetfilterBatch extends DatagramBatch {
  readonly count: number;
  /** Nothing was left in the queue, so that what comes next happened after this batch. */
  readonly drained: boolean;
  /** How often the kernel threw messages away since the batch before. */
  readonly overruns: number;
}

export interface NetfilterSocket {
  /** Delivers until close() (answers undefined) or a failure of the socket (answers why). Once. */
  run(onBatch: (batch: NetfilterBatch) => void): Promise<string | undefined>;
  send(message: Uint8Array): void;
  /** Messages that the kernel threw away since the opening; undefined where it does not tell. */
  drops(): number | undefined;
  /** Idempotent. */
  close(): void;
}

/** About 16,000 events: half a second of a very busy host. The kernel counts its own overhead in it. */
const BUFFER_BYTES = 4 * 1024 * 1024;
// A turn's work: 512 events are some 3 ms of parsing, and the slab must hold one datagram of 32 KiB.
const MAX_DATAGRAMS = 512;
const SLAB_BYTES = 256 * 1024;

/** Opens and subscribes, or throws a CaptureError that says what to do. */
export function openNetfilter(options: NetfilterOptions): NetfilterSocket {
  const { groups, netns, bufferBytes = BUFFER_BYTES } = options;
  if (netns !== undefined && (netns === '' || netns.includes('\0'))) {
    throw captureError(
      'CAPTURE_BAD_NAMESPACE',
      `cannot listen to the kernel's connection tracking: ${JSON.stringify(netns)} is not a path`,
    );
  }
  if (!groups.every((group) => Number.isInteger(group) && group > 0 && group < 32)) {
    throw captureError('CAPTURE_BAD_OPTION', `no netfilter groups: ${groups.join(', ')}`);
  }
  const memory: DatagramBatch = {
    data: new DataView(new ArrayBuffer(SLAB_BYTES)),
    offset: new Uint32Array(MAX_DATAGRAMS),
    length: new Uint32Array(MAX_DATAGRAMS),
  };
  const native = openNetlink({ groups, netns: netns ?? '', bufferBytes }, memory);
  const { data, offset, length } = memory;
  let finish: (why: string | undefined) => void = () => {};
  let closed = false;

  return {
    run: (onBatch) =>
      new Promise((resolve, reject) => {
        if (closed) return resolve(undefined);
        finish = resolve;
        native.run((count, drained, overruns) => {
          try {
            onBatch({ data, offset, length, count, drained, overruns });
          } catch (error) {
            native.close();
            reject(error);
          }
        }, resolve);
      }),
    send: (message) => native.send(message),
    drops: () => native.drops(),
    close() {
      closed = true;
      native.close();
      finish(undefined);
    },
  };
}
