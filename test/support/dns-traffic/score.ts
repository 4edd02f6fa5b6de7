/** Runs a case against dns-tunnel and says how soon it was found and what had left by then. */
import dnsTunnel from '../../../analyzers/dns-tunnel.ts';
import { type Finding, SEVERITIES, type Severity } from '../../../src/model/finding.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../../src/sensor/analysis/tester.ts';
import { T0 } from '../records.ts';
import {
  type Asker,
  atEmbeddedResolver,
  by,
  type Happening,
  neighbour,
  onBridge,
  steps,
  together,
} from './exchange.ts';
import { ordinary } from './ordinary.ts';
import { random } from './random.ts';
import type { TunnelCase } from './tunnel-cases.ts';

export interface Score {
  readonly name: string;
  readonly vantage: Asker['vantage'];
  /** Severity at which it was first found; undefined when it was missed. */
  readonly found: Severity | undefined;
  /** What the finding says. */
  readonly explanation: string;
  /** At that moment: questions and packets of the tunnel, bytes of its distinct names, of data out and in, seconds. */
  readonly queries: number;
  readonly nameBytes: number;
  readonly up: number;
  readonly down: number;
  readonly seconds: number;
  /** Accusations of others. */
  readonly wronged: readonly string[];
}

const NAME = 'suspect';

export const isAtLeast = (severity: Severity, least: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);

export function scoreOf(tunnel: TunnelCase, vantage: Asker['vantage'], seed: number): Score {
  const asker = vantage === 'bridge' ? onBridge(NAME, '172.30.0.10') : atEmbeddedResolver(NAME);
  const least = tunnel.mayBeLow === true ? 'low' : 'medium';
  const everySecs = Math.max(3, tunnel.spanSecs / 600);
  const stream = together(
    tunnelOnly(tunnel.stream(random(seed))),
    ordinary(random(seed + 1), tunnel.spanSecs, everySecs),
    by(neighbour(1), ordinary(random(seed + 2), tunnel.spanSecs, everySecs)),
    by(neighbour(2), ordinary(random(seed + 3), tunnel.spanSecs, everySecs)),
  );
  const names = new Set<string>();
  const wronged: string[] = [];
  const so = { queries: 0, up: 0, down: 0, nameBytes: 0, first: -1, last: 0 };
  let found: Finding | undefined;

  function* watched(): Generator<AnalyzerEvent> {
    for (const { event, asked, down } of steps(stream, asker)) {
      if (asked !== undefined && isTunnel(asked)) {
        if (asked.kind === 'exchange' || asked.fromClient) so.queries += 1;
        so.up += asked.up ?? 0;
        if (so.first < 0) so.first = asked.at;
        if (asked.kind === 'exchange') so.nameBytes += newBytes(names, asked.labels, tunnel.zoneLabels ?? 2);
      }
      so.last = timeOf(event) ?? so.last;
      so.down += down;
      yield event;
      if (found !== undefined) return;
    }
  }

  let at: typeof so | undefined;
  const { failures } = runAnalyzer(dnsTunnel, watched(), {}, (finding) => {
    const { containerId } = finding.subject.workload ?? {};
    if (containerId !== `cid-${NAME}`) wronged.push(finding.explanation);
    else if (found === undefined && isAtLeast(finding.severity, least)) {
      found = finding;
      at = { ...so };
    }
  });
  if (failures.length > 0) throw failures[0]!.error;
  const seen = at ?? so;
  return {
    name: tunnel.name,
    vantage,
    found: found?.severity,
    explanation: found?.explanation ?? '',
    queries: seen.queries,
    nameBytes: seen.nameBytes,
    up: Math.round(seen.up),
    down: Math.round(seen.down),
    seconds: Number(Math.max(0, seen.last - seen.first).toPrecision(3)),
    wronged,
  };
}

/** Both vantage points, each with other random choices; a channel that passes every resolver is at the bridge only. */
export function scoresOf(tunnels: readonly TunnelCase[]): Score[] {
  return tunnels.flatMap((tunnel, i) => [
    scoreOf(tunnel, 'bridge', 1000 + i),
    scoreOf(tunnel, tunnel.direct === true ? 'bridge' : 'container', 2000 + i),
  ]);
}

export function tableOf(scores: readonly Score[]): string {
  const rows = scores.map((score) => {
    const { name, vantage, found, queries, nameBytes, up, down, seconds } = score;
    const cells = [found ?? 'MISSED', queries, nameBytes, up, down, seconds].map((cell) =>
      `${cell}`.padStart(8),
    );
    return `${name.padEnd(48)} ${vantage.padEnd(9)} ${cells.join(' ')}`;
  });
  const head = `${''.padEnd(48)} ${'seen at'.padEnd(9)} ${['found', 'queries', 'name B', 'out B', 'in B', 's']
    .map((cell) => cell.padStart(8))
    .join(' ')}`;
  return [head, ...rows].join('\n');
}

/** Marks what belongs to the tunnel: ordinary traffic around it carries nothing of anybody's. */
function* tunnelOnly(stream: Iterable<Happening>): Generator<Happening> {
  for (const happening of stream) yield { ...happening, up: happening.up ?? 0 };
}

function isTunnel(happening: Happening): boolean {
  return happening.up !== undefined;
}

/** Bytes of names not asked before, without the labels that the attacker bought. */
function newBytes(names: Set<string>, labels: readonly string[], zoneLabels: number): number {
  const own = labels.slice(0, labels.length - zoneLabels).join('.');
  if (names.has(own)) return 0;
  names.add(own);
  return own.length;
}

function timeOf(event: AnalyzerEvent): number | undefined {
  const time =
    event.on === 'dns-query'
      ? event.query.time
      : event.on === 'not-dns'
        ? event.event.time
        : event.on === 'flow-start'
          ? event.flow.start
          : undefined;
  return time === undefined ? undefined : (time - T0) / 1_000_000;
}
