/** What makes a record of a finding the same wherever it arrives: which finding, and which word of its life. Pure. */
import type { PublicFinding } from '../../../src/model/serialize.ts';

export function keyOf({
  id,
  status,
  count,
}: {
  readonly id: string;
  readonly status: string;
  readonly count: number | string;
}): string {
  return `${id}:${status}:${count}`;
}

export function keyOfText(text: string): string {
  return keyOf(JSON.parse(text) as PublicFinding);
}

/** Of line protocol, where the status is a tag and the others are fields. Empty for a line of another kind. */
export function keysOfLine(line: string): string[] {
  if (!line.startsWith('bridgewatch_finding,')) return [];
  const part = (pattern: RegExp) => pattern.exec(line)?.[1] ?? '?';
  const id = part(/[ ,]id="([^"]+)"/);
  return [keyOf({ id, status: part(/,status=([a-z]+)/), count: part(/[ ,]count=(\d+)i/) })];
}

/** Of the structured data of RFC 5424. */
export function keyOfData(data: string): string {
  const part = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(data)?.[1] ?? '?';
  return keyOf({ id: part('id'), status: part('status'), count: part('count') });
}

/** Of alerts the findings: to Alertmanager a finding is one alert, told again and again. */
export function idsOfAlerts(body: string): string[] {
  const alerts = JSON.parse(body) as { annotations: { finding_id: string } }[];
  return alerts.map(({ annotations }) => annotations.finding_id);
}
