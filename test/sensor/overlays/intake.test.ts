import { describe, expect, it } from 'vitest';
import type { OverlayTraffic } from '../../../src/model/overlay.ts';
import { networksByVni } from '../../../src/sensor/overlays/intake.ts';
import type { Tap } from '../../../src/sensor/taps/tap.ts';
import { LINKTYPE, vxlan } from '../../support/packet-builder.ts';
import { network } from '../../support/records.ts';
import { at, datagram, IP, listener, segment, startPipeline } from '../pipeline-run.ts';

const VNIS = 'com.docker.network.driver.overlay.vxlanid_list';
const mesh = network({ id: 'mesh', name: 'mesh', driver: 'overlay', options: { [VNIS]: '4097,4098' } });
const HOSTS = { src: '198.51.100.2', dst: '198.51.100.3', sport: 50_000, dport: 4789 };

const inner = segment({ src: IP.db, dst: IP.api, sport: 40_000, dport: 5432, flags: 'S' });
const carried = (vni: number, ends: Partial<typeof HOSTS> = {}, frame = inner) =>
  datagram({ ...HOSTS, ...ends }, vxlan({ vni }, frame));

function onUplink() {
  const told: OverlayTraffic[] = [];
  const run = startPipeline({ analyzers: [listener('none', { onOverlay: (each) => told.push(each) })] });
  run.pipeline.setNetworks([mesh]);
  const attach = (fields: Partial<Tap>): Tap =>
    run.pipeline.attach({ interface: 'eth0', linkType: LINKTYPE.ETHERNET, vantage: 'bridge', ...fields });
  return { ...run, told, uplink: attach({ isUplink: true }), attach };
}

describe('overlay traffic', () => {
  it('is told when first seen, with its network, hosts and ends', () => {
    const { told, feed, uplink } = onUplink();

    feed(uplink, [at(0, carried(4098))]);

    expect(told).toMatchObject([
      {
        interface: 'eth0',
        vni: 4098,
        network: { name: 'mesh' },
        sender: { ip: '198.51.100.2' },
        receiver: { ip: '198.51.100.3' },
        inner: { from: { ip: IP.db }, to: { ip: IP.api } },
        frames: 1,
      },
    ]);
  });

  it('is told once a minute while it goes on, each pair of hosts and identifier by itself', () => {
    const { told, feed, uplink } = onUplink();
    const back = { src: HOSTS.dst, dst: HOSTS.src };

    feed(uplink, [
      at(0, carried(4097)),
      at(1, carried(4097)),
      at(2, carried(4097, back)),
      at(3, carried(9)),
      at(59.9, carried(4097)),
      at(60, carried(4097)),
    ]);

    expect(told.map(({ vni, sender, frames }) => [vni, sender.ip, frames])).toEqual([
      [4097, HOSTS.src, 1],
      [4097, HOSTS.dst, 1],
      [9, HOSTS.src, 1],
      [4097, HOSTS.src, 3],
    ]);
    expect(told[2]).not.toHaveProperty('network');
  });

  it('of an uplink makes no flows and no traffic: the overlay’s own tap does', () => {
    const { pipeline, records, feed, uplink } = onUplink();

    feed(uplink, [
      at(0, carried(4097)),
      at(1, segment({ src: IP.web, dst: IP.outside, sport: 1, dport: 2, flags: 'S' })),
    ]);
    pipeline.finish();

    expect(pipeline.flowsSeen).toBe(0);
    expect(records).toEqual([]);
  });

  it('in a file is told, and its flows are seen as well', () => {
    const { told, feed, attach, pipeline } = onUplink();

    feed(attach({ vantage: 'file' }), [at(0, carried(4097))]);

    expect(told).toHaveLength(1);
    expect(pipeline.flowsSeen).toBe(2);
  });

  it('of a container on a bridge is its own affair', () => {
    const { told, feed, tap } = onUplink();

    feed(tap('front'), [at(0, carried(4097))]);

    expect(told).toEqual([]);
  });

  it('without IP inside has no ends', () => {
    const { told, feed, uplink } = onUplink();
    const arp = new Uint8Array(42);
    arp.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xcc]);

    feed(uplink, [at(0, carried(4097, {}, arp))]);

    expect(told).toHaveLength(1);
    expect(told[0]).not.toHaveProperty('inner');
  });

  it('of more pairs than there is room for is counted', () => {
    const { told, feed, uplink, pipeline, of } = onUplink();

    feed(
      uplink,
      Array.from({ length: 1030 }, (_, i) => at(i / 1000, carried(i))),
    );
    pipeline.finish();

    expect(told).toHaveLength(1024);
    expect(of('loss')).toMatchObject([{ source: 'overlays', count: 6 }]);
  });

  it('is told anew when the clock is set', () => {
    const { told, feed, uplink } = onUplink();

    feed(uplink, [at(100, carried(4097)), at(10, carried(4097)), at(11, carried(4097))]);

    expect(told).toHaveLength(2);
  });
});

describe('networks by identifier', () => {
  it('leaves out what two claim, what is no overlay, and what is no number', () => {
    const overlay = (id: string, vnis: string) =>
      network({ id, name: id, driver: 'overlay', options: { [VNIS]: vnis } });
    const byVni = networksByVni([
      overlay('a', '1,2'),
      overlay('b', '2,x,-3,1e3'),
      network({ driver: 'bridge', options: { [VNIS]: '7' } }),
      network({ driver: 'overlay' }),
    ]);

    expect(byVni.get(1)?.name).toBe('a');
    expect(byVni.get(2)).toBeUndefined();
    expect([...byVni.keys()]).toEqual([1, 2]);
  });
});
