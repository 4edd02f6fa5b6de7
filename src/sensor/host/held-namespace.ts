/**
 * The network namespace of a container, held open from the moment it is known until its counters were read a last
 * time: a container that fails and is gone within a moment still says what it tried. Holding keeps the namespace in
 * the kernel, so it ends with that reading, some milliseconds after the container; its interfaces go with the
 * container, they are the engine's to delete. One descriptor a running container.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type NamespaceReaderOptions, namespacePath, type Reading, readThere } from './namespace-counters.ts';

export class HeldNamespace {
  readonly #handle: Promise<FileHandle | undefined>;
  readonly #options: NamespaceReaderOptions;

  constructor(container: ContainerState, options: NamespaceReaderOptions) {
    this.#options = options;
    this.#handle = hold(container, options);
  }

  /** Also after the container has ended. */
  async read(): Promise<Reading> {
    const handle = await this.#handle;
    if (handle === undefined) return { ok: false, reason: 'its namespace could not be held open' };
    return readThere(`/proc/self/fd/${handle.fd}`, 'its namespace', this.#options);
  }

  /** Idempotent. */
  async release(): Promise<void> {
    const handle = await this.#handle;
    await handle?.close().catch(() => {});
  }
}

/** Never rejects: what cannot be held is read while the container lives, or not at all. */
async function hold(
  container: ContainerState,
  options: NamespaceReaderOptions,
): Promise<FileHandle | undefined> {
  if (options.readInNamespace === undefined) return undefined;
  const path = await namespacePath(container, options);
  return path === undefined ? undefined : open(path, 'r').catch(() => undefined);
}
