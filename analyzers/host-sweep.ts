/**
 * Somebody tries many hosts for the same thing: a port, an echo, or who holds an address (ARP, neighbour discovery). It
 * must never accuse a monitor of which some targets are down, who looked the addresses up by name, a swarm of peers, nor
 * who asks for containers that were there a moment ago.
 */
import { z } from 'zod';
import { type Endpoint, isVacant } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { NeighborRequest } from '../src/model/neighbor.ts';
import type { Network } from '../src/model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { Attempts, type Failure } from './lib/scan/attempts.ts';
import { DistinctTargets, MAX_COUNTED } from './lib/scan/distinct-targets.ts';
import { ScanTally } from './lib/scan/scan-tally.ts';
import {
  confidenceOf,
  isScanByOdds,
  ODDS_FOR_SCANNER,
  oddsOf,
  scannerKey,
  scannerOf,
  severityOf,
} from './lib/scan/scanner.ts';

const FAST_SECS = 60;
const SLOW_SECS = 86_400;
const NEIGHBOR_SECS = 10;
/** Where nobody knows who is there, the asking alone must do: twice as many as where Docker knows. */
const UNKNOWN_FACTOR = 2;
/** Silence of a datagram says little where peers find each other by trying (BitTorrent, WireGuard meshes, calls). */
const SILENT_UDP_FACTOR = 5;
/** Of an outside sweep this share of all failed targets is the one port; peers of a swarm each have their own. */
const SHARE_OF_ONE_PORT = 0.5;

const config = z.strictObject({
  fast_hosts: z
    .number()
    .int()
    .min(4)
    .max(60)
    .default(10)
    .describe('Hosts that fail at the same port within 60 seconds, from which on it is a sweep.'),
  slow_hosts: z.number().int().min(4).max(60).default(20).describe('The same within a day.'),
  neighbors: z
    .number()
    .int()
    .min(4)
    .max(30)
    .default(16)
    .describe(
      'Addresses that nobody holds and that are asked for within 10 seconds (ARP, neighbour discovery), from which on it is a sweep; twice as many where Docker cannot know who holds them.',
    ),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Hosts named in one finding; the others are counted.'),
  max_scanners: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Sources of failed attempts remembered at once, 1 KB each, 20 KB for one that sweeps.'),
  max_pairs: z
    .number()
    .int()
    .min(64)
    .max(100_000)
    .default(1000)
    .describe(
      'Pairs of a source and a port remembered at once, 200 bytes each, up to 10 KB for one that sweeps.',
    ),
  max_holders: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(1024)
    .describe(
      'Addresses remembered that somebody held, 200 bytes each: who asks for them later is no scanner.',
    ),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  what: z.string().describe('What was tried of each: a port, `icmp echo`, `arp`, `ndp`.'),
  hosts: z.array(z.string()).describe('The first `sample_size` that failed.'),
  hostCount: z.number().describe('Of all ports together.'),
  countsAreMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  ports: z.array(z.string()),
  portCount: z.number(),
  hostsWithinWindow: z
    .number()
    .optional()
    .describe('Hosts that failed at `what` within the window, at most 64.'),
  windowSecs: z.number().optional(),
  fastThreshold: z.number().optional().describe('From so many within the window on it is a sweep.'),
  hostsWithinDay: z.number().optional().describe('Within a day, at most 64.'),
  slowThreshold: z.number().optional(),
  answeredHosts: z
    .number()
    .optional()
    .describe('Hosts that ever answered this source at the same port, estimated.'),
  odds: z.number().optional().describe('That it is a scanner, to one; told up to a million.'),
  oddsThreshold: z.number().optional(),
  refused: z.number().describe('Attempts that were reset, or answered with a closed window.'),
  unanswered: z.number().describe('Attempts to which nothing came back within 3 s.'),
  vacant: z.number().describe('Attempts at addresses of Docker networks that nobody held.'),
  probes: z.number(),
  probeKinds: z.array(z.string()).optional(),
  firstAttempt: z.string(),
  lastAttempt: z.string(),
});

type Kind = 'swept' | 'neighbors-asked' | 'from-outside';

