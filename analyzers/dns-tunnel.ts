/**
 * Data leaves, or comes in, through DNS. Counts the bytes that a client can have said to a zone, whatever the encoding:
 * distinct names, their order, letter case, options; and the bytes of answers, and what is no DNS at all. Entropy, length
 * and words decide nothing here, because they do not separate a tunnel from a content network; volume and circumstances do.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import { ZoneMemory, type ZoneOfName } from '../src/model/dns-zone.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, type DnsQuery, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey } from './lib/asker.ts';
import { caseBytes } from './lib/dns-tunnel/case-patterns.ts';
import {
  LEAST_FACTOR,
  type Surroundings,
  type Way,
  type Weight,
  weigh,
} from './lib/dns-tunnel/circumstances.ts';
import { DnsClient } from './lib/dns-tunnel/client.ts';
import { ClientZone } from './lib/dns-tunnel/client-zone.ts';
import { SampleBudget } from './lib/dns-tunnel/distinct-history.ts';
import { messageBytes } from './lib/dns-tunnel/edns-bytes.ts';
import {
  carriersOf,
  evidence,
  evidenceOf,
  evidenceOfNotDns,
  evidenceOfSpread,
  type Message,
  messageOf,
  messages,
  type TunnelEvidence,
} from './lib/dns-tunnel/evidence.ts';
import {
  factsOfName,
  hashBytes,
  hashLabels,
  hashText,
  hashWithCase,
  type NameFacts,
} from './lib/dns-tunnel/name-hash.ts';
import { isServiceLabel, weightOf } from './lib/dns-tunnel/name-weight.ts';
import { NotDnsTally } from './lib/dns-tunnel/not-dns-tally.ts';
import { type PerSpan, SPANS, type Span } from './lib/dns-tunnel/spans.ts';
import { type SpreadSpan, spreadOf } from './lib/dns-tunnel/spread.ts';
import { judgeDownlink, judgeUplink, type Verdict } from './lib/dns-tunnel/thresholds.ts';

/** Connections are looked at from this share of a threshold on; below it nobody needs to know. */
const WATCH_CONTACTS_FROM = 0.25;
const WATCHED_OF_CLIENT = 512;
/** Of all clients: up to 2 KB each. */
const WATCHED = 1024;
const UNWATCH_EVERY = 60 * MICROS_PER_SECOND;
const GRAVE_RATIO = 2;
/** What a pair must have grown by to be judged again while it is far below its thresholds. */
const GROWTH = 1.05;
/** Zones that a server must have been asked for to count as a resolver that others use too. */
const SHARED_ZONES = 3;
const CLIENTS_OF_ZONE = 8;
/** What is suspicious within a day, by what is within ten minutes. */
const SPREAD_OF_DAY = 2;
/** Zones spread over without anything in common: crawlers and mail servers do that. */
const UNLINKED_FACTOR = 4;
/** One in so many pairs may have more than 64 names a day; measured 4 KB each. */
const PAIRS_PER_SAMPLE = 16;
/** A single name of these bytes, or a first label of these, is long for a host (nDPI uses the same label length). */
const ONE_SHOT_BYTES = 100;
const ONE_SHOT_LABEL = 48;
const ONE_SHOT_WAIT = 10 * MICROS_PER_SECOND;
const ONE_SHOTS = 256;
/** From the container's namespace to the bridge, with what the embedded resolver waits before it asks another. */
const SAME_QUESTION_WITHIN = 5 * MICROS_PER_SECOND;
/** Multicast DNS, NetBIOS names, LLMNR: answered on the link, by neighbours. */
const LINK_PORTS: ReadonlySet<number | undefined> = new Set([137, 5353, 5355]);
/** What stub resolvers ask for a host; which of them it was says nothing. */
const HOST_TYPES: ReadonlySet<string> = new Set(['A', 'AAAA', 'HTTPS']);

