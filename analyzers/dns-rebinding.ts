/**
 * An outside name that turns inside: answered with an address of the outside, then with one of the inside, so that a
 * check of the name passes and the connection goes where the check was to keep it from. A constant inside answer is an
 * ordinary thing (split horizon, block lists, development names) and must not be accused for itself.
 */
import { z } from 'zod';
import type { DnsAnswer, DnsRecord } from '../src/model/dns.ts';
import { type Endpoint, endpointLabel } from '../src/model/endpoint.ts';
import { type Confidence, SEVERITIES, type Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { type IpWords, parseIp } from '../src/model/ip.ts';
import { type ClockStep, formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { AddressJudge, innerText } from './lib/address-kind.ts';
import { answererOf, clientKey, isItself, networkOf } from './lib/asker.ts';
import {
  asAnswered,
  INSIDE_KINDS,
  type InsideAddress,
  isMapped,
  sortAnswer,
} from './lib/dns-rebinding/inside-answer.ts';
import { Sample } from './lib/sample.ts';

const CONNECT_WITHIN = 60 * MICROS_PER_SECOND;
/** A resolver that gives one inside address for so many other registered domains does so by a list of its own. */
const SINK_ZONES = 3;
/** What Docker's embedded resolver puts on its own answers, seconds (moby libnetwork/resolver.go, respTTL). */
const ENGINE_TTL = 600;
const SAMPLE_SIZE = 8;

const config = z.strictObject({
  flip_window_secs: z
    .number()
    .int()
    .min(10)
    .max(86_400)
    .default(600)
    .describe(
      'An inside answer this long after an outside one, to the same container and name, is a change of mind.',
    ),
  max_ttl_secs: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(60)
    .describe(
      'Longest time to live of the outside answer that lets a name be turned at will; above it, the finding is low.',
    ),
  own_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe(
      'Registered domains of your own that have inside addresses, and platforms that serve such (`nip.io`).',
    ),
  max_names: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(4000)
    .describe('Names with outside addresses remembered at once, for all containers, about 500 bytes each.'),
  max_watched: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Suspicious names and addresses followed at once, about 2 KB each.'),
});

const evidence = z.object({
  kind: z.enum(['turned', 'mixed', 'metadata', 'disguised']),
  zone: z.string().describe('The registered domain.'),
  names: z.array(z.string()).describe('The first names, escaped as in RFC 4343.'),
  nameCount: z.number().describe('Different names; 256 stands for more.'),
  outsideAddress: z.string().optional().describe('Of the answer before, or of the same answer.'),
  insideAddress: z.string().describe('As it stood in the answer.'),
  meansAddress: z.string().describe('The same without the form that it was wrapped in.'),
  insideKind: z.enum(INSIDE_KINDS).describe('Whose address it is to the container.'),
  wrappedAs: z
    .string()
    .optional()
    .describe('The IPv6 form that carries the IPv4 address; absent for a plain one.'),
  secondsBetween: z.number().optional().describe('From the outside answer to the inside one.'),
  outsideTtlSecs: z.number().optional(),
  insideTtlSecs: z.number(),
  resolver: z.string().describe('Who gave the inside answer, as far as it was seen.'),
  doubts: z.array(z.string()).describe('What makes it milder than it looks.'),
  connections: z.number().describe('Of the container to the inside address, within 60 s of the answer.'),
  firstAnswer: z.string(),
  lastAnswer: z.string(),
});

type Evidence = z.infer<typeof evidence>;
type Message = 'turned' | 'mixed' | 'metadata' | 'disguised' | 'connected';
type Context = AnalyzerContext<Message, Evidence>;

export default defineAnalyzer({
  id: 'dns-rebinding',
  title: 'Outside name answers with an inside address',
  attack: [
    { technique: 'T1190', tactic: 'initial-access' },
    { technique: 'T1552.005', tactic: 'credential-access' },
  ],
  severity: 'high',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    turned:
      '{subject} was answered {outsideAddress} for {names}, and {secondsBetween} s later {insideAddress}, which is inside ({insideKind}). A name under {zone} that turns inside lets its owner reach what only {subject} can. Doubts: {doubts}. No connection to it was seen so far.',
    mixed:
      '{subject} was answered {outsideAddress} and {insideAddress} at once for {names}; the second is inside ({insideKind}). A client that tries the next address when one fails ends up there. No connection to it was seen so far.',
    metadata:
      '{subject} was answered {insideAddress} for {names}, a name under {zone}: the address where clouds hand out credentials. No such name has a good reason to lead there. No connection to it was seen so far.',
    disguised:
      '{subject} was answered {insideAddress} for {names}, an IPv6 record (AAAA) that means the IPv4 address {meansAddress}, which is inside ({insideKind}). Filters that look for IPv4 addresses miss that form. No connection to it was seen so far.',
    connected:
      '{subject} was answered {insideAddress} for {names}, a name under {zone}, and connected to it (connections: {connections}). The address is inside ({insideKind}): see what it asked there, and why it follows names that others give it. Doubts: {doubts}.',
  },
  create(ctx, options) {
    const addresses = new AddressJudge();
    const outsides = ctx.boundedMap<OutsideAnswer>({ name: 'names', maxKeys: options.max_names });
    const sinks = ctx.boundedMap<Set<string>>({ name: 'sinks', maxKeys: 1024 });
    const cases = ctx.boundedMap<Case>({ name: 'cases', maxKeys: options.max_watched });
    /** By client and address; only while there are any are flows asked for. */
    const watched = ctx.boundedMap<Watch>({ name: 'watched', maxKeys: options.max_watched });
    /** One word of each watched address, and of some that are not watched any more: at most twice as many. */
    const watchedWords = new Set<number>();

    function isSink({ judged }: InsideAddress, zone: string, resolver: Endpoint): boolean {
      const text = innerText(judged);
      const known = sinks.ensure(`${resolver.ip} ${text}`, () => new Set());
      if (known.size <= SINK_ZONES) known.add(zone);
      return known.size > SINK_ZONES || text === resolver.ip;
    }

    /** Undefined when it is nothing to speak of. */
    function judge(
      record: DnsRecord,
      zone: string,
      answer: AnsweredInside,
      before: OutsideAnswer | undefined,
    ): Sign | undefined {
      const { inside, outside } = answer;
      const resolver = answererOf(record);
      const isListed = isSink(inside, zone, resolver);
      if (outside !== undefined) {
        return {
          kind: 'mixed',
          severity: 'medium',
          confidence: 'medium',
          doubts: [],
          isRaised: true,
          outside: outside.data,
        };
      }
      if (before !== undefined && record.time - before.time <= options.flip_window_secs * MICROS_PER_SECOND) {
        return turned(record, inside, before, isListed);
      }
      if (inside.kind === 'metadata') {
        return { kind: 'metadata', severity: 'medium', confidence: 'medium', doubts: [], isRaised: true };
      }
      if (!isMapped(inside.answer) || inside.kind === 'unspecified') return undefined;
      return { kind: 'disguised', severity: 'medium', confidence: 'medium', doubts: [], isRaised: true };
    }

    function turned(
      record: DnsRecord,
      inside: InsideAddress,
      before: OutsideAnswer,
      isListed: boolean,
    ): Sign {
      const doubts: string[] = [];
      const resolver = answererOf(record);
      if (before.resolver !== resolver.ip) doubts.push('another resolver gave the outside answer');
      if (before.ttlSecs > options.max_ttl_secs) doubts.push('the outside answer was to be kept for long');
      if (isListed || inside.kind === 'unspecified') doubts.push('looks like the answer of a block list');
      if (isFromEngine(record, inside))
        doubts.push("looks like the engine's own answer for a name of a container");
      const isClear = doubts.length === 0;
      // Behind the embedded resolver it is not seen which of several servers was asked; they may not agree.
      const mayDisagree = record.upstream === undefined && forwardersOf(record) > 1;
      if (mayDisagree)
        doubts.push('the container has several resolvers, and which one answered was not seen');
      // An outside name that leads there is medium without any change; a doubt about the change makes it no less.
      const isMetadata = inside.kind === 'metadata';
      const isSure = isClear && !mayDisagree;
      return {
        kind: 'turned',
        severity: isClear ? 'high' : isMetadata ? 'medium' : 'low',
        confidence: isSure || isMetadata ? 'medium' : 'low',
        doubts,
        isRaised: isSure || isMetadata,
        outside: before.address,
        outsideTtlSecs: before.ttlSecs,
        secondsBetween: (record.time - before.time) / MICROS_PER_SECOND,
      };
    }

    function caseFor(key: string, record: DnsRecord, zone: string): Case {
      if (!ctx.isOpen(key)) cases.delete(key);
      return cases.ensure(key, () => ({
        key,
        zone,
        first: record.time,
        names: new Sample(SAMPLE_SIZE),
        connections: 0,
      }));
    }

    function tellAnswer(
      record: DnsRecord,
      zone: string,
      who: string,
      inside: InsideAddress,
      sign: Sign,
    ): void {
      const key = `${who} ${zone}`;
      const found = caseFor(key, record, zone);
      found.names.add(record.query);
      const rank =
        SEVERITIES.indexOf(sign.severity) - SEVERITIES.indexOf(found.last?.sign.severity ?? 'informational');
      if (rank >= 0 || found.last === undefined) found.last = { record, inside, sign };
      tell(ctx, found, record.time);
      watch(who, inside, found, record);
    }

    function watch(who: string, inside: InsideAddress, found: Case, record: DnsRecord): void {
      const until = record.time + (record.rtt ?? 0) + CONNECT_WITHIN;
      for (const ip of new Set([inside.answer.data, innerText(inside.judged)])) {
        const word = wordOf(parseIp(ip)!);
        const entry = watched.ensure(`${who} ${ip}`, () => ({ found, word, from: record.time, until }));
        entry.found = found;
        entry.until = until;
        watchedWords.add(word);
      }
      if (watchedWords.size > 2 * options.max_watched) {
        watchedWords.clear();
        for (const [, { word }] of watched.entries()) watchedWords.add(word);
      }
      ctx.setFlowInterest('chosen');
    }

    function remember(key: string, record: DnsRecord, outside: DnsAnswer): void {
      const entry = outsides.ensure(key, () => ({ time: 0, address: '', ttlSecs: 0, resolver: '' }));
      entry.time = record.time;
      entry.address = outside.data;
      entry.ttlSecs = outside.ttl;
      entry.resolver = answererOf(record).ip;
    }

    return {
      choosesFlow: ({ respWords }) => watchedWords.has(wordOf(respWords)),
      onDns(record) {
        if (!isAnswered(record) || !isItself(record.client)) return;
        const { inside, outside } = sortAnswer(record, addresses);
        if (inside === undefined && outside === undefined) return;
        const who = clientKey(record.client, record.network);
        // By type: an operator's own zone often has an inside IPv4 address and leaves IPv6 to the outside.
        const key = `${who} ${record.qtype} ${record.query.toLowerCase()}`;
        // Most answers are of the outside; whose name it is only matters for the others.
        if (inside !== undefined) {
          const zone = ctx.zoneOf(record.query);
          if (zone?.kind !== 'registered' || options.own_zones.includes(zone.zone)) return;
          const sign = judge(record, zone.zone, { inside, outside }, outsides.get(key));
          if (sign !== undefined) tellAnswer(record, zone.zone, who, inside, sign);
        }
        if (outside !== undefined) remember(key, record, outside);
      },
      onFlowStart(flow) {
        const entry = watched.get(`${clientKey(flow.orig, flow.network)} ${flow.resp.ip}`);
        if (entry === undefined || flow.start < entry.from || flow.start > entry.until) return;
        entry.found.connections += 1;
        tell(ctx, entry.found, flow.start, flow);
      },
      onTick(now) {
        if (watched.size === 0) return;
        for (const [key, { until }] of watched.entries()) if (until < now) watched.delete(key);
        if (watched.size > 0) return;
        ctx.setFlowInterest('none');
        watchedWords.clear();
      },
      onClockSet(step) {
        for (const [, entry] of outsides.entries()) entry.time += step.to - step.from;
        for (const [, entry] of watched.entries()) moveWatch(entry, step);
        for (const [, found] of cases.entries()) found.first += step.to - step.from;
      },
    };
  },
});

/** The last answer of a name that was of the outside. */
interface OutsideAnswer {
  time: Micros;
  address: string;
  ttlSecs: number;
  resolver: string;
}

interface AnsweredInside {
  readonly inside: InsideAddress;
  readonly outside: DnsAnswer | undefined;
}

interface Sign {
  readonly kind: Evidence['kind'];
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly doubts: readonly string[];
  /** Whether a connection makes it graver; where a harmless cause is likely, it would follow anyway. */
  readonly isRaised: boolean;
  readonly outside?: string;
  readonly outsideTtlSecs?: number;
  readonly secondsBetween?: number;
}

/** One client and zone: what a finding is about. */
interface Case {
  readonly key: string;
  readonly zone: string;
  readonly names: Sample;
  first: Micros;
  connections: number;
  /** The gravest sign so far. */
  last?: { readonly record: DnsRecord; readonly inside: InsideAddress; readonly sign: Sign };
}

interface Watch {
  found: Case;
  readonly word: number;
  from: Micros;
  until: Micros;
}

/** Tells most addresses apart: inside, the first words are a network's and the last ones a machine's. */
function wordOf([, , w2, w3]: IpWords): number {
  return w2 ^ w3;
}

function moveWatch(entry: Watch, { from, to }: ClockStep): void {
  entry.from += to - from;
  entry.until += to - from;
}

/** An answer without its question is what anybody may send. */
function isAnswered({ protocol, rcode, rtt, qclass }: DnsRecord): boolean {
  return protocol === 'dns' && qclass === 'IN' && rcode === 'NOERROR' && rtt !== undefined;
}

function isFromEngine({ server, upstream }: DnsRecord, { answer }: InsideAddress): boolean {
  return server.scope === 'engine' && upstream === undefined && answer.ttl === ENGINE_TTL;
}

/** How many servers the container's embedded resolver may pass a question on to; 0 when not known. */
function forwardersOf({ client, server }: DnsRecord): number {
  if (server.scope !== 'engine') return 0;
  return client.workload?.resolvers?.filter((ip) => ip !== server.ip).length ?? 0;
}

function tell(ctx: Context, found: Case, time: Micros, flow?: FlowRecord): void {
  const { record, inside, sign } = found.last!;
  const isConnected = found.connections > 0;
  ctx.report({
    message: isConnected ? 'connected' : sign.kind,
    time,
    since: found.first,
    key: found.key,
    subject: record.client,
    peers: [flow?.resp ?? answererOf(record)],
    ...networkOf(record),
    ...(flow === undefined ? {} : { flows: [flow] }),
    severity: isConnected && sign.isRaised ? graver(sign.severity) : sign.severity,
    confidence: isConnected && sign.isRaised ? 'high' : sign.confidence,
    evidence: {
      kind: sign.kind,
      zone: found.zone,
      names: found.names.first(),
      nameCount: found.names.count,
      ...(sign.outside === undefined ? {} : { outsideAddress: sign.outside }),
      insideAddress: asAnswered(inside.answer),
      meansAddress: innerText(inside.judged),
      insideKind: inside.kind,
      ...(inside.judged.wrappedAs === undefined ? {} : { wrappedAs: inside.judged.wrappedAs }),
      ...(sign.secondsBetween === undefined ? {} : { secondsBetween: sign.secondsBetween }),
      ...(sign.outsideTtlSecs === undefined ? {} : { outsideTtlSecs: sign.outsideTtlSecs }),
      insideTtlSecs: inside.answer.ttl,
      resolver: endpointLabel(answererOf(record)),
      doubts: [...sign.doubts],
      connections: found.connections,
      firstAnswer: formatMicros(found.first),
      lastAnswer: formatMicros(record.time),
    },
  });
}

function graver(severity: Severity): Severity {
  return SEVERITIES[Math.min(SEVERITIES.indexOf(severity) + 1, SEVERITIES.length - 1)]!;
}
