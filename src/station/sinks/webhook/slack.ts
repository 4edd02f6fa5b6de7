/**
 * Slack's incoming webhooks: one attachment a finding, coloured by severity, its text in blocks of plain text, where
 * nothing is formatted, linked or called. Bounds as Slack's reference of Block Kit has them.
 */
import type { PublicFinding } from '../../../model/serialize.ts';
import { parseRecord } from '../../../model/serialize.ts';
import { grouped } from '../grouped.ts';
import { harmless } from '../told-text.ts';
import { colorOf, type Message, messageOf } from './message.ts';
import { type Composer, JSON_TYPE } from './outgoing.ts';

/** Slack takes a hundred; more than this nobody reads at once. */
const MAX_ATTACHMENTS = 10;
const MAX_HEADER = 150;
const MAX_TEXT = 2900;
const MAX_FIELD = 1900;
const FIELDS_A_SECTION = 10;

export function slackComposer(host: string): Composer {
  return function* (batch) {
    for (const deliveries of grouped(batch, () => 1, { items: MAX_ATTACHMENTS, size: MAX_ATTACHMENTS })) {
      const messages = deliveries.map(({ text }) => messageOf(parseRecord(text) as PublicFinding, host));
      yield { body: JSON.stringify(slackMessage(messages)), contentType: JSON_TYPE, deliveries };
    }
  };
}

function slackMessage(messages: readonly Message[]) {
  return {
    // What a telephone shows. Without these three, Slack would look for names and links in it.
    text: slackText(messages.map(({ headline }) => headline).join('; '), MAX_TEXT),
    mrkdwn: false,
    link_names: false,
    parse: 'none',
    unfurl_links: false,
    unfurl_media: false,
    attachments: messages.map(attachment),
  };
}

function attachment(message: Message) {
  const fields = message.facts.map(([name, value]) => plain(`${name}\n${slackText(value, MAX_FIELD)}`));
  const sections: object[] = [];
  for (let at = 0; at < fields.length; at += FIELDS_A_SECTION) {
    sections.push({ type: 'section', fields: fields.slice(at, at + FIELDS_A_SECTION) });
  }
  return {
    color: `#${colorOf(message).toString(16).padStart(6, '0')}`,
    fallback: slackText(`${message.headline}: ${message.sentence}`, MAX_TEXT),
    blocks: [
      { type: 'header', text: plain(slackText(message.headline, MAX_HEADER)) },
      { type: 'section', text: plain(slackText(message.sentence, MAX_TEXT)) },
      ...sections,
      { type: 'context', elements: [plain(slackText(message.footer, MAX_FIELD))] },
    ],
  };
}

function plain(text: string) {
  return { type: 'plain_text', text, emoji: false };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** The three characters that Slack acts on, as entities; the bound counts them as one. */
function slackText(text: string, maxLength: number): string {
  // An entity is up to five characters long, and the bound is Slack's on what is sent.
  let bound = maxLength;
  for (;;) {
    const escaped = harmless(text, bound).replace(/[&<>]/g, (char) => ENTITIES[char]!);
    if (escaped.length <= maxLength) return escaped;
    bound -= escaped.length - maxLength;
    if (bound < 2) return '~';
  }
}
