/** dns-tunnel where one client asks a zone through several resolvers: each byte is judged by the way that it went. */
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { ALNUM, random } from '../support/dns-traffic/random.ts';
import { address, askEvent, secs } from '../support/records.ts';

const ZONE = 'updates-cdn.net';
const configured = address('172.30.0.2', 'lan', { port: 53 });
const engine = address('127.0.0.11', 'engine', { port: 53 });
const outside = address('198.51.100.53', 'internet', { port: 53 });
const other = address('198.51.100.54', 'internet', { port: 53 });

interface Stream {
  readonly count: number;
  readonly server: ReturnType<typeof address>;
  readonly zone?: string;
  readonly startSecs?: number;
  readonly seed?: number;
  readonly qtype?: string;
}

/** Names of 20 bytes, twice a second and not by the clock. */
function names({
  count,
  server,
  zone = ZONE,
  startSecs = 0,
  seed = 1,
  qtype = 'A',
}: Stream): AnalyzerEvent[] {
  const from = random(seed);
  return Array.from({ length: count }, (_, i) =>
    askEvent({
      labels: [from.text(ALNUM, 20), ...zone.split('.')],
      time: secs(startSecs + i / 2 + (i % 2) / 5),
      server,
      qtype,
    }),
  );
}

const tick = (at: number): AnalyzerEvent => ({ on: 'tick', now: secs(at) });
const resolvers = [configured.ip];

describe('dns-tunnel and several resolvers', () => {
  it('keeps the threshold and the resolver of a finding when the zone is asked for elsewhere afterwards', () => {
    const tunnel = names({ count: 40, server: outside, qtype: 'TXT' });
    const benign = names({ count: 1, server: engine, startSecs: 30, seed: 2 });

    const { final } = runAnalyzer(dnsTunnel, [...tunnel, tick(25), ...benign, tick(31)], { resolvers });

    expect(final).toMatchObject([
      { severity: 'high', evidence: { resolver: outside.ip, thresholdBytes: 125, queries: 41 } },
    ]);
    expect(final[0]!.peers.map(({ ip }) => ip)).toEqual([outside.ip]);
    expect(final[0]!.evidence['resolvers']).toBeUndefined();
  });

  it('never raises the threshold of an open finding, whatever comes to speak for the zone', () => {
    const tunnel = names({ count: 30, server: configured });
    const verdicts = names({ count: 400, server: configured, startSecs: 30, seed: 3, qtype: 'A' }).map(
      (event) => {
        if (event.on !== 'dns-query') return event;
        const labels = [Uint8Array.from(Buffer.from('_dmarc')), ...event.query.labels];
        return { on: event.on, query: { ...event.query, labels } };
      },
    );

    const { findings } = runAnalyzer(dnsTunnel, [...tunnel, tick(29), ...verdicts, tick(300)]);

    expect(findings.length).toBeGreaterThan(2);
    for (const { evidence } of findings) expect(evidence['factor']).toBeLessThanOrEqual(1);
  });

  it('counts what went to a known service by another way than a shared resolver, however much went by one', () => {
    const zone = 'sophosxl.net';
    const shared = names({ count: 400, server: configured, zone });
    const own = (count: number) => names({ count, server: outside, zone, startSecs: 220, seed: 2 });

    const below = runAnalyzer(dnsTunnel, [...shared, ...own(18), tick(300)]);
    const above = runAnalyzer(dnsTunnel, [...shared, ...own(35), tick(300)]);

    expect(below.findings).toEqual([]);
    expect(above.final).toMatchObject([{ message: 'zone', evidence: { window: '10 min' } }]);
    expect(above.final[0]!.evidence['circumstances']).toEqual([
      expect.stringMatching(/^known service \(x1024, 9[0-5] % of the bytes\)$/),
    ]);
  });

  it('judges what went through a foreign resolver by that, and the rest by the configured one', () => {
    const half = (server: typeof outside, seed: number) => names({ count: 9, server, seed });
    // 180 bytes at half the threshold and 180 at the whole are 540 of 500; all at the whole are 360.
    const mixed = [...half(outside, 1), ...half(configured, 2)];

    expect(runAnalyzer(dnsTunnel, mixed, { resolvers }).final).toMatchObject([
      { evidence: { windowBytes: expect.closeTo(340, -2), resolver: outside.ip } },
    ]);
    expect(
      runAnalyzer(dnsTunnel, [...half(configured, 1), ...half(configured, 2)], { resolvers }).final,
    ).toEqual([]);
  });

  it('names all resolvers that carried a tenth of it or more, most first', () => {
    const { final } = runAnalyzer(dnsTunnel, [
      ...names({ count: 20, server: outside, seed: 1 }),
      ...names({ count: 40, server: other, seed: 2, startSecs: 11 }),
      ...names({ count: 3, server: configured, seed: 3, startSecs: 40 }),
      tick(60),
    ]);

    expect(final).toMatchObject([{ evidence: { resolver: other.ip, resolvers: [other.ip, outside.ip] } }]);
    expect(final[0]!.peers.map(({ ip }) => ip)).toEqual([other.ip, outside.ip]);
  });

  it('holds more resolvers than it tells apart to what a strange one is held to', () => {
    const zone = 'sophosxl.net';
    const servers = Array.from({ length: 12 }, (_, i) =>
      address(`198.51.100.${60 + i}`, 'internet', { port: 53 }),
    );
    const spread = servers.flatMap((server, i) =>
      names({ count: 4, server, zone, seed: i, startSecs: i * 2 }),
    );
    const through = names({ count: 300, server: configured, zone, startSecs: 30, seed: 99 });

    expect(
      runAnalyzer(dnsTunnel, [...through.slice(0, 5), ...spread, ...through, tick(300)]).final,
    ).toMatchObject([{ message: 'zone' }]);
  });
});