const config = z.strictObject({
  window_10min_bytes: threshold(
    500,
    'said to one zone within 10 minutes that are suspicious; the default is 0.83 B/s.',
  ),
  window_1h_bytes: threshold(
    1000,
    'said to one zone within an hour that are suspicious; the default is 0.28 B/s.',
  ),
  window_24h_bytes: threshold(
    2500,
    'said to one zone within a day that are suspicious; the default is 0.029 B/s.',
  ),
  answers_10min_bytes: threshold(
    2000,
    'of distinct answer data from one zone within 10 minutes that are suspicious; twice as many in an hour, five times in a day.',
  ),
  not_dns_10min_bytes: threshold(
    500,
    'that are no DNS between a client and a DNS server within 10 minutes that are suspicious; twice as many in an hour, five times in a day.',
  ),
  spread_10min_bytes: threshold(
    2000,
    'of names to zones that are new to a client and never contacted, together, within 10 minutes that are suspicious.',
  ),
  resolvers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Addresses of the resolvers that containers are meant to use, beside those that the engine gave them. Empty, and the engine not asked: not known, nobody is suspected for it.',
    ),
  known_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe(
      'Zones of your own with many names, such as a service registry; their thresholds are 1024 times higher.',
    ),
  max_zones: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(20_000)
    .describe('Pairs of client and zone remembered at once: 1 KB each as a rule, 2 KB when they are busy.'),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(4096)
    .describe('Clients and servers remembered at once, up to 2 KB each.'),
});

type Context = AnalyzerContext<Message, TunnelEvidence>;

