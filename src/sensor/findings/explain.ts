/**
 * Turns a message template and its evidence into one sentence. The sentence takes every number from the evidence, so
 * the two cannot contradict each other; everything that came from outside is escaped.
 */

import { type Endpoint, endpointLabel } from '../../model/endpoint.ts';
import { escapeText } from '../../model/escape.ts';
import type { EvidenceValue } from '../../model/finding.ts';
import { PLACEHOLDER } from '../analysis/messages.ts';

/** Of a list in a sentence; the evidence holds the others. */
const MAX_SHOWN = 4;

export interface SentenceParts {
  readonly subject: Endpoint;
  readonly peers: readonly Endpoint[];
  readonly network?: string;
  readonly evidence: Readonly<Record<string, EvidenceValue | undefined>>;
}

export function renderSentence(template: string, parts: SentenceParts): string {
  return template.replace(PLACEHOLDER, (_, name: string) => {
    if (name === 'subject') return escapeText(endpointLabel(parts.subject));
    if (name === 'peers') return peersText(parts.peers);
    if (name === 'network')
      return parts.network === undefined ? 'an unknown network' : escapeText(parts.network);
    return valueText(parts.evidence[name]);
  });
}

function peersText(peers: readonly Endpoint[]): string {
  return peers.length === 0 ? 'nobody known' : listText(peers.map(endpointLabel));
}

function valueText(value: EvidenceValue | undefined): string {
  if (value === undefined) return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return escapeText(value);
  if (value.length === 0) return 'none';
  return listText(value.map((item) => (typeof item === 'number' ? numberText(item) : item)));
}

function listText(items: readonly string[]): string {
  const shown = items.slice(0, MAX_SHOWN).map((item) => escapeText(item));
  const more = items.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** Three significant digits where there is a fraction; whole numbers whole. */
function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
