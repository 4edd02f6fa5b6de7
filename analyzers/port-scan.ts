/**
 * Somebody tries the ports of a host: many that refuse or stay silent (vertical), some of each of many hosts (mixed), or
 * segments that only a scanner sends. It must never accuse whoever insists on one service that is down, who answers
 * somebody else (backscatter), nor a path trace.
 */
import { z } from 'zod';
import type { Endpoint } from '../src/model/endpoint.ts';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import { MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { Attempts, type Failure } from './lib/scan/attempts.ts';
import { DistinctTargets } from './lib/scan/distinct-targets.ts';
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
/** A mixed scan: so many pairs of host and port, on hosts of which each was tried at so many ports. */
const MIXED_PAIRS = 25;
const MIXED_HOSTS = 3;
const MIXED_PORTS_EACH = 3;
/** From so many on it is no stray segment of some broken program. */
const MANY_PROBES = 3;
/** traceroute(8) and its kin: UDP to ports where nobody is to be. */
const TRACE_PORTS = { from: 33_434, to: 33_534 } as const;
/** ip_local_port_range begins here: a datagram to such a port outside goes to a peer, not to a service. */
const EPHEMERAL_FROM = 32_768;

const config = z.strictObject({
  fast_ports: z
    .number()
    .int()
    .min(4)
    .max(60)
    .default(10)
    .describe('Different ports of one host that fail within 60 seconds, from which on it is a scan.'),
  slow_ports: z.number().int().min(4).max(60).default(20).describe('The same within a day.'),
  sample_size: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(16)
    .describe('Hosts and ports named in one finding; the others are counted.'),
  max_scanners: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(500)
    .describe('Sources of failed attempts remembered at once, 1 KB each, 10 KB for one that scans.'),
  max_pairs: z
    .number()
    .int()
    .min(64)
    .max(100_000)
    .default(1000)
    .describe(
      'Pairs of a source and a host remembered at once, 200 bytes each, up to 10 KB for one that is scanned.',
    ),
});

const evidence = z.object({
  kind: z.string().describe('Same as the message.'),
  hosts: z.array(z.string()).describe('The first `sample_size` that were tried.'),
  hostCount: z.number(),
  ports: z.array(z.string()).describe('The first `sample_size` that failed, on whichever host.'),
  portCount: z.number(),
  countsAreMinimum: z.boolean().optional().describe('Present when counting stopped.'),
  portsOnOneHost: z
    .number()
    .optional()
    .describe('Different ports that failed on the host at which it crossed.'),
  portsWithinMinute: z.number().optional().describe('Of these within 60 s, at most 64.'),
  fastThreshold: z.number().optional(),
  portsWithinDay: z.number().optional().describe('Of these within a day, at most 64.'),
  slowThreshold: z.number().optional(),
  answeredPorts: z.number().optional().describe('Different ports of that host that answered this source.'),
  odds: z.number().optional().describe('That it is a scanner, to one; told up to a million.'),
  oddsThreshold: z.number().optional(),
  refused: z.number().describe('Attempts that were reset, or answered with a closed window.'),
  unanswered: z.number().describe('Attempts to which nothing came back within 3 s.'),
  vacant: z.number().describe('Attempts at addresses of Docker networks that nobody held.'),
  probes: z.number().describe('Segments that only scanners send.'),
  probeKinds: z.array(z.string()).optional(),
  firstAttempt: z.string(),
  lastAttempt: z.string(),
});

type Kind = 'vertical' | 'mixed' | 'probes' | 'from-outside';

export default defineAnalyzer({
  id: 'port-scan',
  title: 'Ports of a host are scanned',
  attack: [
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
    vertical:
      '{subject} tried {portCount} ports of {hosts} that refuse or do not answer, {portsWithinMinute} of one host within a minute (a scan from {fastThreshold}, or {slowThreshold} within a day), first {ports}. See what runs in it (docker top), and keep it from the network until you know.',
    mixed:
      '{subject} tried {portCount} ports of {hostCount} hosts that refuse or do not answer, first {ports} of {hosts}. See what runs in it (docker top), and keep it from the network until you know.',
    probes:
      '{subject} sent segments that only scanners send ({probeKinds}, {probes} of them), first to {ports} of {hosts}. No program that talks to a service does that; see what runs there.',
    'from-outside':
      '{subject} scans from outside: {portCount} ports of {hosts} that refuse or do not answer, first {ports}. The internet does that all day; make sure that nothing is published that need not be (docker ps).',
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
      worth: (ports) => ports.count,
    });

    function tallyFor(key: string, time: Micros): ScanTally {
      const known = tallies.get(key);
      // What was counted before belongs to a finding that is over, or to another day.
      const isOver = known !== undefined && known.kind !== undefined && !ctx.isOpen(key);
      const isOld = known !== undefined && time - known.last > SLOW_SECS * MICROS_PER_SECOND;
      if (isOver || isOld) tallies.delete(key);
      return tallies.ensure(key, () => new ScanTally(time));
    }

    function onFailure(flow: FlowRecord, how: Failure, time: Micros): void {
      if (!isCounted(flow)) return;
      const scanner = scannerOf(flow);
      const key = scannerKey(scanner, flow.network);
      const port = portText(flow);
      const ports = pairs.ensure(`${key} ${flow.resp.ip}`, () => new DistinctTargets());
      if (!ports.note(port, time)) return;
      const tally = tallyFor(key, flow.start);
      tally.add(flow.resp, port, how, time);
      const withinMinute = ports.countSince(time - FAST_SECS * MICROS_PER_SECOND);
      const withinDay = ports.countSince(time - SLOW_SECS * MICROS_PER_SECOND);
      tally.noteDepth(flow.resp.ip, withinMinute, time);
      const answered = attempts.answeredBeside(flow);
      const isFast = withinMinute >= options.fast_ports && isScanByOdds(withinMinute, answered);
      const isSlow = withinDay >= options.slow_ports && isScanByOdds(withinDay, answered);
      const isMixed = tally.isDeep(
        MIXED_HOSTS,
        MIXED_PORTS_EACH,
        MIXED_PAIRS,
        time - FAST_SECS * MICROS_PER_SECOND,
      );
      if (isFast || isSlow || isMixed) {
        tally.crossed = {
          portsOnOneHost: ports.count,
          portsWithinMinute: withinMinute,
          fastThreshold: options.fast_ports,
          portsWithinDay: withinDay,
          slowThreshold: options.slow_ports,
          answeredPorts: answered,
          odds: oddsOf(withinDay, answered),
          oddsThreshold: ODDS_FOR_SCANNER,
        };
      } else if (!ctx.isOpen(key)) return;
      if (isFast || isSlow) tally.kind = 'vertical';
      else if (isMixed && tally.kind !== 'vertical') tally.kind = 'mixed';
      tell(scanner, key, tally, flow, time, !isFast && !isMixed);
    }

    function onProbe(flow: FlowRecord): void {
      const scanner = scannerOf(flow);
      const key = scannerKey(scanner, flow.network);
      const tally = tallyFor(key, flow.start);
      tally.noteProbe(flow, portText(flow), flow.end);
      tally.kind ??= 'probes';
      tell(scanner, key, tally, flow, flow.end, false);
    }

    function tell(
      scanner: Endpoint,
      key: string,
      tally: ScanTally,
      flow: FlowRecord,
      time: Micros,
      isSlow: boolean,
    ): void {
      const isProbesOnly = tally.kind === 'probes';
      const message: Kind =
        scanner.scope === 'internet' && !isProbesOnly ? 'from-outside' : (tally.kind as Kind);
      ctx.report({
        message,
        time,
        since: tally.first,
        key,
        subject: scanner,
        peers: tally.peers,
        ...(flow.network === undefined ? {} : { network: flow.network.name }),
        flows: [flow],
        severity: isProbesOnly ? severityOfProbes(scanner, tally) : severityOf(scanner),
        confidence: confidenceOf(scanner, isSlow),
        evidence: { kind: message, ...tally.evidence(options.sample_size) },
      });
    }

    const attempts = new Attempts({
      grouping: 'ports-of-host',
      onFailure,
      onProbe,
      lost: (what, count) => ctx.lost(what, count),
    });

    return {
      ...attempts.handlers,
      onClockSet(step) {
        attempts.handlers.onClockSet(step);
        for (const [, tally] of tallies.entries()) tally.clockSet(step);
        for (const [, ports] of pairs.entries()) ports.clockSet(step);
      },
    };
  },
});

/** A few of them may be a program's or a device's fault; more are a tool's intent. */
function severityOfProbes(scanner: Endpoint, tally: ScanTally): Severity {
  const severity = severityOf(scanner);
  return severity === 'high' && tally.probes < MANY_PROBES ? 'medium' : severity;
}

function isCounted({ protocol, resp }: FlowRecord): boolean {
  const { port } = resp;
  if (port === undefined) return false;
  if (protocol === 'tcp') return true;
  if (protocol !== 'udp' || (port >= TRACE_PORTS.from && port <= TRACE_PORTS.to)) return false;
  return resp.scope !== 'internet' || port < EPHEMERAL_FROM;
}

function portText({ protocol, resp }: FlowRecord): string {
  return `${resp.port}/${protocol}`;
}
