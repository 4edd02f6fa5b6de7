/** Decouples reading the engine's stream from applying it, so that the engine never finds us slow and drops us. */
import { DockerError } from './docker-error.ts';
import { type EngineEvent, readEvent } from './engine-json.ts';

/** Events waiting for the first list; beyond that a new list is cheaper than catching up. */
const MAX_QUEUED_EVENTS = 10_000;

export class EventQueue {
  readonly #events: EngineEvent[] = [];
  #wake: () => void = () => {};
  #ended = false;
  error: unknown;

  async fillFrom(events: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    try {
      for await (const json of events) {
        const event = readEvent(json);
        if (event === undefined) continue;
        this.#events.push(event);
        if (this.#events.length > MAX_QUEUED_EVENTS) {
          throw new DockerError(
            'DOCKER_NOT_ANSWERING',
            'the engine sent events faster than it answered questions; listing everything again',
          );
        }
        this.#wake();
      }
      this.end(undefined);
    } catch (error) {
      this.end(signal.aborted ? undefined : error);
    }
  }

  end(error: unknown): void {
    this.#ended = true;
    this.error ??= error;
    this.#wake();
  }

  /** Undefined once the stream has ended; what was queued then is not worth applying, a new list follows. */
  async next(): Promise<EngineEvent | undefined> {
    while (this.#events.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#ended ? undefined : this.#events.shift();
  }
}
