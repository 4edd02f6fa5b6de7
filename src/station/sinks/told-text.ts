/**
 * Text that people read in other programs, and how what comes from the wire is kept from acting there: names are chosen
 * by whoever sends the packets, and a name that calls everybody, or hides a link, would be an attack on those who read.
 */
import type { PublicFinding } from '../../model/serialize.ts';
import { cut, visible } from '../formats/bounded-text.ts';

const MAX_EVIDENCE = 12;

/** `attempts=3, ports=443 8443`; the record has all of it. */
export function evidenceText({ evidence }: Pick<PublicFinding, 'evidence'>): string {
  const entries = Object.entries(evidence);
  const said = entries
    .slice(0, MAX_EVIDENCE)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(' ') : String(value)}`);
  const left = entries.length - said.length;
  return [...said, ...(left > 0 ? [`and ${left} more`] : [])].join(', ');
}

/** Draws nothing and parts what clients look for: `@everyone`, `https://`. */
const ZERO_WIDTH_SPACE = '\u200b';

/** Calls nobody and is no link, in services that look for both in plain text. No control characters either. */
export function harmless(text: string, maxLength: number): string {
  const parted = visible(text)
    .replace(/@/g, `@${ZERO_WIDTH_SPACE}`)
    .replace(/:\/\//g, `:${ZERO_WIDTH_SPACE}//`)
    .replace(/www\./gi, (www) => `${www.slice(0, 3)}${ZERO_WIDTH_SPACE}.`);
  return cut(parted, maxLength);
}
