/**
 * A container in contact with what the operator's lists name: it asked for the name, tried to reach it, or talked with it.
 * The lists are believed as far as their owner says. Who calls in from a listed address is told apart: that is what any
 * published port meets, and must never accuse the container.
 */
import { z } from 'zod';
import type { DnsRecord } from '../src/model/dns.ts';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Confidence, Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { parseIp } from '../src/model/ip.ts';
import { formatMicros, type Micros } from '../src/model/time.ts';
import { defineAnalyzer, type FlowGlance, type ThreatMatch } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey, networkOf } from './lib/asker.ts';
import { isReply } from './lib/leaving.ts';
import { Sample } from './lib/sample.ts';
import { atMost, Contact, matchEvidence, milder } from './lib/threat-list/contact.ts';
import { Suspects } from './lib/threat-list/suspects.ts';
import { trustIn, weakest } from './lib/trust.ts';

const HTTPS_PORT = 443;
const SHOWN = 8;

const config = z.strictObject({
  max_contacts: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(750)
    .describe('Pairs of a container and an entry of a list remembered at once, about 3 KB each.'),
  max_flows: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(1500)
    .describe('Connections with listed ends followed to their end at once, 200 bytes each.'),
});

const evidence = z.object({
  indicator: z.string().describe('What the list names, as it means it.'),
  listedAs: z.enum(['address', 'network', 'host', 'domain', 'url']),
  listedPort: z.number().optional().describe('Absent when any port is meant.'),
  list: z.string().describe('Its name in the configuration.'),
  alsoIn: z.array(z.string()).optional().describe('Other lists that have it.'),
  line: z.number().describe("Of the list's file."),
  listedFor: z.string().describe("The list's own words: malware family or comment; escaped."),
  listChanged: z.string().describe("When the list's file was last changed."),
  answer: z.enum(['none', 'refused', 'connected', 'data']).optional().describe('The most that came back.'),
  connections: z.number().optional(),
  bytesSent: z.number().optional().describe('IP bytes from the container.'),
  bytesReceived: z.number().optional(),
  places: z.array(z.string()).optional().describe('The first eight ends, with port and protocol.'),
  names: z.array(z.string()).optional().describe('The first eight names that it asked for.'),
  questions: z.number().optional(),
  dnsAnswers: z
    .array(z.string())
    .optional()
    .describe('Addresses and codes that were answered; at most eight.'),
  sources: z.array(z.string()).optional().describe('The first eight listed addresses that called in.'),
  sourceCount: z.number().optional().describe('256 stands for more.'),
  firstSign: z.string(),
  lastSign: z.string(),
});