export default defineAnalyzer({
  id: 'host-sweep',
  title: 'Hosts are swept',
  attack: [
    { technique: 'T1018', tactic: 'discovery' },
    { technique: 'T1046', tactic: 'discovery' },
    { technique: 'T1595.001', tactic: 'reconnaissance' },
  ],
  severity: 'high',
  confidence: 'high',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    swept:
      '{subject} tries one host after the other for {what}: {hostsWithinWindow} that do not answer or refuse within {windowSecs} s (a sweep from {fastThreshold}, or {slowThreshold} within a day), {answeredHosts} that ever answered; first {hosts}. See what runs in it (docker top), and keep it from the network until you know.',
    'neighbors-asked':
      '{subject} asks {network} for one address after the other ({what}): {hostsWithinWindow} that nobody is known to hold within {windowSecs} s (a sweep from {fastThreshold}, or {slowThreshold} within a day), first {hosts}. See what runs there (docker top), and keep it from the network until you know.',
    'from-outside':
      '{subject} sweeps from outside for {what}; first {hosts}, which do not answer or refuse. The internet does that all day; make sure that these addresses need be reachable from there.',
  },
  create(ctx, options) {
    const tallies = ctx.boundedMap<ScanTally>({
      name: 'scanners',
      maxKeys: options.max_scanners,
      worth: (tally) => tally.weight,
    });
    const pairs = ctx.boundedMap<DistinctTargets>({
      name: 'pairs',
      maxKeys: options.max_pairs,
      worth: (hosts) => hosts.count,
    });
    /** All that failed outside, by source: what a swarm of peers is known by. */
    const outside = ctx.boundedMap<DistinctTargets>({
      name: 'outside',
      maxKeys: options.max_scanners,
      worth: (targets) => targets.count,
    });
    const holders = ctx.boundedMap<true>({ name: 'holders', maxKeys: options.max_holders });

    function tallyFor(key: string, time: Micros): ScanTally {
      const known = tallies.get(key);
      // What was counted before belongs to a finding that is over, or to another day.
      const isOver = known !== undefined && known.kind !== undefined && !ctx.isOpen(key);
      const isOld = known !== undefined && time - known.last > SLOW_SECS * MICROS_PER_SECOND;
      if (isOver || isOld) tallies.delete(key);
      return tallies.ensure(key, () => new ScanTally(time));
    }

    function onFailure(flow: FlowRecord, how: Failure, time: Micros): void {
      const what = whatOf(flow);
      // Whoever looked the address up knows whom to find there.
      if (what === undefined || flow.resp.names.length > 0) return;
      if (isFormerHolder(flow.resp, flow.network)) return;
      const scanner = scannerOf(flow);
      const key = scannerKey(scanner, flow.network);
      const isOutside = flow.resp.scope === 'internet';
      if (isOutside) {
        const all = outside.ensure(key, () => new DistinctTargets());
        all.note(`${flow.resp.ip} ${what}`, time);
      }
      const factor = flow.protocol === 'udp' && how === 'unanswered' ? SILENT_UDP_FACTOR : 1;
      count({
        scanner,
        key,
        what,
        how,
        time,
        target: flow.resp,
        began: flow.start,
        network: flow.network,
        flows: [flow],
        answered: attempts.answeredBeside(flow),
        windowSecs: FAST_SECS,
        fast: Math.min(options.fast_hosts * factor, MAX_COUNTED),
        slow: Math.min(options.slow_hosts * factor, MAX_COUNTED),
        isOutside,
      });
    }

    function onNeighborRequest(request: NeighborRequest): void {
      const { sender, target, network, time, isAssigned, protocol } = request;
      if (isAssigned === true) {
        holders.ensure(holderKey(target, network), () => true);
        return;
      }
      if (isFormerHolder(target, network) || target.scope === 'multicast') return;
      const factor = isAssigned === undefined ? UNKNOWN_FACTOR : 1;
      const key = `neighbors ${scannerKey(sender, network)}`;
      count({
        scanner: sender,
        key,
        what: protocol,
        how: isAssigned === undefined ? 'unanswered' : 'vacant',
        time,
        target,
        began: time,
        network,
        flows: [],
        answered: 0,
        windowSecs: NEIGHBOR_SECS,
        fast: options.neighbors * factor,
        // Of a LAN nobody knows who answers: a router asks for all of them within a day.
        slow: isAssigned === undefined ? Number.POSITIVE_INFINITY : options.slow_hosts,
        isOutside: false,
      });
    }

    function count(failed: Failed): void {
      const { key, what, time, target, answered, fast, slow, windowSecs } = failed;
      const hosts = pairs.ensure(`${key} ${what}`, () => new DistinctTargets());
      if (!hosts.note(target.ip, time)) return;
      const tally = tallyFor(key, failed.began);
      tally.add(target, what, failed.how, time);
      const within = hosts.countSince(time - windowSecs * MICROS_PER_SECOND);
      const withinDay = hosts.countSince(time - SLOW_SECS * MICROS_PER_SECOND);
      const isFast = within >= fast && isScanByOdds(within, answered);
      const isSlow = withinDay >= slow && isScanByOdds(withinDay, answered);
      if (
        (isFast || isSlow) &&
        !isOfSwarm(failed, isFast ? windowSecs : SLOW_SECS, isFast ? within : withinDay)
      ) {
        tally.kind = what === 'arp' || what === 'ndp' ? 'neighbors-asked' : 'swept';
        tally.crossed = {
          what,
          hostsWithinWindow: within,
          windowSecs,
          fastThreshold: fast,
          hostsWithinDay: withinDay,
          slowThreshold: Number.isFinite(slow) ? slow : options.slow_hosts,
          answeredHosts: answered,
          odds: oddsOf(withinDay, answered),
          oddsThreshold: ODDS_FOR_SCANNER,
        };
      } else if (tally.kind === undefined || !ctx.isOpen(key)) return;
      tell(failed, tally, !isFast);
    }

    /** Peers are found at ports of their own; a sweep asks all for the same. */
    function isOfSwarm({ key, time, isOutside }: Failed, secs: number, here: number): boolean {
      if (!isOutside) return false;
      const all = outside.get(key)?.countSince(time - secs * MICROS_PER_SECOND) ?? here;
      return here < all * SHARE_OF_ONE_PORT;
    }

    function tell({ scanner, key, time, network, flows }: Failed, tally: ScanTally, isSlow: boolean): void {
      const isOutsider = scanner.scope === 'internet';
      const message: Kind = isOutsider ? 'from-outside' : (tally.kind as Kind);
      ctx.report({
        message,
        time,
        since: tally.first,
        key,
        subject: scanner,
        peers: tally.peers,
        ...(network === undefined ? {} : { network: network.name }),
        flows,
        severity: severityOfSweep(scanner, tally),
        confidence: confidenceOf(scanner, isSlow),
        evidence: {
          kind: message,
          what: '',
          ...tally.evidence(options.sample_size),
        },
      });
    }

    /** Docker's list is of now: a proxy still asks for the container that it replaced. */
    function isFormerHolder(target: Endpoint, network: Network | undefined): boolean {
      return isVacant(target) && holders.get(holderKey(target, network)) !== undefined;
    }

    const attempts = new Attempts({
      grouping: 'hosts-on-port',
      onFailure,
      lost: (what, count) => ctx.lost(what, count),
    });

    return {
      ...attempts.handlers,
      onNeighborRequest,
      onClockSet(step) {
        attempts.handlers.onClockSet(step);
        for (const map of [pairs, outside]) for (const [, targets] of map.entries()) targets.clockSet(step);
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
      },
    };
  },
});

/** One host that failed, and what to hold it against. */
interface Failed {
  readonly scanner: Endpoint;
  readonly key: string;
  readonly what: string;
  readonly how: Failure;
  readonly time: Micros;
  readonly target: Endpoint;
  readonly began: Micros;
  readonly network: Network | undefined;
  readonly flows: readonly FlowRecord[];
  readonly answered: number;
  readonly windowSecs: number;
  readonly fast: number;
  readonly slow: number;
  readonly isOutside: boolean;
}

/** The gateway asks in the name of whom it forwards for, and a LAN has its own curious devices. */
function severityOfSweep(scanner: Endpoint, tally: ScanTally): Severity {
  const severity = severityOf(scanner);
  if (tally.kind !== 'neighbors-asked' || severity === 'high') return severity;
  return 'low';
}

function whatOf({ protocol, resp }: FlowRecord): string | undefined {
  if (protocol === 'icmp' || protocol === 'icmp6') return 'icmp echo';
  return resp.port === undefined ? undefined : `${resp.port}/${protocol}`;
}

function holderKey({ ip }: Endpoint, network: Network | undefined): string {
  return `${network?.id ?? ''} ${ip}`;
}
