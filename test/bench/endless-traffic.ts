/**
 * Traffic that never repeats itself, told to an `AnalyzerRunner` straight away: more containers, places, names, senders
 * and rules than any default bound, so that all that analyzers remember becomes full. Of the records only what a live
 * agent keeps anyway (containers, networks) is shared; ends and names are made anew. Nothing here is random.
 */
import type { BlockedRecord } from '../../src/model/blocked.ts';
import type { FlowBurst } from '../../src/model/burst.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { Network, Workload } from '../../src/model/network.ts';
import type { SpoofRecord } from '../../src/model/spoof.ts';
import type { Micros } from '../../src/model/time.ts';
import type { Handlers, Surroundings, ThreatMatch, Threats } from '../../src/sensor/analysis/analyzer.ts';
import type { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import {
  address,
  asksFor,
  flow,
  listener,
  lookUp,
  network,
  noRoute,
  secs,
  workload,
} from '../support/records.ts';

const CONTAINERS = 4200;
const FLOWS_OF_A_KIND = 10_500;
const PAIRS = 21_000;
/** Of one client and one zone. */
const NAMES_OF_A_PAIR = 3;
/** So that more clients than any bound have asked, and those that are remembered have asked for enough. */
const ZONES_OF_A_CLIENT = 24;
const SENDERS = 4200;
const A_SECOND = 50;
/** Before it everything is learned, after it everything is new. */
const LEARNED_SECS = 30 * 3600;
const LEARNED_ROUNDS = 6;
/** Fewer than any detector remembers by default, so that all of them are learned. */
const SERVICES = 420;
/** A detector looks at 1,000 a second at least. */
const LAST_FLOWS_A_SECOND = 900;
const LAST_FLOWS = 5400;
const RELAYS = 16;

const BACK = network({ name: 'back', subnets: ['172.30.0.0/16'], gateways: ['172.30.0.1'] });
const FRONT = network({ name: 'front', subnets: ['172.31.0.0/16'], gateways: ['172.31.0.1'] });
const INNER = network({ name: 'inner', internal: true, subnets: ['10.7.0.0/16'], gateways: ['10.7.0.1'] });
const PREFIXES: readonly (readonly [prefix: number, network: Network])[] = [
  [0xac1e, BACK],
  [0xac1f, FRONT],
  [0x0a07, INNER],
];
const MANY_NETWORKS: readonly Network[] = Array.from({ length: SENDERS }, (_, i) =>
  network({ name: `net-${i}`, id: i.toString(16).padStart(64, 'e'), subnets: [], gateways: [] }),
);

export const AROUND: Surroundings = {
  networkAt: (ip) => PREFIXES.find(([prefix]) => ip[2] === 0xffff && ip[3] >>> 16 === prefix)?.[1],
  isPublished: (_, __, port) => port === 8443,
  listensAt: () => undefined,
  publisherOf: () => undefined,
};

/** An address outside whose third number is this is on a list. */
const LISTED_PREFIX = 66;
const match = (indicator: string): ThreatMatch => ({
  ...{ list: 'list', severity: 'high', confidence: 'high', indicator, kind: 'address' },
  ...{ line: 1, fileChanged: 0, alsoIn: [] },
});

export const LISTS: Threats = {
  isConfigured: true,
  hasAddresses: true,
  hasNames: false,
  listsAddress: (ip) => ip[3] >>> 24 === LISTED_PREFIX,
  listsName: () => false,
  ofAddress: (ip) => (ip[3] >>> 24 === LISTED_PREFIX ? match(`${ip[3]}`) : undefined),
  ofName: () => undefined,
};

const workloadsOf = (name: string, digit: string, networks: readonly string[]): readonly Workload[] =>
  Array.from({ length: CONTAINERS }, (_, i) =>
    workload(`${name}-${i}`, networks, {
      containerId: i.toString(16).padStart(64, digit),
      image: `image-${name}-${i}:1`,
      composeProject: `project-${i}`,
      resolvers: ['198.51.100.1'],
      startedAt: secs(0),
    }),
  );
const APPS = workloadsOf('app', '0', ['back']);
/** They answer questions for names, and are judged as such. */
const NAME_SERVERS = workloadsOf('dns', 'd', ['back']);
/** Cut off. */
const INNER_ONLY = workloadsOf('db', 'b', ['inner']);

/** Texts of containers' addresses are made once in an agent, too. */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
const ownIps = (prefix: string): readonly string[] =>
  Array.from({ length: CONTAINERS }, (_, n) =>
    flat(`${prefix}.${16 + Math.floor(n / 250)}.${1 + (n % 250)}`),
  );
const OWN_IPS = { '172.30': ownIps('172.30'), '172.31': ownIps('172.31'), '10.7': ownIps('10.7') } as const;
const MACS: readonly string[] = Array.from({ length: CONTAINERS }, (_, n) =>
  flat(`02:42:ac:1e:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`),
);

function member(i: number, prefix: keyof typeof OWN_IPS = '172.30', workloads = APPS): Endpoint {
  const n = i % CONTAINERS;
  return {
    ip: OWN_IPS[prefix][n]!,
    port: 40_000 + (i % 20_000),
    mac: MACS[n],
    scope: 'container',
    workload: workloads[n],
    names: [],
    geo: undefined,
    attribution: { method: 'mac+ip', confidence: 'certain' },
  };
}

const ipOutside = (i: number, first = 60): string =>
  `${first}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
const outside = (i: number, port: number, fields: Partial<Endpoint> = {}, first = 60): Endpoint =>
  address(ipOutside(i, first), 'internet', { port, ...fields });

type Ends = Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>;
interface Kind {
  readonly of: (i: number) => Ends;
  /** It ends, and tells more when it does. */
  readonly end?: Partial<FlowRecord>;
}

const REFUSED = { respPackets: 1, respBytes: 40, connState: 'REJ', history: 'Sr' } as const;
const TURNED_AWAY = { connState: 'SF', history: 'ShADadfF', respBytes: 1200 } as const;

/** The ports and places are those that detectors look at. */
const KINDS: readonly Kind[] = [
  {
    of: (i) => ({
      orig: member(i),
      resp: outside(i, 443),
      ...{ network: BACK, service: 'tls', serverName: `a${i}.site-${i}.com` },
    }),
  },
  { of: (i) => ({ orig: member(i), resp: outside(i, 4444), network: BACK }), end: {} },
  { of: (i) => ({ orig: member(i, '10.7'), resp: outside(i, 443), network: INNER }) },
  { of: (i) => ({ orig: outside(i, 40_000), resp: { ...member(i, '10.7'), port: 5432 }, network: INNER }) },
  { of: (i) => ({ orig: member(i), resp: { ...member(i + 1, '172.31'), port: 5432 }, network: FRONT }) },
  {
    of: (i) => ({
      orig: member(i),
      resp: address('172.30.0.1', 'gateway', { port: [22, 9100, 6443][i % 3]! }),
      network: BACK,
    }),
  },
  {
    of: (i) => ({
      orig: outside(i, 40_000, {
        geo: { country: i < CONTAINERS ? 'DE' : 'FR', asn: i, asOrganization: `Net ${i}` },
      }),
      resp: { ...member(i), port: 8443 },
      network: BACK,
    }),
  },
  {
    of: (i) => ({
      orig: member(i),
      resp: address('169.254.169.254', 'lan', { port: 80 }),
      ...{ network: BACK, service: 'http' },
    }),
  },
  {
    of: (i) => ({ orig: member(i), resp: { ...member(i + 7), port: 2375 }, network: BACK, service: 'http' }),
  },
  {
    of: (i) => ({ orig: member(i), resp: { ...member(i + 9), port: 22 }, network: BACK, service: 'ssh' }),
    end: TURNED_AWAY,
  },
  { of: (i) => ({ orig: member(i), resp: outside(i, 3333), network: BACK, service: 'stratum' }) },
  {
    of: (i) => ({
      orig: member(i),
      resp: outside(i, 853),
      ...{ network: BACK, service: 'tls', serverName: 'dns.google' },
    }),
  },
  {
    of: (i) => ({ orig: member(i), resp: { ...member(i + 11), port: 1 + (i % 60_000) }, network: BACK }),
    end: REFUSED,
  },
  { of: (i) => ({ orig: member(i), resp: outside(i, 8000), network: BACK }), end: REFUSED },
  {
    of: (i) => ({ orig: member(i), resp: outside(i, 443, {}, LISTED_PREFIX), network: BACK, service: 'tls' }),
  },
  {
    of: (i) => ({
      orig: outside(i, 40_000, {}, LISTED_PREFIX),
      resp: { ...member(i), port: 80 },
      network: BACK,
    }),
  },
];
const FTP = 3;
const PINGED = 1;

/** What an analyzer listens to need not be made for another. */
export type Hears = ReadonlySet<keyof Handlers>;

export function tellWithoutEnd(runner: AnalyzerRunner, hears: Hears): void {
  const teller = new Teller(runner, hears);
  teller.learn();
  teller.blocked();
  teller.flows();
  teller.overlays();
  teller.neighbours();
  teller.bursts();
  teller.names();
  teller.last();
}

class Teller {
  readonly #runner: AnalyzerRunner;
  readonly #hears: Hears;
  #now: Micros = secs(0);

  constructor(runner: AnalyzerRunner, hears: Hears) {
    this.#runner = runner;
    this.#hears = hears;
  }

  #pass(micros: number): Micros {
    this.#now += micros;
    this.#runner.tick(this.#now);
    return this.#now;
  }

  #hearsAny(...handlers: readonly (keyof Handlers)[]): boolean {
    return handlers.some((handler) => this.#hears.has(handler));
  }

  get #hearsFlows(): boolean {
    return this.#hearsAny(
      'onFlowStart',
      'onFlowAnswered',
      'onFlowRecognized',
      'onFlowActive',
      'onFlowEnd',
      'onEcho',
      'onLogin',
    );
  }

  /** Habits of a day: each of some services has its port, its client and a zone that it asks for again and again. */
  learn(): void {
    this.#pass(0);
    for (let round = 0; round < LEARNED_ROUNDS; round++) {
      for (let i = 0; i < SERVICES; i++) {
        const now = this.#pass(1_000_000 / A_SECOND);
        this.#habit(i, now, round === 0);
      }
      this.#pass((LEARNED_SECS / LEARNED_ROUNDS) * 1_000_000);
    }
    for (let i = 0; i < SERVICES; i++) this.#news(i, this.#pass(1_000_000 / A_SECOND));
  }

  #habit(i: number, now: Micros, isFirst: boolean): void {
    const resp = { ...member(i), port: 8443 };
    const client = outside(i, 40_000, { geo: { country: 'DE', asn: 1, asOrganization: 'Net 1' } });
    if (isFirst && this.#hears.has('onListener'))
      this.#runner.listener(listener({ subject: resp, time: now, exposed: true }));
    if (this.#hearsFlows) {
      this.#talk(flow({ start: now, orig: client, resp, network: BACK }), {});
      const peer = { ...member(i + 1), port: 8080 };
      this.#talk(flow({ start: now, orig: member(i), resp: peer, network: BACK }), {});
    }
    if (!this.#hears.has('onDnsQuery')) return;
    for (let zone = 0; zone < 3; zone++) {
      const labels = ['www', `habit-${i}-${zone}`, 'com'];
      for (let n = 0; n < 5; n++)
        this.#lookUp({ labels, client: member(i), time: now, network: BACK, rtt: 1000 });
    }
  }

  /** What nobody has seen of the service before. */
  #news(i: number, time: Micros): void {
    const runner = this.#runner;
    if (this.#hears.has('onListener')) {
      const program = '/tmp/.x/listener (deleted)';
      const subject = { ...member(i), port: 4444 };
      runner.listener(listener({ subject, time, after: time - 5_000_000, process: 'listener', program }));
    }
    if (this.#hearsFlows) {
      const geo = { country: 'FR', asn: i, asOrganization: `Net ${i}` };
      const caller = outside(i, 40_000, { geo });
      this.#talk(flow({ start: time, orig: caller, resp: { ...member(i), port: 8443 }, network: BACK }), {});
      for (let n = 2; n < 6; n++) {
        const peer = { ...member(i + n), port: 5432 };
        this.#talk(flow({ start: time, orig: member(i), resp: peer, network: BACK }), {});
      }
    }
    if (!this.#hears.has('onDnsQuery')) return;
    for (let zone = 0; zone < 3; zone++) {
      const labels = ['www', `habit-${i}-${zone}`, 'com'];
      this.#lookUp({ labels, client: member(i), time, network: BACK, rtt: 1000 });
    }
  }

  /** Returns the flow as it is once its responder has spoken. */
  #talk(begun: FlowRecord, fields: Partial<FlowRecord>): FlowRecord {
    const runner = this.#runner;
    runner.flowStart(begun);
    const talked: FlowRecord = {
      ...begun,
      ...{ end: begun.start + 1000, respPackets: 12, respBytes: 2000, origBytes: 5000 },
      ...{ connState: 'SF', history: 'ShADadFf', reason: 'answered' },
      ...fields,
    };
    runner.flowAnswered(talked);
    if (begun.service !== undefined) runner.flowRecognized({ ...talked, reason: 'active' });
    runner.flowActive({ ...talked, reason: 'active' });
    return talked;
  }

  flows(): void {
    if (!this.#hearsFlows) return;
    const runner = this.#runner;
    for (let n = 0; n < FLOWS_OF_A_KIND; n++) {
      for (const [kind, { of, end }] of KINDS.entries()) {
        const start = this.#pass(1_000_000 / A_SECOND);
        const begun = flow({ start, ...of(n), origBytes: 60, communityId: `1:${n}/${kind}` });
        const talked = this.#talk(begun, end === REFUSED ? REFUSED : {});
        // The others go on without end.
        if (end !== undefined) runner.flowEnd({ ...talked, ...end, reason: 'closed' });
        if (kind === FTP && this.#hears.has('onLogin'))
          runner.login({ time: start, flow: talked, method: 'ftp-pass' });
        if (kind === PINGED && this.#hears.has('onEcho')) this.#echo(talked, n);
      }
    }
  }

  #echo({ orig, resp, start, network: on }: FlowRecord, i: number): void {
    const ping = flow({
      start,
      orig,
      resp,
      network: on,
      protocol: 'icmp',
      history: 'Dd',
      icmp: { type: 8, code: 0 },
    });
    this.#runner.echo({
      ...{ time: start, flow: ping, requests: 20, replies: 20, alteredReplies: 5, unaskedReplies: 2 },
      ...{ oddPayloads: 20, oddBytes: 2000 + i, payloadSizes: 8, repeatedSequences: 0 },
    });
  }

  /** Rules of an operator, each with a burst; then flows that fit them. */
  blocked(): void {
    if (!this.#hears.has('onBlocked')) return;
    const record = (i: number, time: Micros): BlockedRecord => ({
      ...{ kind: 'blocked', time, family: 'ipv4', backend: 'nftables', table: 'filter', chain: 'forward' },
      rule: `ip saddr 172.30.0.0/16 ip daddr ${ipOutside(i)} counter drop comment "rule ${i}" `.padEnd(
        200,
        '#',
      ),
      ...{ verdict: 'drop', reason: 'operator', from: BACK, packets: 5000, bytes: 300_000, intervalSecs: 10 },
    });
    for (let i = 0; i < 1100; i++) {
      const time = this.#pass(1000);
      this.#runner.blocked(record(i, time));
    }
    for (let i = 0; i < 4000; i++) {
      const start = this.#pass(10_000);
      const fields = { start, orig: member(i % 40), resp: outside(i, 4444), network: BACK, origPackets: 3 };
      this.#runner.flowEnd(flow({ ...fields, reason: 'idle' }));
    }
  }

  overlays(): void {
    if (!this.#hears.has('onOverlay')) return;
    for (let i = 0; i < 600 * 4; i++) {
      const inner = { from: member(i), to: member(i + 1) };
      const sender = address(`192.168.${i & 255}.10`, 'host');
      const receiver = address(`192.168.${i & 255}.11`, 'host');
      const time = this.#pass(1_000_000 / A_SECOND);
      const seen = { time, interface: 'eth0', vni: 4096 + (i % 600), sender, receiver, inner };
      this.#runner.overlay({ ...seen, frames: 10, bytes: 10_000 });
    }
  }

  neighbours(): void {
    const runner = this.#runner;
    if (!this.#hearsAny('onNeighborRequest', 'onRouterClaim', 'onSpoof', 'onNoRoute')) return;
    for (let i = 0; i < 2 * SENDERS; i++) {
      const time = this.#pass(1_000_000 / A_SECOND);
      const sender = member(i);
      for (const isAssigned of [false, true]) {
        const asked = asksFor(sender, `172.30.${(i >> 8) & 255}.${i & 255}`, time, { isAssigned });
        if (asked.on === 'neighbor-request') runner.neighborRequest(asked.request);
      }
      runner.routerClaim({
        ...{
          time,
          interface: 'br-000000000001',
          routers: [sender.ip],
          resolvers: [],
          count: 1,
          prefixes: [],
        },
        ...{ network: MANY_NETWORKS[i % SENDERS], sender },
        protocol: i % 2 === 0 ? 'dhcp' : 'router-advertisement',
      });
      runner.routerClaim({
        ...{
          time,
          interface: 'eth0',
          routers: [`192.168.${i & 255}.1`],
          resolvers: [],
          count: 1,
          prefixes: [],
        },
        ...{ network: MANY_NETWORKS[i % SENDERS], protocol: 'dhcp' },
        sender: address(`192.168.${i & 255}.${i % 7}`, 'lan', { mac: MACS[i % CONTAINERS] }),
      });
      for (const spoof of spoofs(i, time, sender)) runner.spoof(spoof);
      runner.noRoute(noRoute({ subject: sender, time }));
    }
  }

  /** Dual-homed containers that pass on what many members say, each time something else. */
  bursts(): void {
    if (!this.#hears.has('onBurst')) return;
    for (let i = 0; i < 36_000; i++) {
      const to = i % RELAYS;
      // Six exchanges of each member and relay before the next: enough to be told.
      const orig = member(Math.floor(i / RELAYS / 6) * RELAYS + to, '10.7', INNER_ONLY);
      const resp = { ...member(to, '10.7'), port: 3128 + Math.floor(i / RELAYS / 6) };
      const time = this.#pass(40_000);
      const sent = 200 + ((i * 7919) % 30_000);
      const received = 200 + ((i * 104_729) % 60_000);
      const inner = flow({ start: time - 500, orig, resp, network: INNER });
      const outer = flow({ start: time + 100, orig: member(to), resp: outside(i, 443), network: BACK });
      const said = { containerId: APPS[to]!.containerId, isOrigFirst: true, isOpening: true, stretch: 0 };
      const both = { ...said, origBytes: sent, respBytes: received };
      const burst = (at: Micros, fields: Pick<FlowBurst, 'flow' | 'isContainerOrig' | 'isInternal'>) =>
        this.#runner.burst({ ...both, ...fields, time: at, end: at + 5000 });
      burst(time, { flow: inner, isContainerOrig: false, isInternal: true });
      burst(time + 300, { flow: outer, isContainerOrig: true, isInternal: false });
    }
  }

  /** Each client asks for zones without end; some answers lie inside, some names do not exist. */
  names(): void {
    if (!this.#hearsAny('onDns', 'onDnsQuery', 'onNotDns')) return;
    for (let i = 0; i < PAIRS * NAMES_OF_A_PAIR; i++) {
      this.#ask(Math.floor(i / NAMES_OF_A_PAIR), i);
      if (i % 3 === 0) this.#askOthers(i / 3, this.#now);
    }
  }

  #lookUp(...args: Parameters<typeof lookUp>): void {
    for (const event of lookUp(...args)) {
      if (event.on === 'dns-query') this.#runner.dnsQuery(event.query);
      else if (event.on === 'dns') this.#runner.dns(event.record);
    }
  }

  #ask(pair: number, i: number): void {
    const time = this.#pass(1_000_000 / A_SECOND);
    const labels = [`host-${i}`, `zone-${pair}`, pair % 7 === 6 ? 'internal' : 'com'];
    const isMissing = pair % 7 === 5;
    const inside = `172.30.${16 + (i % 16)}.${1 + (i % 250)}`;
    const answers = isMissing ? [] : [pair % 7 === 4 ? inside : ipOutside(i)];
    // Most ask the same one.
    const server = outside(pair % 4 === 0 ? pair : 0, 53);
    const fields = {
      labels,
      client: member(Math.floor(pair / ZONES_OF_A_CLIENT)),
      server,
      time,
      network: BACK,
      rtt: 1000,
    };
    this.#lookUp(fields, isMissing ? 'NXDOMAIN' : 'NOERROR', answers);
  }

  #askOthers(n: number, time: Micros): void {
    const server = { ...member(n, '172.30', NAME_SERVERS), port: 53 };
    const labels = [`www-${n}`, `zone-${n}`, 'com'];
    const client = member(n % 50);
    if (n < 2 * CONTAINERS)
      this.#lookUp({ labels, client, server, time, network: BACK, rtt: 1000 }, 'NOERROR', [ipOutside(n)]);
    const engine = address('127.0.0.11', 'engine', { port: 53 });
    const cutOff = {
      client: member(n, '10.7', INNER_ONLY),
      server: engine,
      networks: [{ name: 'inner', internal: true }],
    };
    if (n < 2 * CONTAINERS) {
      const via = { labels, time, rtt: 12_000, vantage: 'container', interface: 'lo' } as const;
      this.#lookUp({ ...via, ...cutOff, network: MANY_NETWORKS[n % SENDERS] }, 'NOERROR', [ipOutside(n)]);
      this.#lookUp({ ...via, client: member(n), server: engine }, 'NOERROR', [ipOutside(n)]);
    }
    if (n >= 2 * CONTAINERS) return;
    this.#runner.notDns({
      ...{ time, client: member(n), server: outside(n, 53), network: BACK },
      ...{ transport: 'udp', fromClient: true, bytes: 200 },
    });
  }

  /** Names that turn inside, asked for by those who asked last. */
  #lastNames(): void {
    for (let i = 0; i < 600; i++) {
      const time = this.#pass(1000);
      const client = member(PAIRS / ZONES_OF_A_CLIENT - 1 - (i % 40));
      const fields = { labels: ['www', `turn-${i}`, 'com'], client, time, network: BACK, rtt: 1000 };
      this.#lookUp(fields, 'NOERROR', [ipOutside(i)]);
      this.#lookUp(fields, 'NOERROR', [`172.30.${200 + (i % 16)}.${1 + (i % 250)}`]);
    }
  }

  /** All at once, for those who wait for more to come: whom few containers call that are known since an hour. */
  last(): void {
    if (this.#hearsFlows) this.#lastFlows();
    if (this.#hearsAny('onDns', 'onDnsQuery')) this.#lastNames();
    // As long as they live: the collector must not take what is only read by the next question.
    this.#lookUp({ labels: ['last', 'example', 'com'], time: this.#now });
  }

  #lastFlows(): void {
    const few = (i: number): Endpoint => member(i % 40);
    for (let i = 0; i < 40; i++)
      this.#talk(flow({ start: this.#pass(1000), orig: few(i), resp: outside(i, 443), network: BACK }), {});
    this.#pass(3700 * 1_000_000);
    for (let i = 0; i < 40; i++)
      this.#lookUp(
        { labels: ['www', 'example', 'com'], client: few(i), time: this.#now, network: BACK, rtt: 1000 },
        'NOERROR',
        ['93.184.215.14'],
      );
    for (let i = 0; i < LAST_FLOWS; i++) {
      const start = this.#pass(1_000_000 / LAST_FLOWS_A_SECOND);
      const begun = flow({ start, orig: few(i), resp: outside(i, 443, {}, 61), network: BACK });
      this.#talk(begun, {});
      const served = flow({ start, orig: member(i + 1), resp: { ...member(i), port: 7000 }, network: BACK });
      this.#talk(served, {});
    }
  }
}

function spoofs(i: number, time: Micros, sender: Endpoint): SpoofRecord[] {
  const seen = {
    kind: 'spoof',
    time,
    network: 'back',
    interface: 'br-000000000001',
    count: 1,
    first: time,
  } as const;
  const names = { sender: sender.workload, holder: APPS[(i + 1) % CONTAINERS], target: '172.30.0.1' };
  const forged = { ...seen, ...names, mac: sender.mac!, ip: `172.30.${(i >> 8) & 255}.${i & 255}` };
  return [
    { ...forged, mismatch: 'ip-of-another', layer: i % 2 === 0 ? 'arp' : 'ip' },
    { ...forged, mismatch: 'gateway-address', layer: 'ip', ip: '172.30.0.1' },
  ];
}
