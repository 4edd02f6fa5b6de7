/**
 * `who`: from the leases in the store, who held an address then. The exit code says whether there is one answer, so
 * that a script never credits the first of several.
 */
import { escapeText } from '../model/escape.ts';
import { cidrContains, formatIp, type IpWords, parseCidr, parseIp } from '../model/ip.ts';
import type { PublicEndpoint, PublicFlow } from '../model/serialize.ts';
import { type Micros, parseMicros, wallMicros } from '../model/time.ts';
import { specialRange } from '../sensor/docker/special-ranges.ts';
import { readHostInterfaces } from '../sensor/host/interfaces.ts';
import type { KnownNetwork, LeaseSubject } from '../station/store/lease-query.ts';
import { openStoreReadOnly, type StoreReader } from '../station/store/reader.ts';
import { containersOf, knownUntil, whoHeld, whoWasEnd } from '../station/store/who-held.ts';
import { EXIT } from './lib/exit-codes.ts';
import { UsageError } from './lib/failure.ts';
import { complain, printLine } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { parseTime } from './lib/time-range.ts';
import { ambiguousText, gapText, leaseText, nobodyText, timeText } from './who/text.ts';

interface WhoOptions extends SettingsOptions {
  readonly at?: string;
  readonly network?: string;
  readonly flow?: string;
  readonly json?: boolean;
}

export async function whoCommand(asked: string | undefined, options: WhoOptions): Promise<void> {
  const now = wallMicros();
  const at = options.at === undefined ? now : parseTime(options.at, '--at', now);
  if (options.flow === undefined) {
    if (asked === undefined) throw new UsageError('who? give an address, a MAC, a container, or --flow UID');
  } else if (asked !== undefined || options.at !== undefined || options.network !== undefined) {
    throw new UsageError('--flow has its own addresses, time and network: give nothing beside it');
  }
  const reader = await openStoreReadOnly(loadSettings(options).store.path);
  try {
    const answer = new Answer(reader, now, options.json === true);
    const isOne =
      options.flow === undefined ? answer.holders(asked!, at, options) : answer.ends(options.flow);
    process.exitCode = isOne ? EXIT.ok : EXIT.negative;
  } finally {
    reader.close();
  }
}

/** An IP address, a MAC address, or else the name of a container. */
export function subjectOf(text: string): LeaseSubject {
  const words = parseIp(text);
  if (words !== undefined) return { ip: formatIp(...words) };
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) return { mac };
  return { container: text };
}

class Answer {
  readonly #reader: StoreReader;
  readonly #json: boolean;
  /** Of leases that are open although nobody watches any more. */
  readonly #knownUntil: Micros | undefined;

  constructor(reader: StoreReader, now: Micros, json: boolean) {
    this.#reader = reader;
    this.#json = json;
    this.#knownUntil = knownUntil(reader, now);
  }

  /** Returns whether there is exactly one answer. */
  holders(text: string, at: Micros, options: WhoOptions): boolean {
    const subject = subjectOf(text);
    const asked = subject.ip ?? subject.mac ?? text;
    const held = whoHeld(this.#reader, { ...subject, network: options.network }, at);
    const { holders, gap } = held;
    if (holders.length === 0) {
      if (subject.ip !== undefined && this.#outside(subject.ip, at, options)) return true;
      this.#say(...nobodyText(subject, at, held));
      this.#hints(subject, options);
      return false;
    }
    // A name may stand for several containers and networks; an address is one container's.
    const containers = subject.container === undefined ? containersOf(holders).length : 1;
    if (containers > 1) this.#say(ambiguousText(asked, `at ${timeText(at)}`, containers));
    const isStale = gap !== undefined && this.#knownUntil !== undefined && at > this.#knownUntil;
    for (const { lease, text: json } of holders) {
      const caveat = isStale && lease.to === undefined ? gapText(gap) : undefined;
      this.#tell(json, ...leaseText(lease, this.#knownUntil, caveat));
    }
    return containers === 1;
  }

  /** Both ends of a stored flow, as the leases have them. */
  ends(uid: string): boolean {
    const row = this.#reader.queryFlows({ uid, limit: 1 })[0];
    if (row === undefined) {
      this.#say(`UNKNOWN: no flow ${uid} is in the store; uids are in: bridgewatch flows --json`);
      return false;
    }
    const flow = JSON.parse(row.text) as PublicFlow;
    const { network, start, end, protocol } = flow;
    const where = network?.name ?? flow.interface;
    const [from, to] = [parseMicros(start)!, parseMicros(end)!];
    this.#tell(undefined, `flow ${uid}  ${protocol}  on ${where}  ${timeText(from)} to ${timeText(to)}`);
    const answers = (['orig', 'resp'] as const).map((side) => {
      const seen = { ip: flow[side].ip, mac: flow[side].mac, networkId: network?.id, start: from, end: to };
      return this.#end(side, flow[side], whoWasEnd(this.#reader, seen));
    });
    return answers.every((isOne) => isOne);
  }

  #end(
    side: 'orig' | 'resp',
    end: PublicEndpoint,
    { holders, caveat }: ReturnType<typeof whoWasEnd>,
  ): boolean {
    const { attribution, workload, scope } = end;
    const containers = containersOf(holders);
    const told = workload === undefined ? scope : `${workload.name} (${workload.containerId})`;
    const how = `${attribution.method}, ${attribution.confidence}`;
    const port = end.port === undefined ? '' : ` port ${end.port}`;
    this.#tell(
      undefined,
      `${side === 'orig' ? 'from' : 'to'}  ${end.ip}${port}  recorded as ${told}, by ${how}`,
    );
    if (containers.length > 1) this.#say(ambiguousText(end.ip, 'while it went on', containers.length));
    for (const { lease, text } of holders) this.#tell(text, ...leaseText(lease, this.#knownUntil, caveat));
    if (holders.length === 0) {
      // What is no container has no lease, and needs none.
      if (scope !== 'container' && scope !== 'unknown') return true;
      this.#say(`UNKNOWN: no lease of ${end.ip} is on record for that time`);
      return false;
    }
    if (workload !== undefined && !containers.some((id) => id.startsWith(workload.containerId)))
      this.#say(`the record names ${told}, the leases do not`);
    return containers.length === 1;
  }

