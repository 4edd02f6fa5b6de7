/**
 * Data leaves, or comes in, through DNS. Counts the bytes that a client can have said to a zone, whatever the encoding:
 * distinct names, their order, letter case, options; and the bytes of answers, and what is no DNS at all. Entropy, length
 * and words decide nothing here, because they do not separate a tunnel from a content network; volume and circumstances do.
 */
import type { DnsRecord } from '../src/model/dns.ts';
import { MICROS_PER_SECOND } from '../src/model/time.ts';
import { type DnsQuery, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { type AskedName, AskedNames } from './lib/dns-tunnel/asked-names.ts';
import { caseBytes } from './lib/dns-tunnel/case-patterns.ts';
import { HOST_TYPES } from './lib/dns-tunnel/circumstances.ts';
import type { DnsClient } from './lib/dns-tunnel/client.ts';
import type { ClientZone, SaidName } from './lib/dns-tunnel/client-zone.ts';
import { Contacts } from './lib/dns-tunnel/contacts.ts';
import { messageBytes } from './lib/dns-tunnel/edns-bytes.ts';
import { evidence, messages } from './lib/dns-tunnel/evidence.ts';
import { Judge, WATCH_CONTACTS_FROM } from './lib/dns-tunnel/judge.ts';
import { LongNames } from './lib/dns-tunnel/long-names.ts';
import { type Clock, Memory } from './lib/dns-tunnel/memory.ts';
import { hashBytes, hashLabels, hashText, hashWithCase } from './lib/dns-tunnel/name-hash.ts';
import { NotDnsWatch } from './lib/dns-tunnel/not-dns-watch.ts';
import { options as config } from './lib/dns-tunnel/options.ts';
import { QuietZones } from './lib/dns-tunnel/quiet-zones.ts';
import { Resolvers } from './lib/dns-tunnel/resolvers.ts';
import { SpreadWatch } from './lib/dns-tunnel/spread-watch.ts';

/** From the container's namespace to the bridge, with what the embedded resolver waits before it asks another. */
const SAME_QUESTION_WITHIN = 5 * MICROS_PER_SECOND;
const MAX_OPTION_WEIGHT = 255;
const DNS_PORT = 53;
/** Multicast DNS, NetBIOS names, LLMNR: answered on the link, by neighbours. */
const LINK_PORTS: ReadonlySet<number | undefined> = new Set([137, 5353, 5355]);

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
    const clock: Clock = { now: 0 };
    const names = new AskedNames(ctx.zoneOf);
    const memory = new Memory(ctx, options, clock, forget);
    const resolvers = new Resolvers(ctx, options);
    const contacts = new Contacts(ctx);
    const quietZones = new QuietZones(ctx, options, clock);
    const judge = new Judge(ctx, options, { clock, memory, resolvers, contacts, quietZones });
    const spread = new SpreadWatch(ctx, options, clock, resolvers);
    const longNames = new LongNames(ctx, { clock, judge, contacts });
    const notDns = new NotDnsWatch(ctx, options, clock);

    function forget(pair: ClientZone): void {
      judge.forget(pair);
      contacts.forget(pair);
    }

    function needsContacts(pair: ClientZone): boolean {
      return judge.nearness(pair) > WATCH_CONTACTS_FROM || spread.isSpreading(pair.client);
    }

    /** Returns whether the name was new to the zone. */
    function ask(pair: ClientZone, { record, labels }: DnsQuery, name: AskedName, said: SaidName): boolean {
      if (pair.reportedAt !== undefined && !ctx.isOpen(pair.key)) pair.restart(clock.now);
      pair.note(record, pair.client.places.of(record.client), name, said.weight);
      quietZones.note(pair);
      if (said.weight === 0) return false;
      const novelty = pair.addName(labels, said, record);
      if (novelty !== 'known') judge.judge(pair);
      return novelty === 'new';
    }

    /** A tunnel without a domain invents the last label too; only the last labels are counted for it. */
    function askNoZone(client: DnsClient, query: DnsQuery, name: AskedName): void {
      const { record, labels } = query;
      const { own } = name;
      const hash = hashLabels(labels, own, labels.length);
      const pair = memory.pair(client, { kind: 'no-zone', zone: noZoneOf(record) }, record);
      ask(pair, query, name, { own: 1, hash, weight: labels[own]!.length });
    }

    function noteNew(pair: ClientZone, record: DnsRecord, name: AskedName): void {
      pair.client.noteExpanded(name.own, name.prefixes, pair);
      if (spread.note(pair, name.weight)) contacts.watch(pair);
      longNames.note(pair, record, name);
    }

    /** What a question for a name that is known says by its place in the order, its type and its letters. */
    function askAgain(pair: ClientZone, query: DnsQuery, name: AskedName, isSearched: boolean): boolean {
      const { record, labels } = query;
      const { now } = clock;
      const oddities = odditiesOf(record);
      const isPlain = oddities === '';
      let said = false;
      if (pair.countRepeat(isPlain)) {
        const codeword = isPlain ? name.full : hashText(oddities, name.full);
        const isCached = resolvers.isShared(record.client, record.server);
        const repeat = {
          codeword,
          name: name.full,
          isPlain,
          isCached,
          isSearched,
          distinctNames: pair.names,
        };
        said = pair.addRepeat(repeat, record.server, now) > 0;
      }
      if (name.upper === 0) return said;
      const novelty = pair.addCase(record.server, now, hashWithCase(labels), caseBytes(name.letters));
      return said || novelty === 'new';
    }

    /** What a question says beside its name. */
    function askBeside(pair: ClientZone, { record, options: ednsOptions }: DnsQuery): boolean {
      let said = false;
      for (const option of ednsOptions) {
        const bytes = messageBytes(option);
        if (bytes === 0) continue;
        const hash = hashBytes(option.data, option.code);
        const weight = Math.min(bytes, MAX_OPTION_WEIGHT);
        said = pair.addOption(record.server, clock.now, hash, weight) === 'new' || said;
      }
      const trailing = record.trailingBytes ?? 0;
      if (trailing === 0 || pair.client.isTrailingHabit(trailing, pair.zone)) return said;
      pair.addTrailing(record.server, clock.now, trailing);
      return true;
    }

    return {
      choosesFlow: (flow) => contacts.mayExplain(flow.respWords),
      onDnsQuery(query) {
        const { record, labels } = query;
        if (isOthersBusiness(record)) return;
        const name = names.of(record.query, labels);
        if (name === undefined) return;
        clock.now = Math.max(clock.now, record.time);
        const client = memory.client(record);
        if (client.isSeenAlready(name.full, record.vantage, clock.now, SAME_QUESTION_WITHIN)) return;
        resolvers.note(record, name.zone);
        client.servers.of(record.server);
        if (name.zone.kind === 'unlisted') askNoZone(client, query, name);
        const isSearched = client.isSearched(labels, name.prefixes);
        client.noteAsked(name.full);
        const pair = memory.pair(client, name.zone, record);
        client.caseHabit.note(name.letters, name.upper, pair.zone, pair);
        const isNew = ask(pair, query, name, name);
        if (isNew && isSearched) pair.searched += 1;
        if (isNew) noteNew(pair, record, name);
        const saidAgain = !isNew && askAgain(pair, query, name, isSearched);
        if (askBeside(pair, query) || saidAgain) judge.judge(pair);
      },
      onDns(record) {
        if (isOthersBusiness(record)) return;
        const client = memory.knownClient(record);
        if (client === undefined) return;
        const name = names.get(record.query);
        const zone = name?.zone ?? ctx.zoneOf(record.query);
        if (zone === undefined) return;
        if (zone.kind === 'unlisted') client.zones.get(noZoneOf(record))?.noteAnswer(record, name?.full);
        const pair = client.zones.get(zone.zone);
        if (pair?.noteAnswer(record, name?.full) === true) judge.judge(pair);
      },
      onNotDns(event) {
        if (event.client.scope === 'internet') return;
        clock.now = Math.max(clock.now, event.time);
        notDns.note(event);
      },
      onFlowStart(flow) {
        contacts.noteFlow(memory.knownClient({ client: flow.orig, network: flow.network }), flow);
      },
      onClockSet(step) {
        clock.now = step.to;
        for (const pair of memory.pairs()) pair.clockSet(step);
        for (const client of memory.clients()) client.fresh.clockSet(step);
        notDns.clockSet(step);
        longNames.clockSet(step);
        contacts.clockSet(step);
      },
      onTick(time) {
        clock.now = Math.max(clock.now, time);
        judge.tick();
        longNames.tick();
        spread.tick();
        notDns.tick();
        contacts.tick(clock.now, needsContacts);
      },
    };
  },
});

/** Stands for all last labels that do not exist, by the server that was asked. */
function noZoneOf({ server }: DnsRecord): string {
  return `${server.ip} no-zone`;
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
  if (protocol !== 'dns' || server.scope === 'multicast') return true;
  if (server.port !== DNS_PORT && LINK_PORTS.has(server.port)) return true;
  return client.scope === 'internet' && server.scope === 'container';
}
