/**
 * A body of the operator's own: text with names in braces, as `{"text": "{severity}: {title}"}`. There is nothing to
 * run: a name is replaced by its text, once, and what was put in is never looked at again. In JSON it is escaped as
 * part of a string, so that no name from the wire can end the string. Other braces stay as they are.
 */
import { endpointLabel } from '../../../model/endpoint.ts';
import type { PublicFinding } from '../../../model/serialize.ts';
import { cut, visible } from '../../formats/bounded-text.ts';
import { evidenceText } from '../told-text.ts';

export const MAX_TEMPLATE_LENGTH = 16_384;
const MAX_VALUE_LENGTH = 4096;

type Value = (finding: PublicFinding, host: string) => string | undefined;

const VALUES: Readonly<Record<string, Value>> = {
  id: ({ id }) => id,
  analyzer: ({ analyzer }) => analyzer,
  message: ({ message }) => message,
  title: ({ title }) => title,
  severity: ({ severity }) => severity,
  confidence: ({ confidence }) => confidence,
  status: ({ status }) => status,
  reason: ({ reason }) => reason,
  explanation: ({ explanation }) => explanation,
  evidence: evidenceText,
  first_seen: ({ firstSeen }) => firstSeen,
  last_seen: ({ lastSeen }) => lastSeen,
  count: ({ count }) => String(count),
  network: ({ network }) => network,
  subject: ({ subject }) => endpointLabel(subject),
  subject_ip: ({ subject }) => subject.ip,
  peer: ({ peers }) => peers[0] && endpointLabel(peers[0]),
  peer_ip: ({ peers }) => peers[0]?.ip,
  peer_port: ({ peers }) => peers[0]?.port?.toString(),
  attack: ({ attack }) => attack.map(({ technique }) => technique).join(', '),
  host: (_, host) => host,
};

export const PLACEHOLDERS: readonly string[] = Object.keys(VALUES);

const PLACEHOLDER = /\{([a-z_]+)\}/g;

export function render(template: string, finding: PublicFinding, host: string, isJson: boolean): string {
  return fill(template, isJson, (name) => VALUES[name]?.(finding, host) ?? '');
}

/** Why it cannot be used; undefined when it can. */
export function templateProblem(template: string, isJson: boolean): string | undefined {
  for (const [, name] of template.matchAll(PLACEHOLDER)) {
    if (!Object.hasOwn(VALUES, name!)) return `there is no {${name}}; there are ${PLACEHOLDERS.join(', ')}`;
  }
  if (!isJson) return undefined;
  // Numbers may stand outside of a string; for texts the quotes are the template's own, or this is no JSON.
  const sample = fill(template, true, (name) => (NUMBERS.has(name) ? '1' : 'a "quoted" text'));
  try {
    JSON.parse(sample);
    return undefined;
  } catch {
    return 'filled in, it is not JSON; put the names of texts within double quotes, or give another content_type';
  }
}

const NUMBERS: ReadonlySet<string> = new Set(['count']);

function fill(template: string, isJson: boolean, textOf: (name: string) => string): string {
  return template.replace(PLACEHOLDER, (_, name: string) => {
    const text = cut(visible(textOf(name)), MAX_VALUE_LENGTH);
    return isJson ? JSON.stringify(text).slice(1, -1) : text;
  });
}
