/** What came of one container's contacts with one entry of a list, or of listed addresses with one container. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { escapeText } from '../../../src/model/escape.ts';
import { SEVERITIES, type Severity } from '../../../src/model/finding.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { formatMicros, type Micros } from '../../../src/model/time.ts';
import type { ThreatMatch } from '../../../src/sensor/analysis/analyzer.ts';
import type { Answer } from '../answer.ts';
import { Sample } from '../sample.ts';

/** From the mildest to the gravest. `resolved`: a name that is not listed was answered with a listed address. */
export const STATES = ['resolved', 'asked', 'tried', 'talked'] as const;
export type State = (typeof STATES)[number];

const ANSWERS: readonly Answer[] = ['none', 'refused', 'connected', 'data'];
const SHOWN = 8;
const MAX_NOTE_CHARS = 120;

export class Contact {
  match: ThreatMatch;
  state: State = 'resolved';
  /** A connection went to another port than the one that is listed, and none to that one. */
  isOtherPort = true;
  connections = 0;
  sent = 0;
  received = 0;
  questions = 0;
  first: Micros;
  last: Micros;
  readonly peers: Endpoint[] = [];
  #answer: Answer = 'none';
  readonly #places = new Sample(SHOWN);
  readonly #names = new Sample(SHOWN);
  readonly #answers = new Sample(SHOWN);

  constructor(match: ThreatMatch, time: Micros) {
    this.match = match;
    this.first = time;
    this.last = time;
  }

  get worth(): number {
    return STATES.indexOf(this.state);
  }

  noteFlow(match: ThreatMatch, flow: FlowRecord, peer: Endpoint, answer: Answer): void {
    this.match = match;
    this.last = Math.max(this.last, flow.end);
    this.first = Math.min(this.first, flow.start);
    this.#rise(answer === 'data' ? 'talked' : 'tried');
    if (ANSWERS.indexOf(answer) > ANSWERS.indexOf(this.#answer)) this.#answer = answer;
    if (match.port === undefined || match.port === flow.resp.port) this.isOtherPort = false;
    this.#places.add(
      `${bracketed(peer.ip)}${peer.port === undefined ? '' : `:${peer.port}`}/${flow.protocol}`,
    );
    const name = flow.serverName ?? peer.names[0];
    if (name !== undefined) this.#names.add(name);
    if (this.peers.length < SHOWN && !this.peers.some(({ ip }) => ip === peer.ip)) this.peers.push(peer);
  }

  noteQuestion(
    match: ThreatMatch,
    state: 'asked' | 'resolved',
    query: string,
    answers: readonly string[],
    time: Micros,
  ): void {
    this.match = match;
    this.last = Math.max(this.last, time);
    this.questions += 1;
    this.#rise(state);
    this.#names.add(query);
    for (const answer of answers) this.#answers.add(answer);
  }

  evidence() {
    const { match } = this;
    const isFlow = this.connections > 0;
    const isAsked = this.questions > 0;
    return {
      ...matchEvidence(match),
      ...(isFlow ? this.#flows() : {}),
      ...(this.#names.count > 0 ? { names: this.#names.first() } : {}),
      ...(isAsked ? { questions: this.questions, dnsAnswers: this.#answers.first() } : {}),
      firstSign: formatMicros(this.first),
      lastSign: formatMicros(this.last),
    };
  }

  clockSet(step: Micros): void {
    this.first += step;
    this.last += step;
  }

  #flows() {
    return {
      answer: this.#answer,
      connections: this.connections,
      bytesSent: this.sent,
      bytesReceived: this.received,
      places: this.#places.first(),
    };
  }

  #rise(state: State): void {
    if (STATES.indexOf(state) > STATES.indexOf(this.state)) this.state = state;
  }
}

export function matchEvidence(match: ThreatMatch) {
  return {
    indicator: match.indicator,
    listedAs: match.kind,
    ...(match.port === undefined ? {} : { listedPort: match.port }),
    list: match.list,
    ...(match.alsoIn.length === 0 ? {} : { alsoIn: [...match.alsoIn] }),
    line: match.line,
    listedFor: match.note === undefined ? 'no reason given' : escapeText(match.note, MAX_NOTE_CHARS),
    listChanged: formatMicros(match.fileChanged),
  };
}

/** One milder; never below informational. */
export function milder(severity: Severity): Severity {
  return SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)]!;
}

export function atMost(severity: Severity, most: Severity): Severity {
  return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(most) ? most : severity;
}

function bracketed(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}
