/** The stream that keeps what is sent: whether it is there and takes our subjects, and how it is made. */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { SinkError } from '../sink.ts';
import type { NatsConfig } from './config.ts';
import { codeOf, isRefused, JETSTREAM, jetStreamFailure, type Place } from './failure.ts';
import type { NatsJetStream } from './library.ts';
import { uncovered } from './subject.ts';

const NANOS_PER_SECOND = 1e9;
const DAY_SECS = 86_400;

export interface StreamState {
  /** Undefined where it is not there, or this user may not ask. */
  readonly info?: StreamInfo | undefined;
  readonly mayAsk: boolean;
}

export async function streamState(manager: JetStreamManager, place: Place): Promise<StreamState> {
  try {
    return { info: await manager.streams.info(place.stream), mayAsk: true };
  } catch (error) {
    if (codeOf(error) === JETSTREAM.streamNotFound) return { mayAsk: true };
    // Who may only publish is the better choice here; then the first record tells.
    if (isRefused(error)) return { mayAsk: false };
    throw jetStreamFailure(error, place);
  }
}

/** Refuses a stream that would not keep all of these subjects. */
export function refuseUncovered(info: StreamInfo, subjects: readonly string[], place: Place): void {
  const patterns = info.config.subjects ?? [];
  const missing = uncovered(subjects, patterns);
  if (missing.length === 0) return;
  const takes = patterns.length === 0 ? 'no subjects' : patterns.slice(0, 5).join(', ');
  throw new SinkError(
    'SINK_NO_TARGET',
    'act',
    `NATS at ${place.server}: stream "${place.stream}" takes ${takes}, not ${missing[0]}; add it there, or set stream or subject_prefix to another`,
  );
}

export function refuseMissing({ create_stream, subject_prefix: prefix }: NatsConfig, place: Place): void {
  if (create_stream) return;
  throw new SinkError(
    'SINK_NO_TARGET',
    'act',
    `NATS at ${place.server} has no stream "${place.stream}" and create_stream is off; create it (nats stream add ${place.stream} --subjects "${prefix}.>"), or switch that on`,
  );
}

/** One that somebody else made in the same moment, or this user may not make but perhaps use, is as good. */
export async function createStream(
  manager: JetStreamManager,
  { RetentionPolicy, StorageType, DiscardPolicy }: NatsJetStream,
  config: NatsConfig,
  place: Place,
): Promise<void> {
  try {
    await manager.streams.add({
      name: place.stream,
      subjects: [`${config.subject_prefix}.>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      num_replicas: config.replicas,
      max_age: config.max_age_days * DAY_SECS * NANOS_PER_SECOND,
      max_bytes: config.max_bytes,
      duplicate_window: config.duplicate_window_secs * NANOS_PER_SECOND,
    });
  } catch (error) {
    if (codeOf(error) !== JETSTREAM.streamNameInUse) throw jetStreamFailure(error, place);
  }
}

/** `3 records, kept 30 days, knows duplicates for 600 s`. */
export function streamText({ config, state }: StreamInfo): string {
  const ageSecs = config.max_age / NANOS_PER_SECOND;
  const kept = ageSecs === 0 ? 'kept for ever' : `kept ${ageText(ageSecs)}`;
  const full = config.discard === 'new' ? ', refuses records when it is full' : '';
  const window = `knows duplicates for ${config.duplicate_window / NANOS_PER_SECOND} s`;
  return `${state.messages} records, ${kept}${full}, ${window}`;
}

function ageText(seconds: number): string {
  return seconds < DAY_SECS ? `${seconds} s` : `${Math.round((seconds / DAY_SECS) * 10) / 10} days`;
}
