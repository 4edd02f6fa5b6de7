/**
 * Questions and their answers, told apart by conversation and id. Believes no answer that nobody asked for: such a one
 * is recorded alone, and the question goes on waiting. What is repeated word for word is told once, both ways.
 */
import type { DnsRecord } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { DnsQuery } from '../analysis/analyzer.ts';
import type { DnsConfig } from '../config.ts';
import type { DnsContent } from '../decode/dns-record.ts';
import { AnsweredExchanges } from './answered.ts';
import { DnsPairing } from './pairing.ts';
import type { Passage } from './passages.ts';
import { answeredRecord, type Carrier, messageRecord } from './record.ts';
import type { Views } from './views.ts';

/** A question that waits, and which end of which conversation may answer it. */
interface Asked {
  readonly record: DnsRecord;
  readonly conversation: number;
  readonly byOrig: boolean;
  /** What the other views have to know of it; undefined when there is no other. */
  readonly passage: Passage | undefined;
}

export interface ExchangesOptions {
  readonly config: DnsConfig;
  readonly views: Views;
  /** A question with its answer, as soon as both were seen. */
  readonly onAnswered: (record: DnsRecord) => void;
}

/** Ids that a conversation may have. */
const IDS = 0x10000;

export class Exchanges {
  /** Questions told as unanswered before their answer could come, for want of room. */
  givenUp = 0;
  readonly #options: ExchangesOptions;
  readonly #pairing: DnsPairing<Asked>;
  #answered: AnsweredExchanges<Asked>;
  /** The latest packet time. */
  #now: Micros = 0;

  constructor(options: ExchangesOptions) {
    this.#options = options;
    this.#answered = newAnswered(options);
    this.#pairing = new DnsPairing({
      maxPending: options.config.max_pending,
      timeoutMicros: options.config.answer_timeout_secs * MICROS_PER_SECOND,
      onUnanswered: (asked, why) => {
        if (why === 'evicted') this.givenUp++;
        this.#unanswered(asked);
      },
    });
  }

  /** Questions that wait for their answer. */
  get pending(): number {
    return this.#pairing.pending;
  }

  /** `labels` and `options` are borrowed for the call. */
  onQuestion(
    content: DnsContent,
    carrier: Carrier,
    labels: DnsQuery['labels'],
    options: DnsQuery['options'],
  ): void {
    const { conversation, time, fromOrig } = carrier;
    if (time > this.#now) this.#now = time;
    const key = conversation.key * IDS + content.id;
    const record = messageRecord(content, carrier);
    const pending = this.#pairing.peek(key);
    if (pending !== undefined) {
      if (isRepeat(pending.record, record)) return;
      // Ids are the client's to choose, and the flow's slot may be another's by now: only the same question is a repeat.
      this.#pairing.answer(key);
      this.#unanswered(pending);
    }
    const passage = this.#options.views.asked(record, labels, options);
    this.#pairing.ask(key, { record, conversation: conversation.number, byOrig: fromOrig, passage }, time);
  }

  onAnswer(content: DnsContent, carrier: Carrier): void {
    const { conversation, time } = carrier;
    if (time > this.#now) this.#now = time;
    const key = conversation.key * IDS + content.id;
    const asked = this.#pairing.peek(key);
    // Another question under the same id is somebody else's answer: forged, or too late.
    if (asked === undefined || !answers(asked.record, content) || !isFromServer(asked, carrier)) {
      if (content.question === undefined || this.#isRepeated(key, content, carrier)) return;
      this.#options.views.alone(messageRecord(content, carrier));
      return;
    }
    // Not the record's time: the clock was set since, and the difference says nothing.
    const isSameClock = this.#pairing.askedAt(key) === asked.record.time;
    this.#pairing.answer(key);
    const rtt = isSameClock ? time - asked.record.time : undefined;
    this.#answered.add(key, asked, content, time);
    const record = answeredRecord(asked.record, content, rtt);
    this.#options.onAnswered(record);
    this.#options.views.finished(asked.passage, record, time);
  }

  /** Conversations of these keys are over and their keys will be others': what was asked there gets no answer. */
  end(fromKey: number, toKey: number): void {
    this.#pairing.giveUp(fromKey * IDS, toKey * IDS);
    this.#answered.forget(fromKey * IDS, toKey * IDS);
  }

  expire(now: Micros): void {
    this.#now = Math.max(this.#now, now);
    this.#pairing.expire(now);
  }

  /** Questions asked before keep their record's time; how long their answers took cannot be known any more. */
  clockSet(step: ClockStep): void {
    this.#now = step.to;
    this.#pairing.clockSet(step);
    this.#answered = newAnswered(this.#options);
  }

  flush(): void {
    this.#pairing.flush();
  }

  /** The answer that this question has had, once more. */
  #isRepeated(key: number, content: DnsContent, carrier: Carrier): boolean {
    const asked = this.#answered.find(key, content, carrier.time);
    return asked !== undefined && answers(asked.record, content) && isFromServer(asked, carrier);
  }

  #unanswered({ record, passage }: Asked): void {
    this.#options.views.finished(passage, record, this.#now);
  }
}

function newAnswered({ config }: ExchangesOptions): AnsweredExchanges<Asked> {
  return new AnsweredExchanges(config.answer_timeout_secs * MICROS_PER_SECOND);
}

/** A client can send what looks like an answer too, and the slot may be another flow's by now. */
function isFromServer({ record, conversation: asked, byOrig }: Asked, carrier: Carrier): boolean {
  const { conversation, fromOrig } = carrier;
  if (asked === conversation.number) return fromOrig !== byOrig;
  // The flow may have ended between the two, because the clock was set.
  const { orig, resp } = conversation.ends();
  const [sender, receiver] = fromOrig ? [orig, resp] : [resp, orig];
  return isSameEnd(sender, record.server) && isSameEnd(receiver, record.client);
}

/** Names compare without case (RFC 4343); some servers leave the question out. */
function answers(asked: DnsRecord, { question }: DnsContent): boolean {
  if (question === undefined) return true;
  return question.qtype === asked.qtype && question.query.toLowerCase() === asked.query.toLowerCase();
}

/** A client that asks again, having heard nothing. */
function isRepeat(asked: DnsRecord, again: DnsRecord): boolean {
  const sameClient = isSameEnd(asked.client, again.client);
  return sameClient && asked.qtype === again.qtype && asked.query.toLowerCase() === again.query.toLowerCase();
}

function isSameEnd(a: Endpoint, b: Endpoint): boolean {
  return a.ip === b.ip && a.port === b.port;
}
