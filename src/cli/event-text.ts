/** One line for each record of the event feed that is no finding. */
import { escapeText } from '../model/escape.ts';
import type { PublicRecord } from '../model/serialize.ts';
import { findingText } from './finding-text.ts';

export function eventText(record: PublicRecord): string {
  switch (record.kind) {
    case 'finding':
      return findingText(record);
    case 'coverage':
      return line(record.time, `${record.state}  ${record.network}: ${record.reason}`);
    case 'loss':
      return line(record.time, `lost  ${record.count} at ${record.source}, ${record.where}`);
    case 'anomaly':
      return line(record.time, `anomaly  ${record.code} x${record.count} on ${record.interface}`);
    case 'inventory':
      return line(
        record.time,
        `${record.object} ${record.change}  ${record.name}${inventoryDetail(record.detail)}`,
      );
    case 'no-route': {
      const who = record.subject.workload?.name ?? record.subject.ip;
      return line(record.time, `no route  ${who}: the kernel refused ${record.count} ${record.family} sends`);
    }
    case 'dns': {
      const answers = record.answers.map(({ data }) => data).join(' ');
      const who = record.client.workload?.name ?? record.client.ip;
      return line(
        record.time,
        `dns  ${who} ? ${record.qtype} ${record.query} -> ${record.rcode ?? 'no answer'} ${answers}`,
      );
    }
    case 'traffic':
    case 'flow':
    case 'summary':
      return JSON.stringify(record);
  }
}

function line(time: string, text: string): string {
  return `${time.slice(11, 19)}  ${escapeText(text, 1000)}`;
}

function inventoryDetail(detail: Readonly<Record<string, string | boolean | readonly string[]>>): string {
  const facts = Object.entries(detail).map(([key, value]) => `${key}=${String(value)}`);
  return facts.length === 0 ? '' : `  ${facts.join(' ')}`;
}