describe('dns-tunnel and a search list', () => {
  /** Each name bare first, then within the domain. */
  const expanded = (count: number, everySecs: number): AnalyzerEvent[] => {
    const from = random(5);
    return Array.from({ length: count }, (_, i) => {
      const label = from.text(ALNUM, 40);
      const time = (i + from.next()) * everySecs;
      return [
        askEvent({ labels: [label], time: secs(time), server: configured }),
        askEvent({ labels: [label, 'corp', 'example', 'net'], time: secs(time + 0.01), server: configured }),
      ];
    }).flat();
  };
  const told = (events: AnalyzerEvent[]) =>
    runAnalyzer(dnsTunnel, [...events, tick(1000)]).final.map(({ evidence }) => evidence['zone']);

  it('leaves the domain alone for names that were asked for without it', () => {
    expect(told(expanded(150, 3))).toEqual([]);
  });

  it('tells of the domain all the same when what is asked for in it is more than any list explains', () => {
    expect(told(expanded(500, 1))).toContain('example.net');
  });
});

describe('dns-tunnel and data spread over zones, slowly', () => {
  /** Names of 20 bytes to each of the zones in turn, `bytesPerSecond` in all, for a day. */
  const spread = (zones: number, bytesPerSecond: number): AnalyzerEvent[] => {
    const from = random(6);
    const everySecs = 20 / bytesPerSecond;
    return Array.from({ length: Math.floor(86_000 / everySecs) }, (_, i) =>
      askEvent({
        labels: [from.text(ALNUM, 20), `shop-${i % zones}`, 'com'],
        time: secs((i + from.next()) * everySecs),
        server: configured,
      }),
    );
  };

  it('finds 0.05 B/s over five zones within a day', () => {
    const { final } = runAnalyzer(dnsTunnel, [...spread(5, 0.055), tick(86_300)]);

    expect(new Set(final.map(({ id }) => id)).size).toBe(1);
    expect(final.at(-1)).toMatchObject({
      message: 'spread',
      severity: 'medium',
      evidence: { window: '24 h' },
    });
  });

  it('leaves 0.04 B/s alone', () => {
    expect(runAnalyzer(dnsTunnel, [...spread(5, 0.04), tick(86_300)]).final).toEqual([]);
  });
});
