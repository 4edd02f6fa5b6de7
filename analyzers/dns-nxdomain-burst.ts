/**
 * A container asks for much that does not exist. Many registered zones, each new and hardly any there: names that a
 * program makes up (a domain generation algorithm). The same few names again and again: something is configured wrongly.
 * It must not accuse what is asked in order to hear "no": block lists, reverse names, search lists.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import type { ZoneOfName } from '../src/model/dns-zone.ts';
import { workloadLabel } from '../src/model/network.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { clientKey, networkOf } from './lib/asker.ts';
import { isExpectedMissing } from './lib/dns-nxdomain-burst/expected-nxdomain.ts';
import { type MissingName, MissingNames } from './lib/dns-nxdomain-burst/missing-names.ts';
import { type Rise, ZoneWalk } from './lib/dns-nxdomain-burst/zone-walk.ts';
import { NameServers } from './lib/name-servers.ts';

const TEN_MINUTES: Micros = 600 * MICROS_PER_SECOND;
const HOUR: Micros = 3600 * MICROS_PER_SECOND;
/** Of made-up names, from this multiple of the threshold on: no typing error and no dead list reaches that. */
const GRAVE_RATIO = 3;
const SAMPLES = 5;

const config = z.strictObject({
  zones_10min: count(
    10,
    3,
    'More registered zones that do not exist than ones that do, met first within 10 minutes.',
  ),
  zones_1h: count(20, 3, 'The same within an hour.'),
  repeats_10min: count(30, 5, 'Attempts at one name that does not exist within 10 minutes; one every 20 s.'),
  repeats_1h: count(60, 5, 'The same within an hour; one a minute.'),
  known_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe('Registered zones in which a missing name says nothing, such as a block list of your own.'),
  ignore_containers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Labels (`shop/crawler`) or names of containers that look up what may not exist, such as a link checker.',
    ),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(300)
    .describe(
      'Clients remembered at once: 2 KB each as a rule, up to 150 KB for one that asks as much as it can.',
    ),
});

const evidence = z.object({
  window: z.enum(['10 min', '1 h']).describe('The span whose threshold was exceeded.'),
  threshold: z.number(),
  missingZones: z.number().optional().describe('Registered zones that do not exist, met first in that span.'),
  existingZones: z.number().optional().describe('Registered zones met first among them that do exist.'),
  missingPercent: z.number().optional(),
  sampleZones: z.array(z.string()).optional(),
  sampleNames: z.array(z.string()).describe('As asked, escaped as in RFC 4343.'),
  attempts: z.number().optional().describe('At the name that is asked for most, within the span.'),
  missingNames: z.number().optional().describe('Names asked for that often.'),
  searchedAs: z.array(z.string()).optional().describe('What a search list made of the name asked for most.'),
  resolver: z.string(),
  answers: z.number().describe('Answers to this client since it is watched, of all kinds.'),
  nxdomainPercent: z.number().describe('Of these, how many said NXDOMAIN.'),
  firstSign: z.string(),
  lastSign: z.string(),
});

type Kind = 'generated-names' | 'broken-configuration';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'dns-nxdomain-burst',
  title: 'Container asks for many names that do not exist',
  attack: [{ technique: 'T1568.002', tactic: 'command-and-control' }],
  severity: 'medium',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'none',
  config,
  evidence,
  messages: {
    'generated-names':
      '{subject} asked for names under registered domains that do not exist: {missingZones} new ones within {window} (such as {sampleNames}), and {existingZones} that exist. A program that makes names up asks like that, as malware does to find its master: see what runs in {subject} before one of the names is bought.',
    'broken-configuration':
      '{subject} asks again and again for {sampleNames}, and {resolver} answers that there is no such name ({attempts} attempts at the first within {window}). Something in it is configured to use a name that does not exist, or no longer does.',
  },
  create(ctx, options) {
    const clients = ctx.boundedMap<Client>({ name: 'clients', maxKeys: options.max_clients });
    const nameServers = new NameServers(
      ctx.boundedMap({ name: 'name-servers', maxKeys: options.max_clients }),
    );
    const declared = new Set(options.known_zones);
    const ignored = new Set(options.ignore_containers);
    const spans = [
      { window: '10 min', span: TEN_MINUTES, zones: options.zones_10min, repeats: options.repeats_10min },
      { window: '1 h', span: HOUR, zones: options.zones_1h, repeats: options.repeats_1h },
    ] as const;
    const maxAttempts = Math.max(options.repeats_10min, options.repeats_1h);

    /** A container, or an address that nobody could name; not strangers, not the host, no resolver of others. */
    function isJudged({ client, server, opcode, qclass, time }: DnsRecord): boolean {
      if (opcode !== 'QUERY' || qclass !== 'IN' || server.scope === 'multicast') return false;
      const { workload } = client;
      if (workload === undefined) {
        return (client.scope === 'lan' || client.scope === 'unknown') && server.scope !== 'container';
      }
      if (ignored.size > 0 && (ignored.has(workload.name) || ignored.has(workloadLabel(workload))))
        return false;
      return !nameServers.isServing(workload.containerId, time);
    }

    function missing(client: Client, record: DnsRecord, query: string, zone: ZoneOfName): void {
      const { time } = record;
      if (isExpectedMissing(query, zone, declared)) return;
      if (zone.kind === 'registered' && client.walk.missing(zone.zone, stemOf(query), record.query, time)) {
        for (const { window, span, zones: threshold } of spans) {
          const height = client.walk.height(time, span);
          if (height < threshold) continue;
          if (isWorthTelling(client, height / threshold, time)) {
            const rise = client.walk.rise(time, span, SAMPLES);
            tellGenerated(ctx, client, record, { rise, window, threshold });
          }
          break;
        }
      }
      const name = client.names.missing(query, time);
      if (name === undefined) return;
      for (const { window, span, repeats: threshold } of spans) {
        const attempts = name.countSince(time - span);
        if (attempts >= threshold) {
          tellBroken(ctx, client, record, { name, attempts, window, threshold, from: time - span });
          break;
        }
      }
    }

    return {
      onDnsQuery({ record }) {
        if (record.protocol === 'dns') nameServers.note(record);
      },
      onDns(record) {
        if (record.protocol !== 'dns' || record.rcode === undefined) return;
        nameServers.note(record);
        const isMissing = record.rcode === 'NXDOMAIN';
        if ((!isMissing && record.rcode !== 'NOERROR') || !isJudged(record)) return;
        const zone = ctx.zoneOf(record.query);
        if (zone === undefined) return;
        const key = clientKey(record.client, record.network);
        const client = clients.ensure(key, () => newClient(ctx, key, maxAttempts));
        client.answers += 1;
        const query = record.query.toLowerCase();
        if (isMissing) {
          client.nameErrors += 1;
          missing(client, record, query, zone);
        } else {
          if (zone.kind === 'registered') client.walk.existing(zone.zone, record.time);
          client.names.existing(query, record.time);
        }
      },
      onClockSet(step) {
        for (const [, client] of clients.entries()) {
          client.walk.clockSet(step);
          client.names.clockSet(step);
          client.toldAt += step.to - step.from;
        }
        nameServers.clockSet(step);
      },
    };
  },
});

