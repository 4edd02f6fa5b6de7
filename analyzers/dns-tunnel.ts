/**
 * Data leaves in the names of DNS questions. Counts the bytes of distinct names that a client says to a zone: whatever
 * the encoding, that is what can leave. Entropy, length and words decide nothing here, because they do not separate a
 * tunnel from a content network; volume and circumstances do.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Network } from '../src/model/network.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, type DnsQuery, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { ClientZone } from './lib/client-zone.ts';
import { slotOf } from './lib/distinct-bytes.ts';
import { type Circumstance, circumstancesOf, LEAST_FACTOR } from './lib/dns-context.ts';
import { ZoneMemory, type ZoneOfName } from './lib/dns-zone.ts';
import { hashLabels } from './lib/name-hash.ts';
import { isServiceLabel, weightOf } from './lib/name-weight.ts';

const SPANS = [600, 3600, 86_400].map((secs) => secs * MICROS_PER_SECOND);
const SPAN_NAMES = ['10 min', '1 h', '24 h'] as const;
const CONTACT_WITHIN = 60 * MICROS_PER_SECOND;
/** Connections are looked at from this share of a threshold on; below it nobody needs to know. */
const WATCH_CONTACTS_FROM = 0.25;
const GRAVE_RATIO = 2;
/** Zones that a server must have been asked for to count as a resolver that others use too. */
const SHARED_ZONES = 3;
const CLIENTS_OF_ZONE = 8;
const BARE_NAMES = 256;
/** Base32 (RFC 4648), what tools use in letters that DNS keeps: five bits a character. */
const DATA_SHARE = 5 / 8;
/** Multicast DNS, NetBIOS names, LLMNR: answered on the link, by neighbours. */
const LINK_PORTS: ReadonlySet<number | undefined> = new Set([137, 5353, 5355]);

const config = z.strictObject({
  window_10min_bytes: threshold(500, '10 minutes', '0.83 B/s'),
  window_1h_bytes: threshold(1000, 'an hour', '0.28 B/s'),
  window_24h_bytes: threshold(2500, 'a day', '0.029 B/s'),
  resolvers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Addresses of the resolvers that containers are meant to use. Empty: not known, nobody is suspected for it.',
    ),
  known_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe(
      'Zones of your own with many names, such as a service registry; their thresholds are 256 times higher.',
    ),
  max_zones: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Pairs of client and zone remembered at once: 3 KB each as a rule, up to 16 KB near a threshold.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(4096)
    .describe('Clients and servers remembered at once, up to 3 KB each.'),
});

const evidence = z.object({
  channel: z.literal('names'),
  zone: z.string().describe('The registered domain, or what stands for it.'),
  window: z.enum(SPAN_NAMES).describe('The span whose threshold was exceeded most.'),
  windowBytes: z.number().describe('Bytes of distinct names in that span, without what they all repeat.'),
  thresholdBytes: z.number().describe('Threshold of that span, circumstances included.'),
  factor: z.number().describe('What the circumstances multiplied it by.'),
  circumstances: z.array(z.string()),
  distinctNames: z.number().describe('In that span; an estimate above 64.'),
  bytesPerSecond: z.number(),
  estimatedDataBytes: z.number().describe('What these names can carry at five bits a character.'),
  queries: z.number(),
  queryTypes: z.array(z.string()),
  sampleNames: z.array(z.string()).describe('The first three, escaped as in RFC 4343.'),
  resolver: z.string(),
  contactedPercent: z
    .number()
    .optional()
    .describe('Of the names answered with addresses; absent when there were none.'),
  nameErrorPercent: z
    .number()
    .optional()
    .describe('Answers that said NXDOMAIN; absent when no answer was seen.'),
  firstQuery: z.string(),
  lastQuery: z.string(),
});

