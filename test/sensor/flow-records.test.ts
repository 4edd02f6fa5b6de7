import { describe, expect, it } from 'vitest';
import type { Scope } from '../../src/model/endpoint.ts';
import type { Direction, FlowRecord } from '../../src/model/flow.ts';
import { FlowTable } from '../../src/sensor/flow/table.ts';
import { directionOf, FlowRecords } from '../../src/sensor/flow-records.ts';
import { createTap } from '../../src/sensor/taps/tap.ts';
import { containerFact, endpointFact, SECOND, T0 } from '../support/inventory-facts.ts';
import {
  dnsQuery,
  dockerMac,
  ethernet,
  icmp,
  ipv4,
  LINKTYPE,
  QTYPE,
  tcp,
  udp,
  udpFrame,
  vxlan,
} from '../support/packet-builder.ts';
import {
  at,
  connection,
  datagram,
  IP,
  inventory,
  type PipelineRun,
  segment,
  startPipeline,
} from './pipeline-run.ts';

describe('the direction of a flow', () => {
  const table: readonly (readonly [orig: Scope, resp: Scope, Direction])[] = [
    ['container', 'container', 'east-west'],
    ['container', 'multicast', 'east-west'],
    ['container', 'gateway', 'host'],
    ['container', 'host', 'host'],
    ['gateway', 'container', 'host'],
    ['host', 'container', 'host'],
    ['container', 'internet', 'egress'],
    ['container', 'lan', 'egress'],
    ['internet', 'container', 'ingress'],
    ['lan', 'container', 'ingress'],
    // No container has a part in these: whose direction would it be?
    ['host', 'internet', 'unknown'],
    ['internet', 'lan', 'unknown'],
    ['gateway', 'multicast', 'unknown'],
    ['lan', 'multicast', 'unknown'],
  ];

  it.each(table)('from %s to %s is %s', (orig, resp, direction) => {
    expect(directionOf(orig, resp)).toBe(direction);
  });

  it('is unknown whenever an end is', () => {
    for (const scope of [
      'container',
      'gateway',
      'host',
      'lan',
      'internet',
      'multicast',
      'unknown',
    ] as const) {
      expect(directionOf('unknown', scope)).toBe('unknown');
      expect(directionOf(scope, 'unknown')).toBe('unknown');
    }
  });
});

describe('a record', () => {
  const only = (run: PipelineRun): FlowRecord => {
    run.pipeline.finish();
    expect(run.of('flow')).toHaveLength(1);
    return run.of('flow')[0]!;
  };

  it('names the opener as originator also where its answer is seen first', () => {
    const run = startPipeline();
    run.feed(run.tap(), connection(1, { src: IP.api, dst: IP.db }).slice(1));

    expect(only(run)).toMatchObject({
      orig: { ip: IP.api, mac: '02:42:ac:1e:14:03', attribution: { method: 'mac+ip' } },
      resp: { ip: IP.db, mac: '02:42:ac:1e:14:02', attribution: { method: 'mac+ip' } },
      coverage: 'started-midstream',
    });
  });

  it('has a Community ID, a unique uid, and the code of an ICMP message', () => {
    const run = startPipeline();
    const echo = ethernet({}, ipv4({ src: IP.api, dst: IP.db }, icmp({ type: 8, id: 1, seq: 1 })));
    run.feed(run.tap(), [at(1, echo), ...connection(2, { src: IP.api, dst: IP.db })]);
    run.pipeline.finish();

    const [one, two] = run.of('flow') as [FlowRecord, FlowRecord];
    expect(one.uid).not.toBe(two.uid);
    for (const { communityId } of [one, two]) expect(communityId).toMatch(/^1:[A-Za-z0-9+/]{27}=$/);
    const ping = run.of('flow').find(({ protocol }) => protocol === 'icmp')!;
    expect(ping.icmp).toEqual({ type: 8, code: 0 });
    expect(ping.orig.port).toBeUndefined();
  });

  it('has no MACs on a link without them, and is then attributed by address', () => {
    const run = startPipeline();
    const packet = ipv4({ src: IP.api, dst: IP.db }, tcp({ sport: 4000, dport: 5432, flags: 'S' }));
    const tap = run.pipeline.attach({ interface: 'any', linkType: LINKTYPE.RAW, vantage: 'file' });
    run.feed(tap, [at(1, packet)]);

    const flow = only(run);
    expect(flow.orig.mac).toBeUndefined();
    expect(flow).toMatchObject({
      network: { name: 'data' },
      orig: { workload: { name: 'api' }, attribution: { method: 'ip@time' } },
    });
  });

  it('names an address as of its first packet, though another holds it when the flow ends', () => {
    const run = startPipeline();
    run.feed(run.tap(), [at(1, segment({ src: IP.api, dst: IP.db, sport: 1, dport: 2, flags: 'S' }))]);
    run.state.containerGone('db-id', T0 + 100 * SECOND);
    run.state.connected(
      endpointFact('heir', 'data', [IP.db], dockerMac(IP.db)),
      T0 + 200 * SECOND,
      containerFact('heir'),
    );

    expect(only(run)).toMatchObject({ start: T0 + SECOND, resp: { workload: { name: 'db' } } });
  });

  it('says of an address that nobody holds that it is unknown, and why', () => {
    const run = startPipeline();
    run.feed(run.tap(), [at(1, datagram({ src: IP.api, dst: '172.30.20.99', sport: 40_000, dport: 9 }))]);

    const flow = only(run);
    expect(flow.direction).toBe('unknown');
    expect(flow.resp.scope).toBe('unknown');
    expect(flow.resp.attribution.reason).toMatch(/\S/);
  });
});