/** When it becomes so, when it becomes graver, and then at most once a second. */
function isWorthTelling(client: Client, ratio: number, time: Micros): boolean {
  const becameGrave = ratio >= GRAVE_RATIO && client.toldRatio < GRAVE_RATIO;
  if (!becameGrave && Math.abs(time - client.toldAt) < MICROS_PER_SECOND) return false;
  client.toldAt = time;
  client.toldRatio = ratio;
  return true;
}

interface Client {
  readonly key: string;
  readonly walk: ZoneWalk;
  readonly names: MissingNames;
  answers: number;
  nameErrors: number;
  /** Of made-up names. */
  toldAt: Micros;
  toldRatio: number;
}

function newClient(ctx: Context, key: string, maxAttempts: number): Client {
  return {
    key,
    walk: new ZoneWalk(HOUR, () => ctx.lost('zones')),
    names: new MissingNames({ maxAttempts, span: HOUR, onForgotten: () => ctx.lost('names') }),
    answers: 0,
    nameErrors: 0,
    toldAt: Number.NEGATIVE_INFINITY,
    toldRatio: 0,
  };
}

interface Generated {
  readonly rise: Rise;
  readonly window: '10 min' | '1 h';
  readonly threshold: number;
}

function tellGenerated(ctx: Context, client: Client, record: DnsRecord, found: Generated): void {
  const { rise, window, threshold } = found;
  const isGrave = rise.height >= threshold * GRAVE_RATIO;
  ctx.report({
    message: 'generated-names',
    time: record.time,
    since: rise.since,
    key: `generated ${client.key}`,
    subject: record.client,
    peers: [record.server],
    ...networkOf(record),
    severity: isGrave ? 'high' : 'medium',
    confidence: isGrave ? 'high' : 'medium',
    evidence: {
      window,
      threshold,
      missingZones: rise.missing,
      existingZones: rise.existing,
      missingPercent: percent(rise.missing, rise.missing + rise.existing),
      sampleZones: [...rise.zones],
      sampleNames: [...rise.names],
      ...common(client, record, rise.since),
    },
  });
}

interface Broken {
  readonly name: MissingName;
  readonly attempts: number;
  readonly window: '10 min' | '1 h';
  readonly threshold: number;
  readonly from: Micros;
}

function tellBroken(ctx: Context, client: Client, record: DnsRecord, found: Broken): void {
  const { name, attempts, window, threshold, from } = found;
  const others = [...client.names.all()].filter(
    (other) => other !== name && other.countSince(from) >= threshold,
  );
  const since = name.attempts.find((time) => time >= from) ?? record.time;
  ctx.report({
    message: 'broken-configuration',
    time: record.time,
    since,
    key: `broken ${client.key}`,
    subject: record.client,
    peers: [record.server],
    ...networkOf(record),
    severity: 'low',
    confidence: 'high',
    evidence: {
      window,
      threshold,
      attempts,
      missingNames: others.length + 1,
      sampleNames: [name, ...others].slice(0, SAMPLES).map((entry) => entry.name),
      searchedAs: name.forms.size > 1 ? [...name.forms].filter((form) => form !== name.name) : undefined,
      ...common(client, record, since),
    },
  });
}

function common(client: Client, record: DnsRecord, since: Micros) {
  return {
    resolver: record.upstream?.server.ip ?? record.server.ip,
    answers: client.answers,
    nxdomainPercent: percent(client.nameErrors, client.answers),
    firstSign: formatMicros(since),
    lastSign: formatMicros(record.time),
  };
}

function percent(part: number, whole: number): number {
  return Math.round((100 * part) / whole);
}

/** The leftmost label; `www` is said by habit and stands for what follows. */
function stemOf(query: string): string {
  const labels = query.split('.', 2);
  return labels[0] === 'www' && labels[1] !== undefined ? labels[1] : labels[0]!;
}

function count(standard: number, least: number, meaning: string) {
  return z.number().int().min(least).max(1000).default(standard).describe(meaning);
}