type Message = 'zone' | 'no-zone';
type Context = AnalyzerContext<Message, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'dns-tunnel',
  title: 'Data leaves in DNS names',
  attack: [
    { technique: 'T1071.004', tactic: 'command-and-control' },
    { technique: 'T1572', tactic: 'command-and-control' },
    { technique: 'T1048', tactic: 'exfiltration' },
  ],
  severity: 'medium',
  confidence: 'medium',
  maturity: 'stable',
  flows: 'none',
  config,
  evidence,
  messages: {
    zone: '{subject} asked {peers} for {distinctNames} different names under {zone} within {window}: {windowBytes} bytes of names where {thresholdBytes} are suspicious ({bytesPerSecond} B/s). That carries about {estimatedDataBytes} bytes of data to whoever runs the name servers of {zone}.',
    'no-zone':
      '{subject} asked {peers} for names under {distinctNames} top-level domains that do not exist, within {window}: {windowBytes} bytes of such last labels where {thresholdBytes} are suspicious ({bytesPerSecond} B/s). Only that server itself can be the receiver, of {estimatedDataBytes} bytes of data or more.',
  },
  create(ctx, options) {
    const thresholds = [options.window_10min_bytes, options.window_1h_bytes, options.window_24h_bytes];
    const zones = new ZoneMemory();
    const pairs = ctx.boundedMap<ClientZone>({ name: 'zones', maxKeys: options.max_zones });
    const clients = ctx.boundedMap<Client>({ name: 'clients', maxKeys: options.max_clients });
    const servers = ctx.boundedMap<Set<string>>({ name: 'servers', maxKeys: options.max_clients });
    const askers = ctx.boundedMap<string[]>({ name: 'askers', maxKeys: options.max_zones });
    /** Address look-ups just over the threshold, judged at the next tick: a connection may follow and explain them. */
    const due = new Set<ClientZone>();
    const watched = new Set<ClientZone>();
    /** Findings of them may be open: while they go on, the numbers are told anew. */
    const told = new Set<ClientZone>();

    function pairFor(key: string, zone: Pick<ClientZone, 'kind' | 'zone'>, record: DnsRecord): ClientZone {
      const known = pairs.get(key);
      if (known !== undefined) return known;
      const client = clientKey(record.client, record.network);
      const others = askers.ensure(zone.zone, () => []);
      if (others.length < CLIENTS_OF_ZONE && !others.includes(key)) others.push(key);
      return pairs.ensure(key, () => new ClientZone(client, zone, SPANS, record));
    }

    function noteServer(record: DnsRecord, zone: ZoneOfName): void {
      if (zone.kind !== 'registered') return;
      const zones = servers.ensure(record.server.ip, () => new Set());
      if (zones.size < SHARED_ZONES) zones.add(zone.zone);
    }

    /**
     * A name that the client asked for without its last labels before is a search list at work (resolv.conf):
     * the client said it once, and it is counted where it was said.
     */
    function isSearched(client: Client, labels: readonly Uint8Array[]): boolean {
      return labels.length > 1 && client.bareNames.has(hashLabels(labels, 0, 1));
    }

    function circumstances(pair: ClientZone, now: Micros): readonly Circumstance[] {
      const { resolver } = pair;
      const isConfigured = options.resolvers.includes(resolver.ip);
      return circumstancesOf(pair, {
        now,
        isSharedResolver:
          isConfigured ||
          (options.resolvers.length === 0 &&
            (resolver.scope !== 'internet' || (servers.get(resolver.ip)?.size ?? 0) >= SHARED_ZONES)),
        isForeignResolver: options.resolvers.length > 0 && !isConfigured,
        isDeclared: options.known_zones.includes(pair.zone) || options.known_zones.includes(pair.parent),
        alike: alikeTo(pair),
      });
    }

    /** Other clients of the zone whose names are as long, within half. */
    function alikeTo(pair: ClientZone): number {
      const length = meanLength(pair);
      let alike = 0;
      for (const key of askers.get(pair.zone) ?? []) {
        const other = pairs.get(key);
        if (other === undefined || other === pair || other.client === pair.client) continue;
        const otherLength = meanLength(other);
        if (otherLength > length / 1.5 && otherLength < length * 1.5) alike += 1;
      }
      return alike;
    }

    function judge(pair: ClientZone, now: Micros, isFinal: boolean): void {
      // It cannot get graver; the numbers are told again at the next tick.
      if (!isFinal && pair.reportedRatio >= GRAVE_RATIO) return;
      let verdict: Verdict | undefined;
      let found: readonly Circumstance[] | undefined;
      for (const [i, window] of pair.windows.entries()) {
        const upper = window.upperBound(now);
        if (upper < thresholds[i]! * LEAST_FACTOR) continue;
        if (upper > thresholds[i]! * WATCH_CONTACTS_FROM && pair.hasAddresses) watch(pair);
        if (upper < pair.judged[i]!) pair.judged[i] = 0;
        if (!isFinal && upper < pair.judged[i]! * 1.05) continue;
        found ??= circumstances(pair, now);
        const factor = found.reduce((product, { factor }) => product * factor, 1);
        const thresholdBytes = thresholds[i]! * factor;
        const { bytes, names } = pair.said(window);
        const ratio = bytes / thresholdBytes;
        // Far below, the next look can wait until the sum has grown; near it, every name is looked at.
        pair.judged[i] = ratio < 0.5 ? upper : 0;
        if (ratio >= 1 && (verdict === undefined || ratio > verdict.ratio)) {
          verdict = { ratio, span: i, bytes, names, thresholdBytes, factor, circumstances: found };
        }
      }
      if (verdict === undefined) return;
      if (pair.hasAddresses && !isFinal && verdict.ratio < GRAVE_RATIO) due.add(pair);
      else {
        tell(ctx, pair, verdict, now);
        told.add(pair);
      }
    }

    function tellOn(now: Micros): void {
      for (const pair of told) {
        if (!ctx.isOpen(pairKey(pair))) told.delete(pair);
        else if (pair.last > pair.reportedAt!) judge(pair, now, true);
      }
    }

    function watch(pair: ClientZone): void {
      if (watched.has(pair)) return;
      watched.add(pair);
      clients.get(pair.client)?.watched.add(pair);
      ctx.setFlowInterest('all');
    }

    function unwatchQuiet(now: Micros): void {
      for (const pair of watched) {
        const isLoud = pair.windows.some(
          (window, i) => window.upperBound(now) > thresholds[i]! * WATCH_CONTACTS_FROM,
        );
        if (isLoud && pairs.get(pairKey(pair)) === pair) continue;
        watched.delete(pair);
        clients.get(pair.client)?.watched.delete(pair);
      }
      if (watched.size === 0) ctx.setFlowInterest('none');
    }

    function ask(pair: ClientZone, query: DnsQuery, own: number, hash: number, weight: number): void {
      const { record, labels } = query;
      if (pair.reportedAt !== undefined && !ctx.isOpen(pairKey(pair))) pair.restart(record.time);
      pair.note(record, isServiceLabel(labels[0]!));
      if (weight === 0 || !pair.addName(labels, own, record, slotOf(hash, weight))) return;
      judge(pair, record.time, false);
    }

    return {
      onDnsQuery(query) {
        const { record, labels } = query;
        if (isOthersBusiness(record)) return;
        const zone = zones.ofLabels(record.query, labels);
        if (zone === undefined) return;
        const who = clientKey(record.client, record.network);
        const client = clients.ensure(who, () => ({ bareNames: new Set(), watched: new Set() }));
        const own = labels.length - zone.zoneLabels;
        if (zone.kind === 'bare') remember(client.bareNames, hashLabels(labels, 0, 1));
        noteServer(record, zone);
        if (zone.kind === 'unlisted') {
          // A tunnel without a domain invents the last label too; only the last labels are counted for it.
          const pair = pairFor(
            `${who} ${record.server.ip} no-zone`,
            { kind: 'no-zone', zone: record.server.ip },
            record,
          );
          ask(pair, query, 1, hashLabels(labels, own, labels.length), labels[own]!.length);
        }
        if (own < 1 || isSearched(client, labels)) return;
        const pair = pairFor(`${who} ${zone.zone}`, zone, record);
        ask(pair, query, own, hashLabels(labels, 0, own), weightOf(labels, zone));
      },
      onDns(record) {
        const zone = zones.ofText(record.query);
        if (zone === undefined) return;
        const who = clientKey(record.client, record.network);
        pairs.get(`${who} ${zone.zone}`)?.noteAnswer(record);
        if (zone.kind === 'unlisted') pairs.get(`${who} ${record.server.ip} no-zone`)?.noteAnswer(record);
      },
      onFlowStart(flow) {
        const client = clients.get(clientKey(flow.orig, flow.network));
        if (client === undefined) return;
        for (const pair of client.watched) pair.noteContact(flow.resp.ip, flow.start, CONTACT_WITHIN);
      },
      onClockSet(step) {
        for (const [, pair] of pairs.entries()) pair.clockSet(step);
      },
      onTick(now) {
        for (const pair of due) judge(pair, now, true);
        due.clear();
        tellOn(now);
        if (watched.size > 0) unwatchQuiet(now);
      },
    };
  },
});

