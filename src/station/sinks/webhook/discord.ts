/**
 * Discord's webhooks: one embed a finding, coloured by severity. Mentions are switched off for the whole message, and
 * Markdown in what is told is escaped. Bounds as Discord's reference of embeds has them.
 */
import { type PublicFinding, parseRecord } from '../../../model/serialize.ts';
import { grouped } from '../grouped.ts';
import { harmless } from '../told-text.ts';
import { colorOf, type Message, messageOf } from './message.ts';
import { type Composer, JSON_TYPE } from './outgoing.ts';

const MAX_EMBEDS = 10;
/** Of all embeds of a message together Discord takes 6000 characters. */
const MAX_CHARACTERS = 5500;
const MAX_TITLE = 250;
const MAX_DESCRIPTION = 1200;
const MAX_FIELD = 250;
const MAX_EVIDENCE = 800;
const MAX_FOOTER = 200;

export function discordComposer(host: string): Composer {
  return function* (batch) {
    const told = batch.map((delivery) => {
      return { delivery, embed: embedOf(messageOf(parseRecord(delivery.text) as PublicFinding, host)) };
    });
    const max = { items: MAX_EMBEDS, size: MAX_CHARACTERS };
    for (const group of grouped(told, ({ embed }) => charactersOf(embed), max)) {
      const message = { allowed_mentions: { parse: [] }, embeds: group.map(({ embed }) => embed) };
      yield {
        body: JSON.stringify(message),
        contentType: JSON_TYPE,
        deliveries: group.map(({ delivery }) => delivery),
      };
    }
  };
}

type Embed = ReturnType<typeof embedOf>;

function embedOf(message: Message) {
  return {
    title: escaped(message.headline, MAX_TITLE),
    description: escaped(message.sentence, MAX_DESCRIPTION),
    color: colorOf(message),
    fields: message.facts.map(([name, value]) => ({
      name,
      value: escaped(value, name === 'Evidence' ? MAX_EVIDENCE : MAX_FIELD),
      inline: name !== 'Evidence',
    })),
    footer: { text: harmless(message.footer, MAX_FOOTER) },
  };
}

function charactersOf({ title, description, fields, footer }: Embed): number {
  const texts = [title, description, footer.text, ...fields.flatMap(({ name, value }) => [name, value])];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** Whatever Discord's Markdown acts on, with a backslash; at most one character longer, never ends in half an escape. */
function escaped(text: string, maxLength: number): string {
  const whole = harmless(text, maxLength).replace(/[\\*_~`|<>#()[\]+-]/g, '\\$&');
  if (whole.length <= maxLength) return whole;
  const kept = whole.slice(0, maxLength - 1);
  // An odd number of backslashes at the end would escape the mark of the cut.
  const isSplit = /\\*$/.exec(kept)![0].length % 2 === 1;
  return `${wellFormed(isSplit ? kept.slice(0, -1) : kept)}\\~`;
}

/** Without half a pair at the end. */
function wellFormed(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
