/** Claims to be a router, from frames, through a pipeline with a real inventory. */
import { describe, expect, it } from 'vitest';
import type { RouterClaim } from '../../../src/model/neighbor.ts';
import { dhcpMessage } from '../../support/dhcp-builder.ts';
import { prefixOption, routerAdvertisement } from '../../support/ndp-builder.ts';
import { dockerMac, frame, udp } from '../../support/packet-builder.ts';
import { at, IP, listener, type PipelineRun, startPipeline } from '../pipeline-run.ts';

const HOUR = 3600;

function listening(): { readonly run: PipelineRun; readonly heard: RouterClaim[] } {
  const heard: RouterClaim[] = [];
  const run = startPipeline({
    analyzers: [listener('none', { onRouterClaim: (claim) => void heard.push(claim) })],
  });
  return { run, heard };
}

function advertisement(ip = 'fe80::9', lifetimeSecs = 1800): Uint8Array {
  return routerAdvertisement({
    mac: dockerMac(IP.db),
    ip,
    lifetimeSecs,
    options: [prefixOption('2001:db8:66::7', 64)],
  });
}

function offer(router: string): Uint8Array {
  const payload = dhcpMessage({ type: 2, given: '172.30.20.77', mask: '255.255.255.0', routers: [router] });
  const ends = { src: IP.db, dst: '255.255.255.255', srcMac: dockerMac(IP.db) };
  return frame(ends, udp({ sport: 67, dport: 68 }, payload));
}

describe('claims to be a router', () => {
  it('are told with their container, by the MAC, whatever address they come from', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [at(1, advertisement('fe80::1')), at(2, offer(IP.db))]);

    expect(heard).toMatchObject([
      {
        protocol: 'router-advertisement',
        network: { name: 'data' },
        sender: {
          ip: 'fe80::1',
          mac: dockerMac(IP.db),
          scope: 'container',
          workload: { composeService: 'db' },
        },
        routers: ['fe80::1'],
        prefixes: ['2001:db8:66::/64'],
        lifetimeSecs: 1800,
        count: 1,
      },
      { protocol: 'dhcp', sender: { ip: IP.db }, routers: [IP.db], prefixes: ['172.30.20.0/24'] },
    ]);
    expect(heard[1]).not.toHaveProperty('lifetimeSecs');
  });

  it('are told once a minute while they go on, with their number', () => {
    const { run, heard } = listening();

    run.feed(
      run.tap(),
      Array.from({ length: 131 }, (_, i) => at(i, advertisement())),
    );

    expect(heard.map(({ count }) => count)).toEqual([1, 60, 60]);
    expect(heard.map(({ time }) => (time - heard[0]!.time) / 1e6)).toEqual([0, 60, 120]);
  });

  it('that say something else are told at once', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [
      at(1, offer(IP.db)),
      at(2, offer('172.30.20.66')),
      at(3, advertisement()),
      at(4, advertisement('fe80::9', 0)),
      // Counts down, and says the same.
      at(5, advertisement('fe80::9', 1799)),
    ]);

    expect(heard.map(({ routers, lifetimeSecs }) => [routers[0], lifetimeSecs])).toEqual([
      [IP.db, undefined],
      ['172.30.20.66', undefined],
      ['fe80::9', 1800],
      ['fe80::9', 0],
    ]);
  });

  it('of other messages there are none', () => {
    const { run, heard } = listening();
    const ask = dhcpMessage({ type: 1, op: 1 });

    run.feed(run.tap(), [
      at(1, frame({ src: '0.0.0.0', dst: '255.255.255.255' }, udp({ sport: 68, dport: 67 }, ask))),
      at(2, frame({ src: IP.db, dst: IP.api }, udp({ sport: 67, dport: 68 }, new Uint8Array(300)))),
    ]);

    expect(heard).toEqual([]);
  });

  it('of a flood are bounded, and what was left out is counted', () => {
    const { run, heard } = listening();
    const flood = Array.from({ length: 3000 }, (_, i) =>
      at(1 + i / 400, advertisement(`fe80::${(i + 1).toString(16)}`)),
    );

    run.feed(run.tap(), [...flood, at(70, advertisement('fe80::ffff'))]);
    run.pipeline.finish();

    expect(heard).toHaveLength(1025);
    const left = run.records.filter(({ kind }) => kind === 'loss');
    expect(left).toMatchObject([{ source: 'router-claims', count: 3000 - 1024 }]);
  });

  it('are told anew when the clock was set', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [at(HOUR, advertisement()), at(0, advertisement())]);

    expect(heard).toHaveLength(2);
  });
});