interface Client {
  /** Hashes of names without a dot that it asked for, the last few hundred. */
  readonly bareNames: Set<number>;
  readonly watched: Set<ClientZone>;
}

interface Verdict {
  /** Bytes over threshold. */
  readonly ratio: number;
  readonly span: number;
  readonly bytes: number;
  readonly names: number;
  readonly thresholdBytes: number;
  readonly factor: number;
  readonly circumstances: readonly Circumstance[];
}

function tell(ctx: Context, pair: ClientZone, verdict: Verdict, now: Micros): void {
  pair.reportedAt = now;
  pair.reportedRatio = Math.max(pair.reportedRatio, verdict.ratio);
  const isGrave = pair.reportedRatio >= GRAVE_RATIO;
  ctx.report({
    message: pair.kind === 'no-zone' ? 'no-zone' : 'zone',
    time: pair.last,
    since: pair.first,
    key: pairKey(pair),
    subject: pair.subject,
    peers: [pair.resolver],
    ...(pair.network === undefined ? {} : { network: pair.network }),
    severity: isGrave ? 'high' : 'medium',
    confidence: isGrave ? 'high' : 'medium',
    evidence: evidenceOf(pair, verdict, now),
  });
}

function evidenceOf(pair: ClientZone, verdict: Verdict, now: Micros): z.infer<typeof evidence> {
  const spanSecs = SPANS[verdict.span]! / MICROS_PER_SECOND;
  const seenSecs = Math.min(spanSecs, Math.max(1, (pair.last - pair.first) / MICROS_PER_SECOND));
  const contacted = pair.contacted(now, MICROS_PER_SECOND);
  const answers = pair.noErrors + pair.nameErrors;
  return {
    channel: 'names',
    zone: zoneText(pair),
    window: SPAN_NAMES[verdict.span]!,
    windowBytes: Math.round(verdict.bytes),
    thresholdBytes: verdict.thresholdBytes,
    factor: verdict.factor,
    circumstances: verdict.circumstances.map(({ id, factor }) => `${id} (x${factor})`),
    distinctNames: Math.round(verdict.names),
    bytesPerSecond: Number((verdict.bytes / seenSecs).toPrecision(3)),
    estimatedDataBytes: Math.floor(verdict.bytes * DATA_SHARE),
    queries: pair.queries,
    queryTypes: [...pair.types].map(([type, count]) => `${type} ${count}`),
    sampleNames: [...pair.samples],
    resolver: pair.resolver.ip,
    contactedPercent: contacted.names === 0 ? undefined : Math.round(contacted.share * 100),
    nameErrorPercent: answers === 0 ? undefined : Math.round((pair.nameErrors / answers) * 100),
    firstQuery: formatMicros(pair.first),
    lastQuery: formatMicros(pair.last),
  };
}