export default defineAnalyzer({
  id: 'dns-tunnel',
  title: 'Data leaves or comes in through DNS',
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
  messages,
  create(ctx, options) {
    const uplink: PerSpan = [options.window_10min_bytes, options.window_1h_bytes, options.window_24h_bytes];
    const downlink = overSpans(options.answers_10min_bytes);
    const notDns = overSpans(options.not_dns_10min_bytes);
    const budget = new SampleBudget(Math.ceil(options.max_zones / PAIRS_PER_SAMPLE));
    const zones = new ZoneMemory();
    let now: Micros = 0;
    const pairs = ctx.boundedMap<ClientZone>({
      name: 'zones',
      maxKeys: options.max_zones,
      worth: (pair) => pair.worth(now),
      onEvict: forget,
    });
    const clients = ctx.boundedMap<DnsClient>({ name: 'clients', maxKeys: options.max_clients });
    const servers = ctx.boundedMap<Set<string>>({ name: 'servers', maxKeys: options.max_clients });
    const askers = ctx.boundedMap<string[]>({ name: 'askers', maxKeys: options.max_zones });
    const beside = ctx.boundedMap<NotDnsTally>({ name: 'not-dns', maxKeys: options.max_clients });
    /** Address look-ups just over the threshold, judged at the next tick: a connection may follow and explain them. */
    const due = new Set<ClientZone>();
    const watched = new Set<ClientZone>();
    /** Findings of them may be open: while they go on, the numbers are told anew. */
    const told = new Set<ClientZone>();
    const spreading = new Set<DnsClient>();
    const longNames: LongName[] = [];
    const talking = new Map<string, NotDnsTally>();
    let clientsSeen = 0;
    let unwatchedAt: Micros = 0;
    let sharedServer: string | undefined;

    function clientFor({ client, network }: Pick<DnsRecord, 'client' | 'network'>): DnsClient {
      const key = clientKey(client, network);
      return clients.get(key) ?? clients.ensure(key, () => new DnsClient(String(++clientsSeen), key));
    }

    function pairFor(
      client: DnsClient,
      zone: Pick<ClientZone, 'kind' | 'zone'>,
      record: DnsRecord,
    ): ClientZone {
      const key = `${client.serial} ${zone.zone}`;
      const known = pairs.get(key);
      if (known !== undefined) return known;
      const others = askers.get(zone.zone);
      if (others === undefined) askers.ensure(zone.zone, () => [key]);
      else if (others.length < CLIENTS_OF_ZONE && !others.includes(key)) others.push(key);
      const pair = pairs.ensure(key, () => new ClientZone(client.key, zone, record, budget));
      client.zones.add(pair);
      return pair;
    }

    function forget(pair: ClientZone): void {
      pair.release();
      due.delete(pair);
      told.delete(pair);
      clients.get(pair.client)?.zones.delete(pair);
      unwatch(pair);
    }

    function noteServer(record: DnsRecord, zone: ZoneOfName): void {
      const { ip } = record.server;
      // Most questions go to the server of the one before.
      if (zone.kind !== 'registered' || ip === sharedServer) return;
      const asked = servers.get(ip) ?? servers.ensure(ip, () => new Set());
      if (asked.size < SHARED_ZONES) asked.add(zone.zone);
      if (asked.size >= SHARED_ZONES) sharedServer = ip;
    }

    function isConfigured(client: Endpoint, server: Endpoint): boolean {
      return (
        server.scope === 'engine' ||
        options.resolvers.includes(server.ip) ||
        client.workload?.resolvers?.includes(server.ip) === true
      );
    }

    function areResolversKnown(client: Endpoint): boolean {
      return options.resolvers.length > 0 || (client.workload?.resolvers?.length ?? 0) > 0;
    }

    function isShared({ client, server }: Pick<DnsRecord, 'client' | 'server'>): boolean {
      if (isConfigured(client, server)) return true;
      if (areResolversKnown(client)) return false;
      return server.scope !== 'internet' || (servers.get(server.ip)?.size ?? 0) >= SHARED_ZONES;
    }

    /** Others ask it, or it asks the servers of each zone itself. */
    function isResolver({ client, subject }: ClientZone): boolean {
      return (
        clients.get(client)?.isIterating === true || (servers.get(subject.ip)?.size ?? 0) >= SHARED_ZONES
      );
    }

    function surroundings(pair: ClientZone): Surroundings {
      return {
        now,
        isDeclared: options.known_zones.includes(pair.zone) || options.known_zones.includes(pair.parent),
        isResolver: isResolver(pair),
        alike: alikeTo(pair),
      };
    }

    function ways(pair: ClientZone, direction: 'up' | 'down', span: Span): readonly Way[] {
      const { subject: client } = pair;
      return pair.carriers(direction, span, now).map(({ server, share, isMixed }) => ({
        share,
        scope: server.scope,
        isShared: !isMixed && isShared({ client, server }),
        isForeign: areResolversKnown(client) && (isMixed || !isConfigured(client, server)),
      }));
    }

    /** Other clients of the zone whose names are as long, within half. */
    function alikeTo(pair: ClientZone): number {
      const length = meanLength(pair, now);
      let alike = 0;
      for (const key of askers.get(pair.zone) ?? []) {
        const other = pairs.get(key);
        if (other === undefined || other === pair || other.client === pair.client) continue;
        const otherLength = meanLength(other, now);
        if (otherLength > length / 1.5 && otherLength < length * 1.5) alike += 1;
      }
      return alike;
    }

    /** How near its thresholds it can be, circumstances aside: never below what a verdict says, and cheap. */
    function nearness(pair: ClientZone): number {
      let nearest = 0;
      for (const span of SPANS) {
        nearest = Math.max(nearest, pair.upperBound(span, now) / uplink[span]);
        if (pair.downlink === undefined) continue;
        nearest = Math.max(nearest, pair.downlink.upperBound(span, now) / downlink[span]);
      }
      return nearest;
    }

    function judge(pair: ClientZone, isFinal: boolean): void {
      // It cannot get graver; the numbers are told again at the next tick.
      if (!isFinal && pair.reportedRatio >= GRAVE_RATIO) return;
      const near = nearness(pair);
      if (near < LEAST_FACTOR) return;
      if (near > WATCH_CONTACTS_FROM && pair.hasAddresses) watch(pair);
      if (near < pair.judged) pair.judged = 0;
      if (!isFinal && !pair.hasManyCarriers && near < pair.judged * GROWTH) return;
      const around = surroundings(pair);
      const client = clients.get(pair.client);
      const habits = { mixesCase: client?.caseHabit.isRandomOutside(pair.zone, pair) === true };
      const weightUp = (span: Span) => lower(weigh(pair, around, ways(pair, 'up', span)), pair.toldUp);
      // What makes an upload likelier (types that carry data) is how a download looks in any case.
      const weightDown = (span: Span) =>
        lower(weigh(pair, around, ways(pair, 'down', span), { isLenient: true }), pair.toldDown);
      const up = judgeUplink(pair, now, uplink, weightUp, habits);
      const down = judgeDownlink(pair, now, downlink, weightDown);
      // Far below, the next look can wait until the sum has grown; near it, every name is looked at.
      pair.judged = Math.max(up.ratio, down?.ratio ?? 0) < 0.5 ? near : 0;
      const verdict = up.ratio >= 1 || down === undefined ? up : down;
      if (verdict.ratio < 1) return;
      if (pair.hasAddresses && !isFinal && verdict.ratio < GRAVE_RATIO) due.add(pair);
      else {
        tell(ctx, pair, verdict, now);
        told.add(pair);
      }
    }

    function tellOn(): void {
      for (const pair of told) {
        if (!ctx.isOpen(pairKey(pair))) told.delete(pair);
        else if (pair.last > pair.reportedAt!) judge(pair, true);
      }
    }

    function watch(pair: ClientZone): void {
      if (watched.has(pair) || watched.size >= WATCHED) return;
      const client = clients.get(pair.client);
      if (client === undefined) return;
      client.watched ??= new Set();
      if (client.watched.size >= WATCHED_OF_CLIENT) return;
      watched.add(pair);
      client.watched.add(pair);
      pair.watchAnswers();
      ctx.setFlowInterest('all');
    }

    function unwatch(pair: ClientZone): void {
      if (!watched.delete(pair)) return;
      clients.get(pair.client)?.watched?.delete(pair);
      if (watched.size === 0) ctx.setFlowInterest('none');
    }

    function unwatchQuiet(): void {
      if (now - unwatchedAt < UNWATCH_EVERY) return;
      unwatchedAt = now;
      for (const pair of watched) {
        if (nearness(pair) > WATCH_CONTACTS_FROM) continue;
        const client = clients.get(pair.client);
        if (client !== undefined && isSpreading(client)) continue;
        unwatch(pair);
        pair.unwatchAnswers();
      }
    }

    function isSpreading(client: DnsClient): boolean {
      const { fresh } = client;
      return (
        fresh.sum(0, now) > options.spread_10min_bytes * WATCH_CONTACTS_FROM ||
        fresh.sum(2, now) > options.spread_10min_bytes * SPREAD_OF_DAY * WATCH_CONTACTS_FROM
      );
    }

    function ask(pair: ClientZone, query: DnsQuery, own: number, hash: number, weight: number): boolean {
      const { record, labels } = query;
      if (pair.reportedAt !== undefined && !ctx.isOpen(pairKey(pair))) pair.restart(now);
      pair.note(record, query.labels.length === 0 ? 0 : weight, own > 0 && isServiceLabel(labels[0]!));
      if (weight === 0) return false;
      const novelty = pair.addName(labels, own, record, hash, weight);
      if (novelty !== 'known') judge(pair, false);
      return novelty === 'new';
    }

    /** What a question says beside a name that is not known yet. */
    function askBeside(
      client: DnsClient,
      pair: ClientZone,
      query: DnsQuery,
      name: Readonly<NameFacts>,
      { isNew, isSearched }: { readonly isNew: boolean; readonly isSearched: boolean },
    ): void {
      const { record, labels, options: ednsOptions } = query;
      let said = false;
      if (!isNew) {
        const oddities = odditiesOf(record);
        const isPlain = oddities === '';
        if (pair.countRepeat(isPlain)) {
          const codeword = isPlain ? name.full : hashText(oddities, name.full);
          const isCached = isShared(record);
          said =
            pair.addRepeat(
              { codeword, name: record.query, isPlain, isCached, isSearched, distinctNames: pair.names },
              record.server,
              now,
            ) > 0;
        }
        if (name.upper > 0) {
          said =
            pair.addCase(record.server, now, hashWithCase(labels), caseBytes(name.letters)) === 'new' || said;
        }
      }
      for (const option of ednsOptions) {
        const bytes = messageBytes(option);
        if (bytes === 0) continue;
        const hash = hashBytes(option.data, option.code);
        said = pair.addOption(record.server, now, hash, Math.min(bytes, 255)) === 'new' || said;
      }
      const trailing = record.trailingBytes ?? 0;
      if (trailing > 0 && !client.isTrailingHabit(trailing, pair.zone)) {
        pair.addTrailing(record.server, now, trailing);
        said = true;
      }
      if (said) judge(pair, false);
    }

    /** A name said to a zone that the client did not know a day ago. */
    function noteFresh(client: DnsClient, pair: ClientZone, weight: number): void {
      if (pair.isKnown || (pair.kind !== 'registered' && pair.kind !== 'unlisted')) return;
      if (pair.isLearned(now)) return;
      client.fresh.add(now, weight);
      if (!isSpreading(client)) return;
      watch(pair);
      spreading.add(client);
    }

    function judgeSpread(client: DnsClient): void {
      judgeSpreadOver(client, 0, options.spread_10min_bytes);
      judgeSpreadOver(client, 2, options.spread_10min_bytes * SPREAD_OF_DAY);
    }

    function judgeSpreadOver(client: DnsClient, span: SpreadSpan, least: number): void {
      const fresh = client.fresh.sum(span, now);
      if (fresh < client.spreadJudged[span]) client.spreadJudged[span] = 0;
      if (fresh < least || fresh < client.spreadJudged[span] * GROWTH) return;
      client.spreadJudged[span] = fresh;
      const spread = spreadOf(client.zones, span, now);
      // Within a day everybody asks for much that has nothing in common.
      if (spread === undefined || (span === 2 && !spread.isLinked)) return;
      const forOthers = isResolver(spread.zones[0]!);
      const factor = (spread.isLinked ? 1 : UNLINKED_FACTOR) * (forOthers ? UNLINKED_FACTOR : 1);
      const thresholdBytes = least * factor;
      const ratio = spread.bytes / thresholdBytes;
      if (ratio < 1) return;
      const latest = spread.zones.reduce((a, b) => (a.last > b.last ? a : b));
      const verdict: Verdict = {
        channel: 'spread',
        ratio,
        span,
        bytes: spread.bytes,
        thresholdBytes,
        factor,
        circumstances: spread.isLinked
          ? []
          : [{ id: 'nothing links the zones but the client', factor: UNLINKED_FACTOR }],
      };
      ctx.report({
        message: 'spread',
        time: latest.last,
        since: Math.min(...spread.zones.map(({ first }) => first)),
        key: `${client.key} spread`,
        subject: latest.subject,
        peers: [latest.resolver],
        ...(latest.network === undefined ? {} : { network: latest.network }),
        ...(spread.isLinked ? gravity(ratio) : { severity: 'low', confidence: 'low' }),
        evidence: evidenceOfSpread(spread, verdict),
      });
    }

    function noteLongName(
      pair: ClientZone,
      record: DnsRecord,
      own: number,
      weight: number,
      first: number,
    ): void {
      if (own < 1 || pair.isKnown || options.known_zones.includes(pair.zone)) return;
      if (pair.kind !== 'registered' && pair.kind !== 'unlisted') return;
      if (weight < ONE_SHOT_BYTES && first <= ONE_SHOT_LABEL) return;
      if (longNames.length >= ONE_SHOTS || pair.reportedAt !== undefined) return;
      longNames.push({ pair, time: record.time, name: record.query, bytes: weight });
      watch(pair);
    }

    /** Names that were long enough to be a message each, and nothing came of them but the name. */
    function judgeLongNames(): void {
      while (longNames.length > 0 && now - longNames[0]!.time >= ONE_SHOT_WAIT) {
        const long = longNames.shift()!;
        const { pair } = long;
        if (pair.reportedAt !== undefined || pair.contacted(now).share > 0) continue;
        if (
          weigh(pair, surroundings(pair), ways(pair, 'up', 2)).circumstances.some(({ factor }) => factor > 1)
        )
          continue;
        tellOneShot(ctx, long, now);
        told.add(pair);
      }
    }

    function tellNotDns(key: string, tally: NotDnsTally): void {
      const findingKey = `${key} not-dns`;
      const isOpen = ctx.isOpen(findingKey);
      let worst: Verdict | undefined;
      for (const span of SPANS) {
        const bytes = tally.sum(span, now);
        const ratio = bytes / notDns[span];
        if (ratio < (worst?.ratio ?? 1)) continue;
        const thresholdBytes = notDns[span];
        worst = { channel: 'not-dns', ratio, span, bytes, thresholdBytes, factor: 1, circumstances: [] };
      }
      if (worst === undefined) return;
      if (!isOpen && tally.isTold) tally.restart(now);
      tally.isTold = true;
      ctx.report({
        message: 'not-dns',
        time: tally.last,
        since: tally.first,
        key: findingKey,
        subject: tally.client,
        peers: [tally.server],
        ...(tally.network === undefined ? {} : { network: tally.network }),
        ...gravity(worst.ratio),
        evidence: evidenceOfNotDns(tally, worst),
      });
    }

    return {
      onDnsQuery(query) {
        const { record, labels } = query;
        if (isOthersBusiness(record)) return;
        const zone = zones.ofLabels(record.query, labels);
        if (zone === undefined) return;
        now = Math.max(now, record.time);
        const client = clientFor(record);
        const own = labels.length - zone.zoneLabels;
        const name = factsOfName(labels, own);
        if (client.isSeenAlready(name.full, record.vantage, now, SAME_QUESTION_WITHIN)) return;
        noteServer(record, zone);
        client.noteServer(record.server.ip);
        if (zone.kind === 'unlisted') {
          // A tunnel without a domain invents the last label too; only the last labels are counted for it.
          const noZone = { kind: 'no-zone', zone: `${record.server.ip} no-zone` } as const;
          const last = hashLabels(labels, own, labels.length);
          ask(pairFor(client, noZone, record), query, 1, last, labels[own]!.length);
        }
        const isSearched = own > 0 && client.isSearched(labels, own, name.prefixes);
        client.noteAsked(name.full);
        const pair = pairFor(client, zone, record);
        client.caseHabit.note(name.letters, name.upper, pair.zone, pair);
        const weight = weightOf(labels, zone);
        const isNew = ask(pair, query, own, name.own, weight);
        if (isNew) {
          if (isSearched) pair.searched += 1;
          client.noteExpanded(own, name.prefixes, pair);
          noteFresh(client, pair, weight);
          noteLongName(pair, record, own, weight, labels[0]!.length);
        }
        askBeside(client, pair, query, name, { isNew, isSearched });
      },
      onDns(record) {
        if (isOthersBusiness(record)) return;
        const client = clients.get(clientKey(record.client, record.network));
        const zone = client === undefined ? undefined : zones.ofText(record.query);
        if (client === undefined || zone === undefined) return;
        if (zone.kind === 'unlisted')
          pairs.get(`${client.serial} ${record.server.ip} no-zone`)?.noteAnswer(record);
        const pair = pairs.get(`${client.serial} ${zone.zone}`);
        if (pair === undefined) return;
        pair.noteAnswer(record);
        if (pair.downlink !== undefined && record.answers.length > 0) judge(pair, false);
      },
      onNotDns(event) {
        if (event.client.scope === 'internet') return;
        now = Math.max(now, event.time);
        const key = `${clientKey(event.client, event.network)} ${event.server.ip}`;
        const tally = beside.ensure(key, () => new NotDnsTally(event));
        tally.note(event);
        talking.set(key, tally);
      },
      onFlowStart(flow) {
        const client = clients.get(clientKey(flow.orig, flow.network));
        if (client?.watched === undefined) return;
        for (const pair of client.watched) pair.answered?.noteContact(flow.resp.ip, flow.start);
      },
      onClockSet(step) {
        now = step.to;
        unwatchedAt += step.to - step.from;
        for (const [, pair] of pairs.entries()) pair.clockSet(step);
        for (const [, tally] of beside.entries()) tally.clockSet(step);
        for (const [, client] of clients.entries()) client.fresh.clockSet(step);
        for (const long of longNames) long.time += step.to - step.from;
      },
      onTick(time) {
        now = Math.max(now, time);
        for (const pair of due) judge(pair, true);
        due.clear();
        tellOn();
        judgeLongNames();
        for (const client of spreading) judgeSpread(client);
        spreading.clear();
        for (const [key, tally] of talking) tellNotDns(key, tally);
        talking.clear();
        if (watched.size > 0) unwatchQuiet();
      },
    };
  },
});

