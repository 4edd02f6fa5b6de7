/**
 * One question as it was seen from one place, and which of them belong together. They do when container, name and type
 * are the same, the bridge saw it between the container's question and its answer, and it carries nothing more; where
 * several fit, the same id decides (engines that pass the client's on), then the one that has no upstream yet.
 *
 * A container can ask the same on the bridge by itself, to hide behind the join: so what it would gain is told. Options
 * or bytes that the first question had not keep a question apart, and an answer that is not the one which the container
 * got from the engine becomes a record of its own.
 */
import type { DnsRecord, DnsUpstream } from '../../model/dns.ts';
import type { Micros } from '../../model/time.ts';
import type { DnsQuery } from '../analysis/analyzer.ts';

/** By how much the timestamps of two interfaces may contradict what must have come first. */
const CLOCK_SLACK: Micros = 1000;
/** The engine asks three servers at most, anew each time that the client asks again. What goes beyond is told. */
const MAX_TRIES = 12;

/** A question of a container, as its own namespace saw it. */
export interface FromContainer {
  readonly kind: 'container';
  readonly equals: Equals;
  readonly question: DnsRecord;
  time: Micros;
  /** Set when it waits to be told. */
  record: DnsRecord | undefined;
  finishedAt: Micros | undefined;
  /** When it is told. */
  readyAt: Micros;
  tries: number;
  upstream: DnsUpstream | undefined;
  hasUpstreamAnswer: boolean;
  /** What came from upstream with data: it should be what the container was told. */
  readonly upstreamAnswers: DnsRecord[];
  isTold: boolean;
}

/** The question on a bridge: perhaps the same one on its way. */
export interface OverBridge {
  readonly kind: 'bridge';
  equals: Equals;
  /** Its ends may become known while it waits. */
  question: DnsRecord;
  time: Micros;
  /** When it is told, unless its tap is still expected. */
  readyAt: Micros;
  readonly labels: DnsQuery['labels'];
  readonly options: DnsQuery['options'];
  /** With its answer, which came while the question waited. */
  record: DnsRecord | undefined;
  state: 'waits' | 'joined' | 'told';
  joinedTo: FromContainer | undefined;
}

/** One view of a question, from when it was asked to when it was answered or given up. */
export type Passage = FromContainer | OverBridge;

/** Questions of one container for one name and type, oldest first. */
export interface Equals {
  readonly key: string;
  readonly asked: FromContainer[];
  readonly waiting: OverBridge[];
}

/** The container's question that this one on a bridge may be: asked before it, and not yet answered then. */
export function originOf(
  asked: readonly FromContainer[],
  question: DnsRecord,
  time: Micros,
): FromContainer | undefined {
  let best: FromContainer | undefined;
  for (const passage of asked) {
    if (passage.tries === MAX_TRIES || time < passage.time - CLOCK_SLACK) continue;
    if (passage.finishedAt !== undefined && time > passage.finishedAt + CLOCK_SLACK) continue;
    if (carriesMore(question, passage.question)) continue;
    if (passage.question.id === question.id) return passage;
    if (best === undefined || passage.tries < best.tries) best = passage;
  }
  return best;
}

/** The last one that was answered stands; before there is one, the last that was asked. */
export function learnUpstream(origin: FromContainer, { question, record }: OverBridge): void {
  const isAnswered = record?.rcode !== undefined;
  if (!isAnswered && origin.hasUpstreamAnswer) return;
  origin.hasUpstreamAnswer = isAnswered;
  const { server, network, interface: name } = question;
  origin.upstream = { server, network: network?.name, interface: name, rtt: record?.rtt };
}

/** The engine passes a question on as it is. */
function carriesMore(onBridge: DnsRecord, asked: DnsRecord): boolean {
  if (onBridge.trailingBytes !== undefined) return true;
  const options = onBridge.edns?.options ?? [];
  const before = asked.edns?.options ?? [];
  return options.some(({ code, bytes }, i) => code !== before[i]?.code || bytes !== before[i].bytes);
}

/** Whether what came from upstream is what the container got. */
export function isSameAnswer(upstream: DnsRecord, told: DnsRecord): boolean {
  const { answers } = told;
  return (
    upstream.answers.length === answers.length &&
    upstream.answers.every(({ type, data }, i) => type === answers[i]!.type && data === answers[i]!.data)
  );
}
