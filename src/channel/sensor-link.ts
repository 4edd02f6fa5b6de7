/**
 * The station's end of the channel when the sensor is another process: reads what is told, and acknowledges what the
 * station says is on the disk.
 */
import type { Duplex } from 'node:stream';
import { FrameReader, framed } from './frames.ts';
import {
  decodeToStation,
  encodeToSensor,
  MAX_MESSAGE_BYTES,
  type ToSensor,
  type ToStation,
} from './messages.ts';

export interface SensorLinkOptions {
  readonly stream: Duplex;
  readonly onMessage: (message: ToStation) => void;
  /** The sensor is gone, or its stream cannot be read on. `error`: absent after a `bye`. */
  readonly onEnd: () => void;
}

export class SensorLink {
  readonly #stream: Duplex;
  #acked = 0;

  constructor({ stream, onMessage, onEnd }: SensorLinkOptions) {
    this.#stream = stream;
    const reader = new FrameReader(MAX_MESSAGE_BYTES);
    stream.on('data', (chunk: Buffer) => {
      for (const bytes of reader.push(chunk)) onMessage(decodeToStation(bytes));
    });
    stream.once('end', onEnd);
    // Only the sensor writes here; its death is an end as well.
    stream.on('error', onEnd);
  }

  tell(message: Exclude<ToSensor, { type: 'ack' }>): void {
    this.#stream.write(framed(encodeToSensor(message)));
  }

  /** Says nothing more; `then` when all of it is on its way. */
  close(then: () => void): void {
    if (this.#stream.destroyed) then();
    else this.#stream.end(then);
  }

  /** Every message up to `n` is on the disk; saying so twice is no news. */
  acknowledge(n: number): void {
    if (n <= this.#acked) return;
    this.#acked = n;
    this.#stream.write(framed(encodeToSensor({ type: 'ack', n })));
  }
}
