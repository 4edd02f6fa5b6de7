/** Detectors' own findings, out of the pipeline: what is put aside for them begins where the matter began. */
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../../analyzers/dns-tunnel.ts';
import hostSweep from '../../../analyzers/host-sweep.ts';
import portScan from '../../../analyzers/port-scan.ts';
import type { MemoryFrame } from '../../../capture/memory.ts';
import type { AnalyzerDefinition } from '../../../src/sensor/analysis/analyzer.ts';
import { scratchFolder } from '../../support/frames.ts';
import { dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { at, connection, datagram, IP, segment, startPipeline } from '../pipeline-run.ts';
import { framesIn, startCollector } from './collector-run.ts';

const write = scratchFolder();
const NAMESERVER = '198.51.100.53';

/** As the agent does: into the ring, through the pipeline, and findings to the collector. Time passes by the packets. */
async function putAside(analyzer: AnalyzerDefinition, steps: readonly MemoryFrame[][]) {
  const pipeline = startPipeline({ analyzers: [analyzer] });
  const evidence = startCollector({ min_severity: 'low' });
  const tap = pipeline.tap('front');
  let told = 0;
  const began = steps[0]![0]!.time;
  const startSecs = evidence.nowSecs;
  for (const frames of steps) {
    evidence.nowSecs = startSecs + (frames[0]!.time - began) / 1e6;
    evidence.see(frames, 'front');
    pipeline.feed(tap, frames);
    const findings = pipeline.of('finding');
    for (const finding of findings.slice(told)) evidence.collector.onFinding(finding);
    told = findings.length;
    if (told > 0) break;
  }
  await evidence.settle();
  await evidence.collector.stop();
  const [begin] = evidence.begun();
  const frames = begin === undefined ? [] : await framesIn(write('some.pcapng', evidence.bytesOf(begin.id)));
  return {
    finding: pipeline.of('finding')[0],
    frames,
    times: frames.map(({ sec, nsec }) => sec * 1e6 + nsec / 1000),
  };
}

/** What the container does all the time, and which is no part of it. */
const busy = (from: number, sport: number) =>
  connection(from, { src: IP.web, dst: IP.outside, sport, dport: 443 });

describe('what is put aside for a detector', () => {
  it('of a slow DNS tunnel has its first question, and nothing else that the container does', async () => {
    const steps = Array.from({ length: 12 }, (_, i) => {
      // Eight of them are enough: they take most of the window.
      const time = i * 12;
      const label = (k: number) =>
        Math.imul(i * 7 + k + 1, 0x9e3779b1)
          .toString(36)
          .replace('-', 'z')
          .padStart(7, 'q');
      const name = `${[0, 1, 2, 3, 4].map(label).join('')}.t.updates-cdn.net`;
      const asked = { src: IP.web, dst: NAMESERVER, sport: 30_000 + i, dport: 53 };
      const answered = { src: NAMESERVER, dst: IP.web, sport: 53, dport: 30_000 + i };
      return [
        at(time, datagram(asked, dnsQuery({ id: i, name, type: 16 }))),
        at(time + 0.02, datagram(answered, dnsResponse({ id: i, name, type: 16, rcode: 3 }))),
        ...busy(time + 0.1, 40_000 + i),
      ];
    });

    const { finding, frames, times } = await putAside(dnsTunnel, steps);

    expect(finding).toMatchObject({ analyzer: 'dns-tunnel', status: 'open' });
    expect(times[0]).toBe(steps[0]![0]!.time);
    expect(frames.every(({ data }) => data.includes('updates-cdn'))).toBe(true);
    expect(frames.length).toBeGreaterThan(12);
  });

  it('of a scan of ports has its first probe', async () => {
    const steps = Array.from({ length: 60 }, (_, i) => {
      const [src, dst] = [IP.web, IP.apiFront];
      return [
        at(i, segment({ src, dst, sport: 40_000, dport: 1 + i, flags: 'S' })),
        at(i + 0.001, segment({ src: dst, dst: src, sport: 1 + i, dport: 40_000, flags: 'RA' })),
        ...busy(i + 0.1, 42_000 + i),
      ];
    });

    const { finding, frames, times } = await putAside(portScan, steps);

    expect(finding).toMatchObject({ analyzer: 'port-scan', status: 'open' });
    expect(times[0]).toBe(steps[0]![0]!.time);
    expect(frames.length % 2).toBe(0);
  });

  it('of a sweep has the probes to hosts that its finding does not name', async () => {
    const steps = Array.from({ length: 100 }, (_, i) => {
      const [src, dst] = [IP.web, `172.30.10.${20 + i}`];
      return [
        at(i / 2, segment({ src, dst, sport: 40_000, dport: 445, flags: 'S' })),
        ...busy(i / 2 + 0.1, 42_000 + i),
      ];
    });

    const { finding, frames, times } = await putAside(hostSweep, steps);

    expect(finding).toMatchObject({ analyzer: 'host-sweep', status: 'open' });
    expect(times[0]).toBe(steps[0]![0]!.time);
    const tried = new Set(frames.map(({ data }) => data.subarray(30, 34).join('.')));
    expect(tried.size).toBeGreaterThan(finding!.peers.length);
  });
});
