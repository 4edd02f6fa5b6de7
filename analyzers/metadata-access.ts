/**
 * A container asks a cloud's metadata service, which gives the machine's credentials to whoever asks from it. Attempts,
 * refusals and answers are told apart, because most programs that know clouds try once, also where there is none. The
 * host and its agents must never be accused: they ask by right, and not over a bridge.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type ClockStep, formatMicros, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import {
  cloudOfName,
  isMetadataWords,
  type MetadataService,
  metadataServiceAt,
} from './lib/metadata-services.ts';
import { isOpenedByContainer } from './lib/opened-by.ts';

/** Several of the addresses are resolvers too (Google's, Azure's): asking them for names is no access. */
const DNS_PORT = 53;
const MAX_NAMES = 8;
/** Connections of one container that are remembered until they end; of others the begin is counted at the end again. */
const MAX_OPEN = 64;

const config = z.strictObject({
  credential_answer_bytes: z
    .number()
    .int()
    .min(200)
    .max(1_000_000)
    .default(1000)
    .describe(
      'IP bytes that come back on one connection, from which on they may be credentials: those take 1 to 2 kB, an instance id 300 to 500 bytes with its headers.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Containers remembered at once, about 3 KB each.'),
});

const evidence = z.object({
  addresses: z.array(z.string()).describe('Of metadata services, as the container asked them.'),
  clouds: z.array(z.string()).describe('Whose service it can be; one where address or name tell.'),
  names: z.array(z.string()).describe('Names by which it asked: HTTP host, TLS server name.'),
  connections: z.number(),
  unanswered: z.number().describe('Connections that ended without a packet back.'),
  refused: z
    .number()
    .describe('Connections that were reset before any answer: by the service or a firewall.'),
  withoutData: z
    .number()
    .describe(
      'Connections that were accepted, and ended without a byte back: as with a hop limit of 1 in AWS.',
    ),
  answered: z.number().describe('Connections on which data came back.'),
  answerBytes: z.number().describe('IP bytes that came back on all of them.'),
  largestAnswerBytes: z.number().describe('IP bytes that came back on one of them.'),
  thresholdBytes: z.number(),
  firstSeen: z.string(),
  lastSeen: z.string(),
});

type Kind = 'attempted' | 'refused' | 'answered' | 'credentials-sized';

export default defineAnalyzer({
  id: 'metadata-access',
  title: 'Container asks the metadata service of a cloud',
  attack: [{ technique: 'T1552.005', tactic: 'credential-access' }],
  severity: 'low',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    attempted:
      '{subject} tried to ask a metadata service of {clouds} at {addresses} and got no data (connections: {connections}, accepted without data: {withoutData}). Programs that know clouds try it at their start. If {subject} need not know where it runs, block these addresses for containers.',
    refused:
      '{subject} tried to ask a metadata service of {clouds} at {addresses} and was refused (connections: {connections}, refused: {refused}), by the service or by a firewall: nothing came back.',
    answered:
      '{subject} asked a metadata service of {clouds} at {addresses} and was answered ({answerBytes} bytes on {answered} connections, at most {largestAnswerBytes} on one). What can read this can ask for credentials too: see if it needs to, else block it (AWS: hop limit 1).',
    'credentials-sized':
      '{subject} got {largestAnswerBytes} bytes on one connection from a metadata service of {clouds} at {addresses} (threshold: {thresholdBytes}; connections with data: {answered}): enough for credentials. See what asked; revoke the sessions of the role if it was not meant to, and block these addresses for containers.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<Tally>({ name: 'clients', maxKeys: options.max_clients });

    function note(flow: FlowRecord, count: (tally: Tally) => void): void {
      const target = targetOf(flow);
      if (target === undefined) return;
      const key = `${target.whose} ${clientKey(flow.orig, flow.network)}`;
      if (!ctx.isOpen(key)) tallies.delete(key);
      const tally = tallies.ensure(key, () => new Tally(flow.start));
      tally.add(flow, target);
      count(tally);
      const kind = kindOf(tally, options.credential_answer_bytes);
      ctx.report({
        message: kind,
        time: flow.end,
        since: tally.first,
        key,
        subject: flow.orig,
        peers: [...tally.peers.values()],
        ...(flow.network === undefined ? {} : { network: flow.network.name }),
        flows: [flow],
        severity: target.whose === 'task' ? 'low' : SEVERITY[kind],
        evidence: { ...tally.evidence(), thresholdBytes: options.credential_answer_bytes },
      });
    }

    return {
      choosesFlow: ({ protocol, respWords, respPort, serverName }) =>
        respPort !== DNS_PORT &&
        (isMetadataWords(respWords) || (serverName !== undefined && cloudOfName(serverName) !== undefined)) &&
        protocol === 'tcp',
      // By name it may be reached at any address, through a proxy for it.
      readsContent: ({ protocol, respPort, respWords }) =>
        protocol === 'tcp' && (respPort === 80 || isMetadataWords(respWords)),
      onFlowStart: (flow) => note(flow, (tally) => tally.noteStart(flow)),
      onFlowEnd: (flow) => note(flow, (tally) => tally.noteEnd(flow)),
      onClockSet(step) {
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
      },
    };
  },
});