  /** Addresses that no container ever holds; true when that is the answer. */
  #outside(ip: string, at: Micros, options: WhoOptions): boolean {
    const gateways = this.#networksThen(at).filter(
      ({ record, name, id }) =>
        listOf(record.detail['gateways']).includes(ip) &&
        (options.network === undefined || options.network === name || id.startsWith(options.network)),
    );
    for (const { name, record, text } of gateways) {
      const bridge =
        record.detail['bridge'] === undefined ? '' : `  bridge ${String(record.detail['bridge'])}`;
      this.#tell(text, `gateway@${name}  ${ip}  this host's own address on that network${bridge}`);
    }
    if (gateways.length > 0) return gateways.length === 1;
    if (options.at !== undefined || options.network !== undefined || !readHostInterfaces().has(ip))
      return false;
    this.#tell(
      undefined,
      `host  ${ip}  an address of this machine now; which it had earlier is not in the store`,
    );
    return true;
  }

  /** What else is known that may help. */
  #hints({ ip }: LeaseSubject, { network }: WhoOptions): void {
    const known = this.#reader.networks();
    if (network !== undefined && !known.some(({ name, id }) => name === network || id.startsWith(network)))
      this.#say(`no network ${network} is on record`);
    if (ip === undefined) return;
    const words = parseIp(ip)!;
    const here = known.filter(({ record }) =>
      listOf(record.detail['subnets']).some((subnet) => isInside(words, subnet)),
    );
    for (const { name, removedAt } of here) {
      const gone = removedAt === undefined ? '' : `, which was there until ${timeText(removedAt)}`;
      this.#say(`    it is an address of the network ${name}${gone}`);
    }
    if (here.length > 0) return;
    const { scope, reason } = specialRange(words);
    const why = reason === undefined ? '' : `: ${reason}`;
    this.#say(`    by its range it is ${scope === 'unknown' ? "nobody's" : `of scope ${scope}`}${why}`);
    if (readHostInterfaces().has(ip))
      this.#say('    it is an address of this machine now; which it had then is not in the store');
  }

  #networksThen(at: Micros): KnownNetwork[] {
    return this.#reader
      .networks()
      .filter(({ seenAt, removedAt }) => seenAt <= at && (removedAt === undefined || at < removedAt));
  }

  /** Part of the answer: a record for programs, text for people. */
  #tell(json: string | undefined, ...text: readonly string[]): void {
    if (!this.#json) for (const line of text) printLine(escapeText(line, 1000));
    else if (json !== undefined) printLine(json);
  }

  /** A word about the answer; on stderr where stdout holds records. */
  #say(...text: readonly string[]): void {
    if (this.#json) complain(...text);
    else this.#tell(undefined, ...text);
  }
}

function isInside(ip: IpWords, subnet: unknown): boolean {
  const cidr = typeof subnet === 'string' ? parseCidr(subnet) : undefined;
  return cidr !== undefined && cidrContains(cidr, ip);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