describe('the network of a flow', () => {
  const fileTap = (run: PipelineRun) =>
    run.pipeline.attach({ interface: 'eth0', linkType: LINKTYPE.ETHERNET, vantage: 'file' });
  const flowOf = (run: PipelineRun): FlowRecord => {
    run.pipeline.finish();
    return run.of('flow').at(-1)!;
  };

  it('is the one of its tap, whatever the addresses say', () => {
    const run = startPipeline();
    run.feed(run.tap('front'), connection(1, { src: IP.api, dst: IP.db }));

    expect(flowOf(run).network?.name).toBe('front');
  });

  it.each([
    ['originator', IP.db, IP.outside],
    ['responder', IP.outside, IP.db],
  ])('is found by the subnet of the %s in a file whose interface is none of ours', (_, src, dst) => {
    const run = startPipeline();
    run.feed(fileTap(run), connection(1, { src, dst }));

    expect(flowOf(run)).toMatchObject({ network: { name: 'data' }, interface: 'eth0' });
  });

  it('is the one where it was opened, between two of ours', () => {
    const run = startPipeline();
    run.feed(fileTap(run), connection(1, { src: IP.web, dst: IP.db }));

    expect(flowOf(run).network?.name).toBe('front');
  });

  it('is absent where no subnet holds either address', () => {
    const run = startPipeline();
    run.feed(fileTap(run), connection(1, { src: '10.9.9.9', dst: IP.outside }));

    expect(flowOf(run).network).toBeUndefined();
  });

  it('is found anew when networks come', () => {
    const run = startPipeline();
    run.pipeline.setNetworks([]);
    const tap = fileTap(run);
    run.feed(tap, connection(1, { src: IP.db, dst: IP.outside }));
    run.pipeline.setNetworks(inventory().networks());

    expect(flowOf(run).network?.name).toBe('data');
  });

  it('of a flow inside a tunnel is told by its own addresses, not by the bridge that carries it', () => {
    const inner = udpFrame(
      { src: IP.db, dst: IP.outside, sport: 5000, dport: 53 },
      dnsQuery({ name: 'inner.test', type: QTYPE.TXT }),
    );
    const outer = ethernet(
      {},
      ipv4({ src: IP.web, dst: IP.apiFront }, udp({ sport: 5555, dport: 4789 }, vxlan({ vni: 42 }, inner))),
    );
    const run = startPipeline();
    run.feed(run.tap('front'), [at(1, outer)]);
    run.pipeline.finish();

    const networks = Object.fromEntries(run.of('flow').map(({ orig, network }) => [orig.ip, network?.name]));
    expect(networks).toEqual({ [IP.web]: 'front', [IP.db]: 'data' });
    expect(run.of('dns')).toMatchObject([{ query: 'inner.test', network: { name: 'data' } }]);
  });
});

describe('a tap that has ended', () => {
  it('is remembered until its last flow has ended, and no longer', () => {
    const table: FlowTable = new FlowTable({ onEnd: (slot) => records.end(slot) });
    const records = new FlowRecords(table, {
      names: {
        resolve: () => ({ scope: 'unknown', names: [], attribution: { method: 'none', confidence: 'none' } }),
      },
    });
    const frame = segment({ src: IP.api, dst: IP.db, sport: 1, dport: 2, flags: 'S' });
    const data = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const slots = Array.from({ length: 100 }, (_, index) => {
      const name = `br-${index}`;
      const tap = createTap({ index, interface: name, linkType: LINKTYPE.ETHERNET, vantage: 'bridge' });
      const view = tap.decoder.newView();
      tap.decoder.decode(data, 0, frame.length, frame.length, tap.linkType, view);
      records.addTap(tap);
      // Every other one never sees a packet.
      const slot = index % 2 === 0 ? table.observe(view, T0, index) : undefined;
      if (slot !== undefined) records.begin(slot, view, true);
      records.endTap(tap);
      return slot;
    });

    expect(records.taps).toBe(50);
    expect(records.record(slots[42]!, 'idle')).toMatchObject({ interface: 'br-42' });
    table.flush();
    expect(records.taps).toBe(0);
  });

  it('leaves its flows their network', () => {
    const run = startPipeline();
    const tap = run.tap('data');
    run.feed(tap, connection(1, { src: IP.api, dst: IP.db }));

    run.pipeline.detach(tap);
    run.feed(run.tap('front'), connection(2, { src: IP.web, dst: IP.apiFront }));
    run.pipeline.finish();

    const networks = run.of('flow').map(({ orig, network }) => [orig.ip, network?.name]);
    expect(Object.fromEntries(networks)).toEqual({ [IP.api]: 'data', [IP.web]: 'front' });
  });
});