/** Argued in docs/analyzers/metadata-access.md. */
const SEVERITY: Readonly<Record<Kind, Severity>> = {
  attempted: 'low',
  refused: 'low',
  answered: 'medium',
  'credentials-sized': 'high',
};

interface Target {
  readonly whose: MetadataService['whose'];
  readonly clouds: readonly string[];
  readonly name: string | undefined;
}

function targetOf(flow: FlowRecord): Target | undefined {
  const { resp, protocol, serverName } = flow;
  if (protocol !== 'tcp' || resp.port === DNS_PORT || !isOpenedByContainer(flow)) return undefined;
  const service = metadataServiceAt(resp.ip);
  const namedCloud = serverName === undefined ? undefined : cloudOfName(serverName);
  // A container that serves metadata to others, or pretends to in a test, is no cloud.
  if (service === undefined && (namedCloud === undefined || resp.scope === 'container')) return undefined;
  const clouds = namedCloud === undefined ? service!.clouds : [namedCloud];
  return { whose: service?.whose ?? 'machine', clouds, name: serverName };
}

function kindOf(tally: Tally, credentialBytes: number): Kind {
  if (tally.largestAnswerBytes >= credentialBytes) return 'credentials-sized';
  if (tally.answered > 0) return 'answered';
  return tally.refused > 0 && tally.isOnlyRefused ? 'refused' : 'attempted';
}

class Tally {
  first: Micros;
  #last: Micros;
  readonly peers = new Map<string, Endpoint>();
  readonly #names = new Set<string>();
  readonly #told = new Set<string>();
  /** What the address leaves open, as long as no name or other address tells. */
  #possible: readonly string[] = [];
  readonly #counted = new Set<string>();
  #connections = 0;
  #unanswered = 0;
  #withoutData = 0;
  #answerBytes = 0;
  refused = 0;
  answered = 0;
  largestAnswerBytes = 0;

  constructor(first: Micros) {
    this.first = first;
    this.#last = first;
  }

  get isOnlyRefused(): boolean {
    return this.#withoutData === 0;
  }

  add(flow: FlowRecord, { clouds, name }: Target): void {
    this.#last = Math.max(this.#last, flow.end);
    this.#noteClouds(clouds);
    if (name !== undefined && this.#names.size < MAX_NAMES) this.#names.add(name);
    if (this.peers.size < MAX_NAMES) this.peers.set(flow.resp.ip, flow.resp);
  }

  noteStart({ uid }: FlowRecord): void {
    this.#connections += 1;
    if (this.#counted.size < MAX_OPEN) this.#counted.add(uid);
  }

  /** A connection whose begin belongs to a finding that was closed since, or that was known by its name later. */
  noteEnd(flow: FlowRecord): void {
    if (!this.#counted.delete(flow.uid)) this.#connections += 1;
    const answer = answerTo(flow);
    if (answer === 'none') this.#unanswered += 1;
    if (answer === 'refused') this.refused += 1;
    if (answer === 'connected') this.#withoutData += 1;
    if (answer !== 'data') return;
    this.answered += 1;
    this.#answerBytes += flow.respBytes;
    this.largestAnswerBytes = Math.max(this.largestAnswerBytes, flow.respBytes);
  }

  #noteClouds(clouds: readonly string[]): void {
    if (clouds.length > 1) this.#possible = clouds;
    else for (const cloud of clouds) this.#told.add(cloud);
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }

  evidence() {
    return {
      addresses: [...this.peers.keys()],
      clouds: this.#told.size > 0 ? [...this.#told] : [...this.#possible],
      names: [...this.#names],
      connections: this.#connections,
      unanswered: this.#unanswered,
      refused: this.refused,
      withoutData: this.#withoutData,
      answered: this.answered,
      answerBytes: this.#answerBytes,
      largestAnswerBytes: this.largestAnswerBytes,
      firstSeen: formatMicros(this.first),
      lastSeen: formatMicros(this.#last),
    };
  }
}
