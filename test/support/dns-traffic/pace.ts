/** How fast names are asked for, for how long. A generator makes tasks of one or more names; this spreads them. */
import type { Exchange } from './exchange.ts';
import { addressAnswer } from './exchange.ts';
import type { Random } from './random.ts';
import { exchange } from './tunnel.ts';

export interface Pace {
  readonly untilSecs: number;
  /** Mean time between two names. */
  readonly everySecs: number;
}

type Task = (at: number, i: number) => readonly Exchange[];

/** Tasks with as many names as they like; the mean rate of names is the pace's. */
export function* paced(from: Random, pace: Pace, task: Task): Generator<Exchange> {
  let at = from.gap(pace.everySecs);
  for (let i = 0; at < pace.untilSecs; i++) {
    const asked = task(at, i);
    yield* asked;
    const last = asked.at(-1)?.at ?? at;
    at = Math.max(last, at + from.gap(pace.everySecs * Math.max(1, asked.length)));
  }
}

/** Name -> one address, the same at every look-up, as long as nobody moves. */
export function addressOf(name: string): string {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) >>> 0;
  return `198.51.100.${1 + (hash % 250)}`;
}

/** What getaddrinfo does, and a connection after it. */
export function visit(at: number, name: string): Exchange[] {
  const ip = addressOf(name);
  const labels = name.split('.');
  return [
    exchange(at, labels, { answers: [addressAnswer(ip, 300)], contact: ip }),
    exchange(at, labels, { qtype: 'AAAA', rcode: 'NOERROR' }),
  ];
}

/** Looked up, never connected to. */
export function resolve(at: number, name: string, fields: Partial<Exchange> = {}): Exchange {
  const answers = fields.rcode === undefined ? [addressAnswer(addressOf(name), 300)] : [];
  return exchange(at, name.split('.'), { answers, ...fields });
}

export function missing(at: number, name: string, qtype = 'A'): Exchange {
  return exchange(at, name.split('.'), { qtype, rcode: 'NXDOMAIN' });
}
