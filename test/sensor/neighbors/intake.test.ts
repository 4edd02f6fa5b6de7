/** Questions for neighbours, from frames, through a pipeline with a real inventory. */
import { describe, expect, it } from 'vitest';
import type { NeighborRequest } from '../../../src/model/neighbor.ts';
import {
  ip as address,
  arp,
  dockerMac,
  ETHERTYPE,
  ethernet,
  icmpv6,
  ipv6,
} from '../../support/packet-builder.ts';
import { at, IP, listener, type PipelineRun, startPipeline } from '../pipeline-run.ts';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';

function listening(): { readonly run: PipelineRun; readonly heard: NeighborRequest[] } {
  const heard: NeighborRequest[] = [];
  const run = startPipeline({
    analyzers: [listener('none', { onNeighborRequest: (request) => void heard.push(request) })],
  });
  return { run, heard };
}

function question(fields: { from: string; for: string; mac?: string; op?: number }): Uint8Array {
  const senderMac = fields.mac ?? dockerMac(fields.from);
  const body = arp({ op: fields.op ?? 1, senderMac, senderIp: fields.from, targetIp: fields.for });
  return ethernet({ src: senderMac, dst: BROADCAST, type: ETHERTYPE.ARP }, body);
}

function solicitation(fields: { from: string; for: string; type?: number; hopLimit?: number }): Uint8Array {
  const message = icmpv6({ type: fields.type ?? 135 }, address(fields.for));
  const packet = ipv6({ src: fields.from, dst: 'ff02::1:ff00:9', hopLimit: fields.hopLimit ?? 255 }, message);
  return ethernet({ src: dockerMac(IP.db), dst: '33:33:ff:00:00:09' }, packet);
}

describe('questions for neighbours', () => {
  it('tell who asks whom, and that nobody holds the address', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [at(1, question({ from: IP.db, for: '172.30.20.99' }))]);

    expect(heard).toMatchObject([
      {
        protocol: 'arp',
        network: { name: 'data' },
        sender: { ip: IP.db, scope: 'container', workload: { composeService: 'db' } },
        target: { ip: '172.30.20.99', scope: 'unknown' },
        isAssigned: false,
      },
    ]);
  });

  it.each([
    ['a container', IP.api],
    ['the gateway', IP.dataGateway],
  ])('know that %s is there', (_, target) => {
    const { run, heard } = listening();

    run.feed(run.tap(), [at(1, question({ from: IP.db, for: target }))]);

    expect(heard).toMatchObject([{ isAssigned: true }]);
  });

  it('leave open whether anybody is there while the engine does not answer', () => {
    const { run, heard } = listening();
    run.state.engineLost(0);

    run.feed(run.tap(), [at(1, question({ from: IP.db, for: '172.30.20.99' }))]);

    expect(heard).toMatchObject([{ isAssigned: undefined }]);
  });

  it('are named by the MAC, whatever address they claim', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [
      at(1, question({ from: IP.api, for: '172.30.20.98', mac: '02:00:00:00:00:01' })),
      at(2, question({ from: '0.0.0.0', for: '172.30.20.99', mac: dockerMac(IP.db) })),
      at(3, question({ from: IP.api, for: '172.30.20.99', mac: dockerMac(IP.db) })),
    ]);

    expect(heard).toMatchObject([
      { sender: { attribution: { method: 'ip@time', confidence: 'likely' } } },
      { sender: { ip: '0.0.0.0', workload: { composeService: 'db' } } },
      { sender: { ip: IP.api, workload: { composeService: 'db' } } },
    ]);
  });

  it('of IPv6 are neighbour solicitations', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [at(1, solicitation({ from: 'fe80::2', for: 'fd00:30::9' }))]);

    expect(heard).toMatchObject([
      { protocol: 'ndp', target: { ip: 'fd00:30::9' }, sender: { workload: { composeService: 'db' } } },
    ]);
  });

  it('are no answers, no announcements, and nothing that came over a router', () => {
    const { run, heard } = listening();

    run.feed(run.tap(), [
      at(1, question({ from: IP.db, for: IP.api, op: 2 })),
      at(1, question({ from: IP.db, for: IP.db })),
      at(1, solicitation({ from: 'fe80::2', for: 'fd00:30::9', type: 136 })),
      at(1, solicitation({ from: 'fe80::2', for: 'fd00:30::9', hopLimit: 254 })),
    ]);

    expect(heard).toEqual([]);
  });

  it('are told once a second each, on each network, and again after it', () => {
    const { run, heard } = listening();
    const same = question({ from: IP.db, for: '172.30.20.99' });

    const tap = run.tap();
    run.feed(tap, [at(1, same), at(1.5, same), at(1.999, same), at(2, same)]);
    run.feed(run.tap('front'), [at(2, same)]);
    run.feed(tap, [at(2.1, question({ from: IP.api, for: '172.30.20.99' }))]);

    expect(heard.map(({ time }) => (time - heard[0]!.time) / 1e6)).toEqual([0, 1, 1, 1.1]);
  });

  it('are told again after the clock was set back', () => {
    const { run, heard } = listening();
    const same = question({ from: IP.db, for: '172.30.20.99' });

    run.feed(run.tap(), [at(100, same), at(50, same), at(50.1, same)]);

    expect(heard).toHaveLength(2);
  });

  it('beyond a thousand a second are counted, not told', () => {
    const { run, heard } = listening();
    const flood = Array.from({ length: 1500 }, (_, i) =>
      at(1 + i / 10_000, question({ from: IP.db, for: `10.1.${i >> 8}.${i & 255}` })),
    );

    run.feed(run.tap(), flood);
    run.pipeline.finish();

    const told = heard.length;
    expect(told).toBeLessThanOrEqual(1000);
    expect(told).toBeGreaterThan(900);
    expect(run.of('loss')).toMatchObject([{ source: 'neighbor-requests', count: 1500 - told }]);
  });

  it('cost nothing when nobody hears them', () => {
    const run = startPipeline();

    run.feed(
      run.tap(),
      Array.from({ length: 2000 }, (_, i) =>
        at(1, question({ from: IP.db, for: `10.1.${i >> 8}.${i & 255}` })),
      ),
    );
    run.pipeline.finish();

    expect(run.of('loss')).toEqual([]);
  });
});