interface LongName {
  readonly pair: ClientZone;
  time: Micros;
  readonly name: string;
  readonly bytes: number;
}

function tell(ctx: Context, pair: ClientZone, verdict: Verdict, now: Micros): void {
  pair.reportedAt = now;
  pair.quietSince = Number.POSITIVE_INFINITY;
  pair.reportedRatio = Math.max(pair.reportedRatio, verdict.ratio);
  if (verdict.channel === 'answers') pair.toldDown = verdict;
  else pair.toldUp = verdict;
  ctx.report({
    message: messageOf(pair, verdict.channel),
    time: pair.last,
    since: pair.first,
    key: pairKey(pair),
    subject: pair.subject,
    peers: carriersOf(pair, verdict, now),
    ...(pair.network === undefined ? {} : { network: pair.network }),
    ...gravity(pair.reportedRatio),
    evidence: evidenceOf(pair, verdict, now),
  });
}

function tellOneShot(ctx: Context, { pair, time, name, bytes }: LongName, now: Micros): void {
  pair.reportedAt = now;
  const verdict: Verdict = {
    channel: 'one-shot',
    ratio: bytes / ONE_SHOT_BYTES,
    span: 0,
    bytes,
    thresholdBytes: ONE_SHOT_BYTES,
    factor: 1,
    circumstances: [],
  };
  ctx.report({
    message: 'one-shot',
    time: pair.last,
    since: Math.min(time, pair.last),
    key: pairKey(pair),
    subject: pair.subject,
    peers: [pair.resolver],
    ...(pair.network === undefined ? {} : { network: pair.network }),
    severity: 'low',
    confidence: 'low',
    evidence: { ...evidenceOf(pair, verdict, now), sampleNames: [name], distinctNames: 1 },
  });
}

