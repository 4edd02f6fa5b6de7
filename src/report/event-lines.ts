/**
 * What else happened: containers and networks that came and went, listeners, refused routes, forged addresses, decisions
 * of people. One line each, of what repeats only the first; the first 1,000, the others are counted.
 */
import { escapeText } from '../model/escape.ts';
import { workloadLabel } from '../model/network.ts';
import type { PublicEvidence, PublicRecord, PublicSpoof } from '../model/serialize.ts';
import type { Happening } from './case.ts';
import { endLabel } from './ends.ts';

const MAX_EVENTS = 1000;
const MAX_CHARS = 400;

export interface Event extends Happening {
  /** Whom it is about, as ends are labelled; absent where it is about nobody. */
  readonly about?: string;
}

export class EventLines {
  readonly #max: number;
  readonly #events = new Map<string, Event>();
  #leftOut = 0;

  constructor(max = MAX_EVENTS) {
    this.#max = max;
  }

  get events(): readonly Event[] {
    return [...this.#events.values()];
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  add(record: PublicRecord): void {
    const line = lineOf(record);
    if (line === undefined) return;
    const { key = `${line.time} ${line.text}`, ...event } = line;
    if (this.#events.has(key)) return;
    if (this.#events.size >= this.#max) this.#leftOut += 1;
    else this.#events.set(key, { ...event, text: escapeText(event.text, MAX_CHARS) });
  }
}

/** `key`: what is the same thing going on, told once. */
type Line = Event & { readonly key?: string };

function lineOf(record: PublicRecord): Line | undefined {
  const { kind: of } = record;
  switch (record.kind) {
    case 'inventory': {
      const { time, object, change, name } = record;
      return { time, of, text: `${object} ${name} ${change}`, about: name };
    }
    case 'coverage': {
      const { time, state, reason, network, container } = record;
      const what = network === undefined ? `DNS of ${container}` : `network ${network}`;
      const text = `${what} is ${state === 'covered' ? 'watched' : 'not watched'}: ${reason}`;
      return { time, of, text, ...(container === undefined ? {} : { about: container }) };
    }
    case 'no-route': {
      const { time, subject, count, family } = record;
      const about = endLabel(subject);
      const text = `${about} tries to send where its networks do not lead (${family}, ${count} sends)`;
      return { time, of, text, about, key: `no-route ${about} ${family}` };
    }
    case 'listener': {
      const { time, subject, address, protocol, change, process } = record;
      const about = endLabel(subject);
      const verb = change === 'closed' ? 'no longer listens' : 'listens';
      const by = process === undefined ? '' : ` (${process})`;
      return {
        ...{ time, of, about },
        text: `${about} ${verb} on ${address} port ${subject.port ?? '?'}/${protocol}${by}`,
      };
    }
    case 'blocked': {
      const { time, packets, chain, reason } = record;
      const text = `the firewall held back ${packets} packets in ${chain} (${reason})`;
      return { time, of, text, key: `blocked ${chain} ${reason}` };
    }
    case 'spoof':
      return spoofLine(record);
    case 'decision': {
      const { time, action, by, finding, where, reason } = record;
      const why = reason === undefined ? '' : `: ${reason}`;
      return { time, of, text: `${action} of ${where ?? finding ?? '?'} by ${by}${why}` };
    }
    case 'evidence':
      return { time: record.time, of, text: evidenceLine(record) };
    case 'audit-run': {
      const { time, findings, scores } = record;
      const host = scores.find(({ network }) => network === undefined);
      const score = host === undefined ? '' : `, score of the host ${host.score}`;
      const text = `the host was audited: failures that stand as findings: ${findings}${score}`;
      // Audits that find the same are told once.
      return { time, of, text, key: text };
    }
    case 'loss': {
      const { time, source, where } = record;
      const text = `not all is seen from here on: ${source}, ${where}`;
      return { time, of, text, key: `loss ${source} ${where}` };
    }
    default:
      // Flows and look-ups have their own sums; the rest is no news on a time axis.
      return undefined;
  }
}

function evidenceLine({ change, cause, finding, targets, by, packets, reason }: PublicEvidence): string {
  const whose = cause === 'finding' ? `of finding ${finding}` : `of ${targets?.join(' ') ?? '?'}`;
  if (change === 'removed') return `the packets ${whose} are kept no longer: ${reason ?? 'nobody said why'}`;
  const who = by === undefined ? '' : ` for ${by}`;
  return `packets ${whose} are put aside${who} (${packets ?? 'an unknown number'})`;
}

function spoofLine(record: PublicSpoof): Line {
  const { first, ip, mac, mismatch, layer, sender, holder, network } = record;
  const about = sender === undefined ? undefined : workloadLabel(sender);
  const whose = holder === undefined ? '' : ` of ${workloadLabel(holder)}`;
  return {
    time: first,
    of: 'spoof',
    text: `${about ?? mac} first sends as ${ip}${whose}${network === undefined ? '' : ` on ${network}`} (${mismatch}, ${layer})`,
    ...(about === undefined ? {} : { about }),
    key: `spoof ${mac} ${ip} ${layer}`,
  };
}