export default defineAnalyzer({
  id: 'threat-list',
  title: 'Container in contact with what a list names',
  attack: [{ technique: 'T1071', tactic: 'command-and-control' }],
  severity: 'high',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    talked:
      '{subject} talked with {peers}: {list} lists {indicator} ({listedFor}) in line {line} (connections: {connections}, bytes sent: {bytesSent}, received: {bytesReceived}). If the list is right and that is not what it is for, somebody else runs code in it: cut it off its networks, keep its file system, and look for the process that connects.',
    tried:
      '{subject} tried to reach {peers}: {list} lists {indicator} ({listedFor}) in line {line} (connections: {connections}, the most that came back: {answer}). Nothing was exchanged yet; look for the process that tries.',
    asked:
      '{subject} asked for {names}: {list} lists {indicator} ({listedFor}) in line {line} (questions: {questions}, answered with {dnsAnswers}). It has not been seen to connect; a resolver or a mail filter asks for others, so see who asks it.',
    resolved:
      '{subject} asked for {names} and was answered with an address of {indicator}, which {list} lists ({listedFor}) in line {line} (questions: {questions}). It has not been seen to connect; names that honest sites share an address with look the same.',
    'called-by':
      '{subject} answered listed addresses from outside with data (connections: {connections}, addresses: {sourceCount}, among them {sources}; the last is {indicator} of {list}, {listedFor}). Whatever is reached from the Internet meets them; see in the logs of its service what they did.',
  },
  create(ctx, options) {
    const { threats } = ctx;
    // Nothing is asked for, so that nothing is paid.
    if (!threats.isConfigured) return { choosesFlow: () => false };
    const contacts = ctx.boundedMap<Contact>({
      name: 'contacts',
      maxKeys: options.max_contacts,
      worth: ({ worth }) => worth,
    });
    const callers = ctx.boundedMap<Callers>({ name: 'called', maxKeys: options.max_contacts });
    const followed = ctx.boundedMap<Followed>({ name: 'flows', maxKeys: options.max_flows });
    const suspects = new Suspects((count) => ctx.lost('resolved addresses', count));

    function contactFor(key: string, match: ThreatMatch, time: Micros): Contact {
      if (!ctx.isOpen(key)) contacts.delete(key);
      return contacts.ensure(key, () => new Contact(match, time));
    }

    function onFlow(flow: FlowRecord): void {
      const ends = endsOf(flow);
      if (ends === undefined) return;
      const match = matchOf(flow, ends);
      if (match !== undefined) onContact(flow, ends, match);
      else if (threats.hasAddresses) onCall(flow, ends);
    }

    function matchOf(flow: FlowRecord, { client, server }: Ends): ThreatMatch | undefined {
      // What comes in names this host's own places, in whatever words it likes.
      const isOutgoing = client.scope !== 'internet' || server.scope === 'internet';
      if (!isOutgoing) return undefined;
      return nameMatch(flow, server) ?? addressMatch(server.ip) ?? resolvedMatch(server);
    }

    /** A proxy in front of a container hands on the name that somebody outside asked for. */
    function nameMatch({ serverName }: FlowRecord, server: Endpoint): ThreatMatch | undefined {
      const isElsewhere = server.scope === 'internet' || server.scope === 'lan' || server.scope === 'unknown';
      return serverName === undefined || !isElsewhere ? undefined : threats.ofName(serverName);
    }

    function addressMatch(ip: string): ThreatMatch | undefined {
      const words = parseIp(ip);
      return words === undefined ? undefined : threats.ofAddress(words);
    }

    function resolvedMatch({ names }: Endpoint): ThreatMatch | undefined {
      for (const name of names) {
        const match = threats.ofName(name);
        if (match !== undefined) return match;
      }
      return undefined;
    }

    function onContact(flow: FlowRecord, { client, server, isTurned }: Ends, match: ThreatMatch): void {
      const key = `${clientKey(client, flow.network)} ${match.indicator}`;
      const contact = contactFor(key, match, flow.start);
      const sent = isTurned ? flow.respBytes : flow.origBytes;
      const received = isTurned ? flow.origBytes : flow.respBytes;
      const known = followed.ensure(flow.uid, () => ({ sent: 0, received: 0, in: undefined }));
      if (known.in !== contact) contact.connections += 1;
      known.in = contact;
      contact.sent += sent - known.sent;
      contact.received += received - known.received;
      known.sent = sent;
      known.received = received;
      contact.noteFlow(match, flow, server, answerTo(flow));
      tell(key, contact, client, flow.network === undefined ? {} : { network: flow.network.name }, flow);
    }

    function tell(
      key: string,
      contact: Contact,
      subject: Endpoint,
      network: { network?: string },
      flow?: FlowRecord,
    ): void {
      ctx.report({
        message: contact.state,
        time: contact.last,
        since: contact.first,
        key,
        subject,
        peers: [...contact.peers],
        ...network,
        ...(flow === undefined ? {} : { flows: [flow] }),
        severity: severityOf(contact),
        confidence: confidenceOf(contact, subject),
        evidence: contact.evidence(),
      });
    }

    function onCall(flow: FlowRecord, { client, server }: Ends): void {
      if (answerTo(flow) !== 'data') return;
      const match = addressMatch(client.ip);
      if (match === undefined) return;
      const key = `called ${clientKey(server, flow.network)}`;
      if (!ctx.isOpen(key)) callers.delete(key);
      const known = callers.ensure(key, () => new Callers(flow.start));
      const seen = followed.get(flow.uid);
      if (seen?.in !== known) known.connections += 1;
      followed.ensure(flow.uid, () => ({ sent: 0, received: 0, in: known }));
      known.note(flow, client);
      ctx.report({
        message: 'called-by',
        time: known.last,
        since: known.first,
        key,
        subject: server,
        peers: [...known.peers],
        ...(flow.network === undefined ? {} : { network: flow.network.name }),
        flows: [flow],
        severity: atMost(match.severity, 'low'),
        confidence: weakest(match.confidence, trustIn(server)),
        evidence: { ...matchEvidence(match), ...known.evidence() },
      });
    }

    function onDns(record: DnsRecord): void {
      const { client, protocol, opcode } = record;
      // Questions from the Internet are for a name server's own zones, or a scanner's.
      if (protocol !== 'dns' || opcode !== 'QUERY' || client.scope === 'internet') return;
      const named = threats.hasNames ? askedMatch(record) : undefined;
      if (named !== undefined) onQuestion(record, named, 'asked');
      for (const { type, data } of record.answers) {
        if (type !== 'A' && type !== 'AAAA') continue;
        const words = parseIp(data);
        if (words === undefined) continue;
        if (named !== undefined) suspects.add(words);
        const match = threats.hasAddresses ? threats.ofAddress(words) : undefined;
        if (match !== undefined) onQuestion(record, match, 'resolved');
      }
    }

    /** The name itself, or one that it stands for. */
    function askedMatch({ query, answers }: DnsRecord): ThreatMatch | undefined {
      const match = threats.ofName(query);
      if (match !== undefined) return match;
      for (const { type, data } of answers) {
        const target = type === 'CNAME' ? threats.ofName(data) : undefined;
        if (target !== undefined) return target;
      }
      return undefined;
    }

    function onQuestion(record: DnsRecord, match: ThreatMatch, state: 'asked' | 'resolved'): void {
      const { client, network, time, query } = record;
      const key = `${clientKey(client, network)} ${match.indicator}`;
      const contact = contactFor(key, match, time);
      contact.noteQuestion(match, state, query, answersOf(record), time);
      tell(key, contact, client, networkOf(record));
    }

    return {
      choosesFlow({ event, origWords, respWords, serverName }) {
        if (threats.hasAddresses) {
          if (threats.listsAddress(respWords)) return true;
          // Who only knocked is no news.
          if (isLater(event) && threats.listsAddress(origWords)) return true;
        }
        if (!threats.hasNames) return false;
        if (suspects.mayBe(respWords)) return true;
        return isLater(event) && serverName !== undefined && threats.listsName(serverName);
      },
      readsContent: ({ protocol, respPort }) =>
        threats.hasNames && (protocol === 'tcp' || (protocol === 'udp' && respPort === HTTPS_PORT)),
      onDns,
      onFlowStart: onFlow,
      onFlowAnswered: onFlow,
      onFlowRecognized: onFlow,
      onFlowActive: onFlow,
      onFlowEnd(flow) {
        onFlow(flow);
        followed.delete(flow.uid);
      },
      onClockSet({ from, to }) {
        for (const map of [contacts, callers]) for (const [, each] of map.entries()) each.clockSet(to - from);
      },
    };
  },
});

