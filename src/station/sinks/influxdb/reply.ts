/**
 * What an answer of InfluxDB means for the batch, and what to tell a person. The rules are from trying 1.6.7:
 * it stores the good lines of a bad batch (so sending them again is harmless), says `dropped=0` for lines that it
 * could not parse, and answers 500 for a retention policy that does not exist.
 */
import type { HttpReply } from '../http.ts';
import { retryAfterMs } from '../retry-after.ts';
import { serverWords } from '../server-words.ts';
import { SinkError } from '../sink.ts';

export interface WriteTarget {
  /** Address without credentials. */
  readonly endpoint: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly username: string | undefined;
}

/** Undefined when the batch is stored. */
export function writeFailure(reply: HttpReply, target: WriteTarget, lines: number): SinkError | undefined {
  const { status } = reply;
  if (status >= 200 && status < 300) return undefined;
  const answer = `InfluxDB at ${target.endpoint} answered ${status}: ${wordsOf(reply.body)}`;
  const user = target.username === undefined ? 'no user is configured' : `user "${target.username}"`;
  if (status === 401) {
    return new SinkError(
      'SINK_UNAUTHORIZED',
      'act',
      `${answer} (${user}); check influxdb.username and influxdb.password_file`,
    );
  }
  if (status === 403) {
    return new SinkError(
      'SINK_UNAUTHORIZED',
      'act',
      `${answer} (${user}); as an administrator: GRANT ALL ON "${target.database}" TO "${target.username ?? 'USER'}"`,
    );
  }
  if (status === 404) {
    return new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${answer}; check influxdb.url and influxdb.database, or create it: CREATE DATABASE "${target.database}"`,
    );
  }
  if (status === 413) return new SinkError('SINK_TOO_LARGE', 'split', answer);
  if (status === 400) {
    return new SinkError('SINK_REJECTED', 'split', answer, {
      isWholeBatch: droppedCount(reply.body) === lines,
    });
  }
  if (/retention policy not found/.test(reply.body)) {
    return new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${answer}; check influxdb.retention_policy, or create it: CREATE RETENTION POLICY "${target.retentionPolicy}" ON "${target.database}" DURATION 30d REPLICATION 1`,
    );
  }
  if (status === 429 || status >= 500) {
    const asked = retryAfterMs(reply.headers);
    return new SinkError('SINK_UNAVAILABLE', 'wait', answer, {
      ...(asked !== undefined && { retryAfterMs: asked }),
    });
  }
  return new SinkError('SINK_NO_TARGET', 'act', `${answer}; is influxdb.url the address of InfluxDB itself?`);
}

/** The number that a partial write names; trusted only where it says that all were dropped. */
function droppedCount(body: string): number | undefined {
  const match = /dropped=(\d+)/.exec(body);
  return match === null ? undefined : Number(match[1]);
}

function wordsOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === 'string') return serverWords(error);
  } catch {
    // A proxy answers in HTML; its text is still the best clue there is.
  }
  return serverWords(body);
}
