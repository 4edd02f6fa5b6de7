/**
 * A container that is only on internal networks gets an outside name answered: names leave, and answers come in, where
 * nothing should (CVE-2024-29018, seen happening). It must never take what the engine answers by itself, service and
 * container names, for something from outside.
 */
import { z } from 'zod';
import type { DnsAnswer, DnsRecord } from '../src/model/dns.ts';
import type { ZoneOfName } from '../src/model/dns-zone.ts';
import { type Endpoint, endpointLabel } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { IpWords } from '../src/model/ip.ts';
import { type ClockStep, formatMicros, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { judgeAddress } from './lib/address-kind.ts';
import { clientKey, isItself } from './lib/asker.ts';
import {
  isOn,
  type NetworksSeen,
  noteNetwork,
  type OnlyInternal,
  onlyInternal,
} from './lib/dns-internal-leak/only-internal.ts';
import { Sample } from './lib/sample.ts';

/** Microseconds. Measured: the engine's own answers take up to 520, one from a resolver on the same host 160 to 3700. */
const OWN_ANSWER_WITHIN = 2000;
const SAMPLE_SIZE = 8;

const config = z.strictObject({
  ignore_networks: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of internal networks whose containers may ask for outside names.'),
  own_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe('Registered domains of your own, which containers on internal networks may look up.'),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe(
      'Offenders remembered at once, 2 KB each as a rule and 100 KB for one that asks for thousands of names.',
    ),
});

const evidence = z.object({
  path: z
    .enum(['engine', 'host', 'container'])
    .describe('Who answered the container, or whom the engine asked.'),
  networks: z.array(z.string()).describe('All networks of the container, as far as they are known.'),
  networksKnown: z
    .boolean()
    .describe('False for an address that nobody could name: it may have other networks.'),
  resolver: z.string().describe('Who was asked by the container.'),
  upstream: z
    .string()
    .optional()
    .describe(
      'Whom that resolver asked then; absent when nobody saw it, as when the engine asks from the host.',
    ),
  names: z.array(z.string()).describe('The first names, escaped as in RFC 4343.'),
  nameCount: z.number().describe('Different names; 256 stands for more.'),
  zones: z.array(z.string()).describe('The first registered domains.'),
  zoneCount: z.number(),
  queryTypes: z.array(z.string()),
  answers: z.array(z.string()).describe('The first data that cannot come from the engine itself.'),
  answered: z.number().describe('Questions that were answered with such data.'),
  nameErrors: z.number().describe('Questions that were answered with NXDOMAIN, or by nothing of the type.'),
  dataTypes: z
    .array(z.string())
    .describe('Types among the answers that carry free data rather than addresses.'),
  roundTripMs: z.number().describe('Of the last answer.'),
  firstAnswer: z.string(),
  lastAnswer: z.string(),
});

type Message = 'engine' | 'host-resolver' | 'forwarder' | 'question-left';
type Context = AnalyzerContext<Message, z.infer<typeof evidence>>;
type Path = z.infer<typeof evidence>['path'];

export default defineAnalyzer({
  id: 'dns-internal-leak',
  title: 'Container on internal networks gets outside names answered',
  attack: [
    { technique: 'T1071.004', tactic: 'command-and-control' },
    { technique: 'T1048', tactic: 'exfiltration' },
  ],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'incubating',
  flows: 'internal-networks',
  config,
  evidence,
  messages: {
    engine:
      "{subject} has only internal networks ({networks}), and Docker's own resolver answered it outside names: {names} ({answers}). Names leave and answers come in, which is enough for a tunnel. Engines 23.0.11, 25.0.5, 26.0 and later close this (CVE-2024-29018): upgrade; if yours is newer, look at the dns: setting of the container.",
    'host-resolver':
      '{subject} has only internal networks ({networks}), and a resolver on this host answered it outside names: {names} ({answers}). Names leave and answers come in, which is enough for a tunnel. Close {resolver} to internal networks; an upgrade of the engine does not.',
    forwarder:
      '{subject} has only internal networks ({networks}), and {peers} beside it answered it outside names: {names} ({answers}). That container forwards, and through it whoever is meant to be cut off reaches the outside by DNS: let it answer for inside names only.',
    'question-left':
      '{subject} has only internal networks ({networks}), and {resolver} answered its question for {names} after {roundTripMs} ms: there is no such thing. Docker does not say that of an outside name by itself, so the question went further; that is enough to carry data out. Engines 23.0.11, 25.0.5, 26.0 and later do not forward for internal networks (CVE-2024-29018); a resolver on this host has to be closed to them.',
  },
  create(ctx, options) {
    const seen: NetworksSeen = ctx.boundedMap({ name: 'networks', maxKeys: 1024 });
    const leaks = ctx.boundedMap<Leak>({ name: 'clients', maxKeys: options.max_clients });

    function isIgnored(zone: ZoneOfName, { networks }: OnlyInternal): boolean {
      if (networks.every((name) => options.ignore_networks.includes(name))) return true;
      return options.own_zones.includes(zone.zone);
    }

    return {
      onDns(record) {
        noteNetwork(seen, record.network);
        if (!isAnswered(record) || !isItself(record.client)) return;
        const where = onlyInternal(record, seen);
        if (where === undefined) return;
        const path = pathOf(record);
        if (path === undefined) return;
        const sign = signOf(record, path, (ip) => isOn(where.networks, ip, seen));
        if (sign === undefined) return;
        const zone = ctx.zoneOf(record.query);
        if (zone?.kind !== 'registered' || isIgnored(zone, where)) return;
        const key = `${path} ${clientKey(record.client, record.network)}`;
        if (!ctx.isOpen(key)) leaks.delete(key);
        const leak = leaks.ensure(key, () => new Leak(path, record.time));
        leak.add(record, zone, where, sign);
        tell(ctx, key, leak, record);
      },
      onFlowStart: (flow) => noteNetwork(seen, flow.network),
      onClockSet(step) {
        for (const [, leak] of leaks.entries()) leak.clockSet(step);
      },
    };
  },
});

/** What says that somebody other than the engine gave the answer. */
interface Sign {
  /** Empty when only the question left. */
  readonly data: readonly DnsAnswer[];
  readonly confidence: Confidence;
}

class Leak {
  readonly path: Path;
  readonly names = new Sample(SAMPLE_SIZE);
  readonly zones = new Sample(SAMPLE_SIZE);
  readonly types = new Sample(SAMPLE_SIZE);
  readonly data = new Sample(SAMPLE_SIZE);
  readonly dataTypes = new Sample(SAMPLE_SIZE);
  first: Micros;
  where: OnlyInternal = { networks: [], isWhole: false };
  answered = 0;
  nameErrors = 0;
  /** Of the last sign of the kind that is told. */
  confidence: Confidence = 'low';

  constructor(path: Path, time: Micros) {
    this.path = path;
    this.first = time;
  }

  add(record: DnsRecord, zone: ZoneOfName, where: OnlyInternal, { data, confidence }: Sign): void {
    // Names that were answered are the proof: they are not mixed with those before them that were not.
    if (data.length > 0 && this.answered === 0) this.names.clear();
    if (data.length > 0) this.answered += 1;
    else this.nameErrors += 1;
    if (data.length > 0 || this.answered === 0) {
      this.names.add(record.query);
      this.zones.add(zone.zone);
      this.types.add(record.qtype);
      this.where = where;
      this.confidence = where.isWhole && isAlone(record.client) ? confidence : atMostMedium(confidence);
    }
    for (const { type, data: text } of data) {
      this.data.add(`${type} ${text}`);
      if (!PLAIN_TYPES.has(type)) this.dataTypes.add(type);
    }
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
  }
}

/** False where containers share a namespace: which of them asked is not known. */
function isAlone({ attribution, workload }: Endpoint): boolean {
  return workload === undefined || attribution.confidence === 'certain';
}

function atMostMedium(confidence: Confidence): Confidence {
  return confidence === 'low' ? 'low' : 'medium';
}

/** What programs ask for in order to connect somewhere, and what resolvers need to find and to check it (RFC 4034). */
const PLAIN_TYPES: ReadonlySet<string> = new Set(
  'A AAAA CNAME DNAME HTTPS SVCB NS SOA DS DNSKEY RRSIG NSEC NSEC3 NSEC3PARAM TYPE64 TYPE65'.split(' '),
);
/** The engine answers these by itself, for services and own addresses. */
const ENGINE_TYPES: ReadonlySet<string> = new Set(['PTR', 'SRV']);

/** An answer without its question is what anybody may send. */
function isAnswered({ protocol, rcode, rtt, qclass, opcode }: DnsRecord): boolean {
  return (
    protocol === 'dns' && opcode === 'QUERY' && qclass === 'IN' && rcode !== undefined && rtt !== undefined
  );
}

/** Undefined for a server outside: that the packets leave is what internal-egress tells. */
function pathOf({ server, upstream, network }: DnsRecord): Path | undefined {
  if (server.scope === 'engine' || server.ip === '127.0.0.11') {
    if (upstream?.server.scope === 'container') return 'container';
    return upstream !== undefined && isOfHost(upstream.server) ? 'host' : 'engine';
  }
  if (isOfHost(server) || network?.gateways.includes(server.ip) === true) return 'host';
  return server.scope === 'container' ? 'container' : undefined;
}

function isOfHost({ scope }: Endpoint): boolean {
  return scope === 'gateway' || scope === 'host';
}

function signOf(record: DnsRecord, path: Path, isOwn: (ip: IpWords) => boolean): Sign | undefined {
  if (record.rcode === 'NOERROR' && record.answers.length > 0) {
    const data = record.answers.filter((answer) => isFromOutside(answer, isOwn));
    // A chain that ends inside is a zone of the operator's, which the host knows and the internet does not.
    if (data.length === 0 || (hasAddress(record) && !data.some(isAddress))) return undefined;
    return { data, confidence: 'certain' };
  }
  const confidence = errorConfidence(record, path);
  return confidence === undefined ? undefined : { data: [], confidence };
}

/**
 * The engine answers SERVFAIL by itself for what it may not forward, and nothing at all for the other address family
 * of a name it knows (moby libnetwork/resolver.go). NXDOMAIN for a name with a dot came from somebody.
 */
function errorConfidence({ rcode, rtt, upstream }: DnsRecord, path: Path): Confidence | undefined {
  if (path === 'container') return undefined;
  const isNoData = rcode === 'NOERROR';
  if (rcode !== 'NXDOMAIN' && !isNoData) return undefined;
  if (upstream?.rtt !== undefined) return 'high';
  if (isNoData) return undefined;
  return rtt! >= OWN_ANSWER_WITHIN ? 'medium' : 'low';
}

/** `isOwn`: on a network of the client's, where global addresses are in use too. */
function isFromOutside(answer: DnsAnswer, isOwn: (ip: IpWords) => boolean): boolean {
  if (ENGINE_TYPES.has(answer.type)) return false;
  if (!isAddress(answer)) return true;
  const judged = judgeAddress(answer.data);
  return judged?.kind === 'outside' && !isOwn(judged.words);
}

function hasAddress({ answers }: DnsRecord): boolean {
  return answers.some(({ type }) => type === 'A' || type === 'AAAA');
}

function isAddress({ type }: DnsAnswer): boolean {
  return type === 'A' || type === 'AAAA';
}

function tell(ctx: Context, key: string, leak: Leak, record: DnsRecord): void {
  const { server, upstream } = record;
  ctx.report({
    message: messageOf(leak),
    time: record.time,
    since: leak.first,
    key,
    subject: record.client,
    peers: [leak.path === 'engine' || upstream === undefined ? server : upstream.server],
    network: leak.where.networks.join(', '),
    severity: severityOf(leak),
    confidence: leak.confidence,
    evidence: {
      path: leak.path,
      networks: [...leak.where.networks],
      networksKnown: leak.where.isWhole,
      resolver: endpointLabel(server),
      ...(upstream === undefined ? {} : { upstream: endpointLabel(upstream.server) }),
      names: leak.names.first(),
      nameCount: leak.names.count,
      zones: leak.zones.first(),
      zoneCount: leak.zones.count,
      queryTypes: leak.types.first(),
      answers: leak.data.first(),
      answered: leak.answered,
      nameErrors: leak.nameErrors,
      dataTypes: leak.dataTypes.first(),
      roundTripMs: record.rtt! / 1000,
      firstAnswer: formatMicros(leak.first),
      lastAnswer: formatMicros(record.time),
    },
  });
}

function messageOf({ path, answered }: Leak): Message {
  if (answered === 0) return 'question-left';
  if (path === 'engine') return 'engine';
  return path === 'host' ? 'host-resolver' : 'forwarder';
}

/** Argued in docs/analyzers/dns-internal-leak.md. */
function severityOf({ path, answered, dataTypes }: Leak): Severity {
  if (answered === 0) return 'low';
  const carriesData = dataTypes.count > 0;
  if (path === 'container') return carriesData ? 'medium' : 'low';
  return carriesData ? 'high' : 'medium';
}