/** Of what holds now and what held when the finding was told, what makes the lower threshold. */
function lower(weight: Weight, told: Weight | undefined): Weight {
  return told === undefined || weight.factor <= told.factor ? weight : told;
}

function gravity(ratio: number) {
  return ratio >= GRAVE_RATIO
    ? ({ severity: 'high', confidence: 'high' } as const)
    : ({ severity: 'medium', confidence: 'medium' } as const);
}

/** Also the key of the finding. */
function pairKey(pair: ClientZone): string {
  return `${pair.client} ${pair.zone}`;
}

function meanLength(pair: ClientZone, now: Micros): number {
  const { names, distinctNames } = pair.said(2, now);
  return distinctNames === 0 ? 0 : names / distinctNames;
}

/** What a question chooses beside its name; '' for a host's address asked as everybody asks for it. */
function odditiesOf({ qtype, qclass, opcode, flags }: DnsRecord): string {
  const isUsual =
    qclass === 'IN' && opcode === 'QUERY' && flags.length <= 1 && (flags.length === 0 || flags[0] === 'RD');
  if (isUsual) return HOST_TYPES.has(qtype) ? '' : qtype;
  return `${HOST_TYPES.has(qtype) ? '' : qtype} ${qclass} ${opcode} ${flags.join(' ')}`;
}

/** Questions of the link itself, and strangers who ask a name server that runs in a container. */
function isOthersBusiness({ client, server, protocol }: DnsRecord): boolean {
  if (protocol !== 'dns' || server.scope === 'multicast' || LINK_PORTS.has(server.port)) return true;
  return client.scope === 'internet' && server.scope === 'container';
}

function overSpans(bytes: number): PerSpan {
  return [bytes, bytes * 2, bytes * 5];
}

function threshold(bytes: number, what: string) {
  return z.number().int().min(50).max(10_000_000).default(bytes).describe(`Bytes ${what}`);
}
