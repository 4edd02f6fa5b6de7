import { SinkError } from './sink.ts';

/** The promise, or the end of our patience: a disk or a peer that hangs must not keep the agent from stopping. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  const error = () => new SinkError('SINK_UNAVAILABLE', 'wait', `${what} did not answer in time`);
  // Its own failure, when it comes after that, is nobody's any more.
  promise.catch(() => {});
  if (signal.aborted) throw error();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(error());
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
