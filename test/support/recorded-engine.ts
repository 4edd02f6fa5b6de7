/**
 * What a real engine said, written down once and said again: every answer and every event of a DockerClient, in
 * order. The unit tests of the inventory run on such a recording; `BRIDGEWATCH_RECORD=1` with the integration test of
 * the inventory makes a new one.
 */
import type { DockerClient } from '../../src/sensor/docker/client.ts';
import { DockerError, type DockerErrorCode } from '../../src/sensor/docker/docker-error.ts';

export type Line =
  | { readonly get: string; readonly answer: unknown }
  | { readonly get: string; readonly error: { readonly code: DockerErrorCode; readonly status?: number } }
  | { readonly event: unknown };

const keyOf = (path: string, query: unknown): string =>
  query === undefined ? path : `${path}?${JSON.stringify(query)}`;

export function recording(client: DockerClient, lines: Line[]): DockerClient {
  return {
    label: client.label,
    async get(path, query, signal) {
      const get = keyOf(path, query);
      try {
        const answer = await client.get(path, query, signal);
        lines.push({ get, answer });
        return answer;
      } catch (error) {
        if (error instanceof DockerError && error.code !== 'DOCKER_ABORTED') {
          const { code, status } = error;
          lines.push({ get, error: { code, ...(status === undefined ? {} : { status }) } });
        }
        throw error;
      }
    },
    async events(filters, signal) {
      const events = await client.events(filters, signal);
      return (async function* () {
        for await (const event of events) {
          lines.push({ event });
          yield event;
        }
      })();
    },
  };
}

/**
 * Answers each question as it was answered then. An event comes when what was asked about the one before is answered,
 * as it was then; the stream stays open after them.
 */
export function replaying(lines: readonly Line[]): DockerClient {
  const answers = new Map<string, Exclude<Line, { event: unknown }>[]>();
  for (const line of lines) {
    if ('event' in line) continue;
    const list = answers.get(line.get);
    if (list === undefined) answers.set(line.get, [line]);
    else list.push(line);
  }
  return {
    label: 'recording',
    async get(path, query) {
      const key = keyOf(path, query);
      const line = answers.get(key)?.shift();
      if (line === undefined)
        throw new DockerError('DOCKER_API', `not in the recording: ${key}`, { status: 404 });
      if ('error' in line) throw new DockerError(line.error.code, 'as recorded', line.error);
      return line.answer;
    },
    async events(_filters, signal) {
      return (async function* () {
        for (const line of lines) {
          if (!('event' in line)) continue;
          yield line.event;
          await new Promise(setImmediate);
        }
        if (signal.aborted) return;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      })();
    },
  };
}
