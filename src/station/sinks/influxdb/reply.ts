/**
 * What an answer to a write means for the batch, and what to tell a person. The rules for version 1 are from trying
 * 1.6.7: it stores the good lines of a bad batch (so sending them again is harmless), says `dropped=0` for lines that
 * it could not parse, and answers 500 for a retention policy that does not exist. Those for 2 are from its
 * documentation and source (422: field type conflict, older than the retention).
 */
import type { HttpReply } from '../http.ts';
import { retryAfterMs } from '../retry-after.ts';
import { serverWords } from '../server-words.ts';
import { SinkError } from '../sink.ts';
import type { Endpoint } from './endpoint.ts';

/** Of the system that the server runs on: ENOSPC and EDQUOT. */
const IS_ABOUT_DISK = /no space left on device|disk quota exceeded/;
/** 1.6.7 goes on refusing when there is room: the writer of its log keeps its first error. */
const DISK_ADVICE = 'free some space there, then restart InfluxDB: version 1 refuses until then';

/** Undefined when the batch is stored. */
export function writeFailure(reply: HttpReply, endpoint: Endpoint, lines: number): SinkError | undefined {
  const { status } = reply;
  if (status >= 200 && status < 300) return undefined;
  const answer = answerOf(reply, endpoint);
  const { advice, who } = endpoint;
  if (status === 401) {
    return new SinkError('SINK_UNAUTHORIZED', 'act', `${answer} (${who}); ${advice.unauthorized}`);
  }
  if (status === 403)
    return new SinkError('SINK_UNAUTHORIZED', 'act', `${answer} (${who}); ${advice.forbidden}`);
  if (status === 404) return new SinkError('SINK_NO_TARGET', 'act', `${answer}; ${advice.missing}`);
  if (status === 413) return new SinkError('SINK_TOO_LARGE', 'split', answer);
  if (status === 400 || status === 422) {
    return new SinkError('SINK_REJECTED', 'split', answer, {
      isWholeBatch: rejectedCount(reply.body) === lines,
    });
  }
  if (/retention policy not found/.test(reply.body)) {
    const { searchParams } = endpoint.writeUrl;
    return new SinkError(
      'SINK_NO_TARGET',
      'act',
      `${answer}; check influxdb.retention_policy, or create it: CREATE RETENTION POLICY "${searchParams.get('rp')}" ON "${searchParams.get('db')}" DURATION 30d REPLICATION 1`,
    );
  }
  if (status === 429 || status >= 500) {
    const asked = retryAfterMs(reply.headers);
    const what = IS_ABOUT_DISK.test(reply.body) ? `${answer}; ${DISK_ADVICE}` : answer;
    return new SinkError('SINK_UNAVAILABLE', 'wait', what, {
      ...(asked !== undefined && { retryAfterMs: asked }),
    });
  }
  return new SinkError(
    'SINK_NO_TARGET',
    'act',
    `${answer}; is influxdb.url the address of ${endpoint.product} itself?`,
  );
}

/** `InfluxDB at http://127.0.0.1:8086 answered 404: its words`, without our secrets. */
export function answerOf(reply: HttpReply, { product, name, secrets }: Endpoint): string {
  let words = wordsOf(reply.body);
  for (const secret of secrets) words = words.replaceAll(secret, '***');
  return `${product} at ${name} answered ${reply.status}: ${serverWords(words)}`;
}

/** How many lines an answer says were not taken; trusted only where it says that all were. */
function rejectedCount(body: string): number | undefined {
  const { data } = parsed(body);
  // Version 3 lists them.
  if (Array.isArray(data)) return data.length;
  const match = /dropped=(\d+)/.exec(body);
  return match === null ? undefined : Number(match[1]);
}

/** Version 1 says `error`, version 2 `message`, version 3 `error` and for each line in `data` its `error_message`. */
function wordsOf(body: string): string {
  const { error, message, data } = parsed(body);
  const said = [error, message, firstLineError(data)].filter((words) => typeof words === 'string');
  // A proxy answers in HTML; its text is still the best clue there is.
  return said.length === 0 ? body : said.join(': ');
}

function firstLineError(data: unknown): unknown {
  const first: unknown = Array.isArray(data) ? data[0] : data;
  return (first as { error_message?: unknown } | null | undefined)?.error_message;
}

function parsed(body: string): { error?: unknown; message?: unknown; data?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
