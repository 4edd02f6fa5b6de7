/**
 * ntfy (ntfy.sh, or one's own): a finding is published as JSON at the root of the server, because in its headers, the
 * other way, a title can only be ASCII. The address that the operator gives is the topic's.
 */
import { type PublicFinding, parseRecord } from '../../../model/serialize.ts';
import { SinkError } from '../sink.ts';
import { harmless } from '../told-text.ts';
import { messageOf } from './message.ts';
import { type Composer, JSON_TYPE } from './outgoing.ts';

/** ntfy makes a file of what is longer than 4096 bytes; a character may be three of them, and facts follow. */
const MAX_SENTENCE = 600;
const MAX_FACT = 80;
const MAX_TITLE = 200;
/** Of the facts, what one wants on a telephone. */
const FACTS: ReadonlySet<string> = new Set([
  'Who',
  'With whom',
  'Network',
  'Host',
  'Last sign',
  'Over because',
]);

/** 5 is the loudest (docs.ntfy.sh, "Message priority"). */
const PRIORITIES = { critical: 5, high: 4, medium: 3, low: 2, informational: 1 } as const;

/** Emoji short codes. */
const TAGS = {
  critical: 'rotating_light',
  high: 'rotating_light',
  medium: 'warning',
  low: 'information_source',
  informational: 'information_source',
} as const;

export interface NtfyTopic {
  readonly root: URL;
  readonly topic: string;
}

/** `https://ntfy.example/base/topic` in its two parts. */
export function ntfyTopic(url: URL): NtfyTopic {
  const slash = url.pathname.lastIndexOf('/');
  const topic = url.pathname.slice(slash + 1);
  // ntfy's own rule for names of topics.
  if (!/^[-_A-Za-z0-9]{1,64}$/.test(topic)) {
    throw new SinkError(
      'SINK_MISCONFIGURED',
      'act',
      `the url names no topic of ntfy on ${url.origin}; check that it ends in one, as https://ntfy.example/alerts`,
    );
  }
  const root = new URL(url);
  root.pathname = url.pathname.slice(0, slash + 1);
  return { root, topic };
}

export function ntfyComposer(host: string, topic: () => string): Composer {
  return function* (batch) {
    for (const delivery of batch) {
      const body = JSON.stringify(notification(parseRecord(delivery.text) as PublicFinding, host, topic()));
      yield { body, contentType: JSON_TYPE, deliveries: [delivery] };
    }
  };
}

function notification(finding: PublicFinding, host: string, topic: string) {
  const { severity, isOver, headline, sentence, facts } = messageOf(finding, host);
  const lines = facts
    .filter(([name]) => FACTS.has(name))
    .map(([name, value]) => `${name}: ${harmless(value, MAX_FACT)}`);
  return {
    topic,
    title: harmless(headline, MAX_TITLE),
    message: [harmless(sentence, MAX_SENTENCE), ...lines].join('\n'),
    // What is over wakes nobody.
    priority: isOver ? Math.min(2, PRIORITIES[severity]) : PRIORITIES[severity],
    tags: [isOver ? 'white_check_mark' : TAGS[severity], severity],
  };
}
