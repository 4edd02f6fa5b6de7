/** One capture file as a source of packets. */
import type { FileReading } from './file-reading.ts';
import type { CaptureInterface, CaptureStats, EndReason, FrameBatch, PacketSource } from './source.ts';

export class FileSource implements PacketSource {
  readonly backend = 'file';
  readonly #reading: FileReading;
  #started = false;
  #closed = false;

  constructor(reading: FileReading) {
    this.#reading = reading;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#reading.interfaces;
  }

  stats(): CaptureStats {
    return this.#reading.stats();
  }

  async run(onBatch: (batch: FrameBatch) => void): Promise<EndReason> {
    if (this.#closed) return { reason: 'closed' };
    if (this.#started) throw new Error('run() was called twice');
    this.#started = true;
    const reading = this.#reading;
    try {
      for (;;) {
        const end = await reading.next();
        if (this.#closed) return { reason: 'closed' };
        if (end !== undefined) return end;
        onBatch(reading.batch);
      }
    } finally {
      await reading.close();
    }
  }

  close(): void {
    this.#closed = true;
    void this.#reading.close();
  }
}
