/**
 * Turns a message template and its evidence into one sentence. The sentence takes every number from the evidence, so
 * the two cannot contradict each other; everything that came from outside is printable and short. Names and data of
 * records are escaped already (RFC 4343, RFC 3597): a backslash stands as it is, so that they read as they do elsewhere.
 */

import { type Endpoint, endpointLabel } from '../../model/endpoint.ts';
import { escapedText, shortened } from '../../model/escape.ts';
import type { EvidenceValue } from '../../model/finding.ts';
import { PLACEHOLDER } from '../analysis/messages.ts';

/** Of a list in a sentence; the evidence holds the others. */
const MAX_SHOWN = 4;
/** Of one text, and of one of a list; both ends are shown, and the evidence holds the whole. */
const MAX_CHARS = 100;
const MAX_ITEM_CHARS = 48;
/** Before that is cut, so that its end is the text's own: no name or datum of a record is longer, escaped as `\DDD`. */
const MAX_WHOLE_CHARS = 1100;

export interface SentenceParts {
  readonly subject: Endpoint;
  readonly peers: readonly Endpoint[];
  readonly network?: string;
  readonly evidence: Readonly<Record<string, EvidenceValue | undefined>>;
}

export function renderSentence(template: string, parts: SentenceParts): string {
  return template.replace(PLACEHOLDER, (_, name: string) => {
    if (name === 'subject') return shown(endpointLabel(parts.subject));
    if (name === 'peers') return peersText(parts.peers);
    if (name === 'network') return parts.network === undefined ? 'an unknown network' : shown(parts.network);
    return valueText(parts.evidence[name]);
  });
}

function peersText(peers: readonly Endpoint[]): string {
  return peers.length === 0 ? 'nobody known' : listText(peers.map(endpointLabel), MAX_CHARS);
}

function valueText(value: EvidenceValue | undefined): string {
  if (value === undefined) return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return shown(value);
  if (value.length === 0) return 'none';
  return listText(value.map((item) => (typeof item === 'number' ? numberText(item) : item)));
}

function listText(items: readonly string[], maxChars = MAX_ITEM_CHARS): string {
  const first = items.slice(0, MAX_SHOWN).map((item) => shown(item, maxChars));
  const more = items.length - first.length;
  return more > 0 ? `${first.join(', ')} and ${more} more` : first.join(', ');
}

function shown(text: string, maxChars = MAX_CHARS): string {
  return shortened(escapedText(text, MAX_WHOLE_CHARS), maxChars);
}

/** Three significant digits where there is a fraction; whole numbers whole. */
function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
