/** One line for each record of the event feed that is no finding. */
import { escapedText, escapeText } from '../../model/escape.ts';
import { workloadLabel } from '../../model/network.ts';
import {
  type PublicDecision,
  type PublicEndpoint,
  type PublicRecord,
  printableJson,
} from '../../model/serialize.ts';
import { auditRunText } from '../audit/run-text.ts';
import { answerText, askerText, latencyText, resolverText, typeText } from '../dns/text.ts';
import { evidenceText } from '../evidence/text.ts';
import { clockText } from '../lib/output.ts';
import { findingText } from './finding-text.ts';

export function eventText(record: PublicRecord): string {
  switch (record.kind) {
    case 'finding':
      return findingText(record);
    case 'coverage':
      return line(
        record.time,
        `${record.state}  ${record.network ?? `DNS of ${record.container}`}: ${record.reason}`,
      );
    case 'loss':
      return line(record.time, `lost  ${record.count} at ${record.source}, ${record.where}`);
    case 'anomaly':
      return line(record.time, `anomaly  ${record.code} x${record.count} on ${record.interface}`);
    case 'inventory':
      return line(
        record.time,
        `${record.object} ${record.change}  ${record.name}${inventoryDetail(record.detail)}`,
      );
    case 'no-route':
      return line(
        record.time,
        `no route  ${who(record.subject)}: the kernel refused ${record.count} ${record.family} sends`,
      );
    case 'listener': {
      const { subject, protocol, address, change, process } = record;
      const said = change === 'closed' ? 'no longer listens' : 'listens';
      const by = process === undefined ? '' : ` (${process})`;
      const port = `${address.includes(':') ? `[${address}]` : address}:${subject.port ?? ''}/${protocol}`;
      return line(record.time, `listener ${change}  ${who(subject)} ${said} on ${port}${by}`);
    }
    case 'blocked': {
      const { packets, reason, from, to, chain } = record;
      const between = `${from === undefined ? '' : ` from ${from.name}`}${to === undefined ? '' : ` to ${to.name}`}`;
      return line(
        record.time,
        `blocked  ${packets} ${record.family} packets${between} in ${chain} (${reason}, ${record.verdict})`,
      );
    }
    case 'lease': {
      const who = workloadLabel(record.workload);
      const held = record.to === undefined ? 'holds' : 'gave back';
      return line(record.time, `address  ${who} ${held} ${record.ips.join(' ')} on ${record.network}`);
    }
    case 'spoof': {
      const sender = record.sender === undefined ? record.mac : workloadLabel(record.sender);
      const holder = record.holder === undefined ? '' : ` of ${workloadLabel(record.holder)}`;
      const place = record.network ?? record.interface;
      return line(
        record.time,
        `spoof  ${sender} sent as ${record.ip}${holder} on ${place} (${record.mismatch}, x${record.count})`,
      );
    }
    case 'decision':
      return decisionText(record);
    case 'evidence':
      return line(record.time, `evidence ${evidenceText(record)}  [${record.id}]`);
    case 'audit-run':
      return line(record.time, `audit  ${auditRunText(record)}`);
    case 'dns': {
      const asked = `${escapeText(askerText(record), 100)}  ${escapedText(`${typeText(record)} ${record.query}`, 1000)}`;
      const told = `${escapedText(answerText(record), 300)}  ${latencyText(record.rtt)}`.trimEnd();
      return `${clockText(record.time)}  dns  ${asked}  ${told}  ${escapeText(resolverText(record), 100)}`;
    }
    case 'traffic':
    case 'flow':
    case 'summary':
      return printableJson(record);
  }
}

/** `2026-11-23 14:02:07Z  mute  5c1d9a03b2e4f611 (port-scan) by root (uid 0) until ...: backup host  [m-3f2a...]` */
function decisionText(record: PublicDecision): string {
  const { action, object, finding, analyzer, where, by, reason, until, id } = record;
  const about = where ?? `${finding}${analyzer === undefined ? '' : ` (${analyzer})`}`;
  const what = action === 'expire' ? `${object} ended` : action;
  const end = action === 'mute' ? (until === undefined ? ' for ever' : ` until ${clockText(until)}`) : '';
  return line(
    record.time,
    `${what}  ${about} by ${by}${end}${reason === undefined ? '' : `: ${reason}`}  [${id}]`,
  );
}

function line(time: string, text: string): string {
  return `${clockText(time)}  ${escapeText(text, 1000).trimEnd()}`;
}

function who({ workload, ip }: PublicEndpoint): string {
  return workload === undefined ? ip : workloadLabel(workload);
}

function inventoryDetail(detail: Readonly<Record<string, string | boolean | readonly string[]>>): string {
  const facts = Object.entries(detail).map(([key, value]) => `${key}=${String(value)}`);
  return facts.length === 0 ? '' : `  ${facts.join(' ')}`;
}