interface Ends {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** The capture began in its middle, with what the server said. */
  readonly isTurned: boolean;
}

/** How much of a flow is in its contact already. */
interface Followed {
  sent: number;
  received: number;
  in: Contact | Callers | undefined;
}

/** Listed addresses that called one container. */
class Callers {
  first: Micros;
  last: Micros;
  connections = 0;
  readonly peers: Endpoint[] = [];
  readonly #sources = new Sample(SHOWN);

  constructor(first: Micros) {
    this.first = first;
    this.last = first;
  }

  note(flow: FlowRecord, client: Endpoint): void {
    this.last = Math.max(this.last, flow.end);
    this.#sources.add(client.ip);
    if (this.peers.length < SHOWN && !this.peers.some(({ ip }) => ip === client.ip)) this.peers.push(client);
  }

  evidence() {
    return {
      connections: this.connections,
      sources: this.#sources.first(),
      sourceCount: this.#sources.count,
      firstSign: formatMicros(this.first),
      lastSign: formatMicros(this.last),
    };
  }

  clockSet(step: Micros): void {
    this.first += step;
    this.last += step;
  }
}

function isLater(event: FlowGlance['event']): boolean {
  return event !== 'start' && event !== 'answered';
}

/** Undefined for what nobody opened: errors that tell of other packets, and neighbours' housekeeping. */
function endsOf(flow: FlowRecord): Ends | undefined {
  const { orig, resp, protocol } = flow;
  if (!isReply(flow)) return { client: orig, server: resp, isTurned: false };
  return protocol === 'tcp' || protocol === 'udp'
    ? { client: resp, server: orig, isTurned: true }
    : undefined;
}

function answersOf({ rcode, answers }: DnsRecord): string[] {
  const addresses = answers.flatMap(({ type, data }) => (type === 'A' || type === 'AAAA' ? [data] : []));
  return addresses.length > 0 ? addresses : [rcode ?? 'nothing'];
}

/** Argued in docs/analyzers/threat-list.md. */
function severityOf({ match, state, isOtherPort }: Contact): Severity {
  const { severity, kind } = match;
  if (state === 'asked' || state === 'resolved' || kind === 'url') return atMost(severity, 'low');
  const byPort = isOtherPort ? milder(severity) : severity;
  return state === 'tried' ? milder(byPort) : byPort;
}

function confidenceOf({ match, state, isOtherPort }: Contact, subject: Endpoint): Confidence {
  const isDoubtful = match.kind === 'url' || state === 'resolved' || (state !== 'asked' && isOtherPort);
  return weakest(match.confidence, trustIn(subject), isDoubtful ? 'low' : 'certain');
}
