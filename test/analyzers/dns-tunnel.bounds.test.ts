/** What dns-tunnel keeps is bounded, and a flood of made-up zones must not make it forget a tunnel beside it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { base32Dress } from '../support/dns-traffic/dressed.ts';
import { dressed } from '../support/dns-traffic/evasions.ts';
import { type Asker, onBridge, steps } from '../support/dns-traffic/exchange.ts';
import { ALNUM, random } from '../support/dns-traffic/random.ts';
import { isAtLeast } from '../support/dns-traffic/score.ts';
import { question, secs } from '../support/records.ts';

const ZONES = 1_000_000;
const FLOOD_SECS = 60;
const flooder = onBridge('flooder', '172.30.0.66');
const other = onBridge('other', '172.30.0.77');

/** A tunnel that asks once in two seconds: between two of its names the flood has 33,000 zones. */
function tunnelOf(asker: Asker, zone: string, seed: number): AnalyzerEvent[] {
  const names = dressed(random(seed), { zone, count: 30, everySecs: 2 }, base32Dress(30));
  return [...steps(names, asker)].map(({ event }) => event).filter(({ on }) => on !== 'tick');
}

/** Every zone is asked for once. Records are made as cheaply as can be: there are a million. */
function* flood(beside: readonly AnalyzerEvent[]): Generator<AnalyzerEvent> {
  const from = random(7);
  const template = question({ labels: ['www', 'example', 'com'], client: flooder.client });
  const www = Uint8Array.from(Buffer.from('www'));
  const com = Uint8Array.from(Buffer.from('com'));
  const waiting = [...beside].sort((a, b) => timeOf(a) - timeOf(b));
  let next = 0;
  for (let i = 0; i < ZONES; i++) {
    const time = secs((i / ZONES) * FLOOD_SECS);
    while (next < waiting.length && timeOf(waiting[next]!) <= time) yield waiting[next++]!;
    const zone = `${from.text(ALNUM, 6)}${i.toString(36)}`;
    const labels = [www, Uint8Array.from(Buffer.from(zone)), com];
    const record = { ...template, time, query: `www.${zone}.com` };
    yield { on: 'dns-query', query: { time, record, labels, options: [] } };
  }
  yield { on: 'tick', now: secs(FLOOD_SECS + 10) };
}

function timeOf(event: AnalyzerEvent): number {
  if (event.on === 'dns-query') return event.query.time;
  return event.on === 'dns' ? event.record.time : 0;
}

describe('dns-tunnel under a flood', () => {
  it('finds the tunnel of the flooding container and that of another among a million zones in a minute', {
    timeout: 300_000,
  }, () => {
    const beside = [...tunnelOf(flooder, 'own-tunnel.net', 1), ...tunnelOf(other, 'other-tunnel.net', 2)];

    const { final, failures } = runAnalyzer(dnsTunnel, flood(beside));

    expect(failures).toEqual([]);
    const found = final
      .filter(({ severity }) => isAtLeast(severity, 'medium'))
      .map(({ subject, evidence }) => `${subject.workload?.name} ${evidence['zone']}`);
    expect(found).toContain('other other-tunnel.net');
    expect(found).toContain('flooder own-tunnel.net');
  });

  it('keeps 20,000 pairs of client and zone in 40 MB', { timeout: 300_000 }, () => {
    const bench = fileURLToPath(new URL('../bench/dns.ts', import.meta.url));
    const script = `const { keptBytes } = await import(${JSON.stringify(bench)}); console.log(keptBytes());`;
    const node = ['--expose-gc', '--import', 'tsx', '--input-type=module', '--eval', script];

    const bytes = Number(execFileSync(process.execPath, node, { encoding: 'utf8' }));

    expect(bytes / 1e6).toBeLessThanOrEqual(40);
    expect(bytes).toBeGreaterThan(1e6);
  });
});