function zoneText(pair: ClientZone): string {
  if (pair.kind === 'no-zone') return 'no registered zone';
  if (pair.kind === 'bare') return 'no zone (names without a dot)';
  return pair.kind === 'unlisted' ? pair.parent : pair.zone;
}

/** Also the key of the finding. */
function pairKey(pair: ClientZone): string {
  return pair.kind === 'no-zone' ? `${pair.client} ${pair.zone} no-zone` : `${pair.client} ${pair.zone}`;
}

/** A container wherever it asks from; an address only within its network, where it is unique. */
function clientKey(client: Endpoint, network: Network | undefined): string {
  return client.workload?.containerId ?? `${network?.id ?? ''}/${client.ip}`;
}

function meanLength(pair: ClientZone): number {
  const { bytes, names } = pair.said(pair.windows[2]!);
  return names === 0 ? 0 : bytes / names;
}

/** Questions of the link itself, and strangers who ask a name server that runs in a container. */
function isOthersBusiness(record: DnsRecord): boolean {
  const { client, server } = record;
  if (server.scope === 'multicast' || LINK_PORTS.has(server.port)) return true;
  return client.scope === 'internet' && server.scope === 'container';
}

function remember(hashes: Set<number>, hash: number): void {
  if (hashes.size >= BARE_NAMES && !hashes.has(hash)) {
    for (const oldest of hashes) {
      hashes.delete(oldest);
      break;
    }
  }
  hashes.add(hash);
}

function threshold(bytes: number, span: string, rate: string) {
  return z
    .number()
    .int()
    .min(50)
    .max(10_000_000)
    .default(bytes)
    .describe(
      `Bytes of distinct names to one zone within ${span} that are suspicious; the default is ${rate}.`,
    );
}
