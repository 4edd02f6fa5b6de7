import { describe, expect, it, vi } from 'vitest';
import type { LiveOptions } from '../../../capture/source.ts';
import { UplinkTaps, type UplinkTapsOptions } from '../../../src/sensor/taps/uplink-taps.ts';
import { memoryLogger } from '../../station/support/harness.ts';
import { heldSource } from '../../support/held-source.ts';
import { network } from '../../support/records.ts';

const mesh = network({ name: 'mesh', driver: 'overlay' });
const front = network({ name: 'front' });

function setup(over: Partial<UplinkTapsOptions> = {}) {
  const opened: LiveOptions[] = [];
  const detached: string[] = [];
  const taps = new UplinkTaps({
    open: async (options) => {
      opened.push(options);
      return heldSource();
    },
    live: { snaplenBytes: 1000 },
    interfaces: [],
    swarmAddress: async () => '198.51.100.2',
    interfaceOf: (address) => (address === '198.51.100.2' ? 'eth0' : undefined),
    attach: ({ interfaces }) => ({
      onBatch: () => {},
      detach: () => void detached.push(interfaces[0]!.name),
    }),
    emit: () => {},
    log: memoryLogger().logger,
    ...over,
  });
  return { taps, opened, detached };
}

describe('taps on uplinks', () => {
  it('are open while the engine has an overlay network, and only for VXLAN', async () => {
    const { taps, opened, detached } = setup();

    taps.networksChanged([front]);
    expect(opened).toEqual([]);
    taps.networksChanged([front, mesh]);
    taps.networksChanged([front, mesh]);
    await vi.waitFor(() => expect(opened).toHaveLength(1));
    expect(opened[0]).toMatchObject({ interface: 'eth0', filter: 'udp dst port 4789', promiscuous: false });
    expect(opened[0]).not.toHaveProperty('netns');
    taps.networksChanged([front]);
    await vi.waitFor(() => expect(detached).toHaveLength(1));

    await taps.stop();
    taps.networksChanged([mesh]);
    expect(opened).toHaveLength(1);
  });

  it('are those that the configuration names', async () => {
    const { taps, opened } = setup({ interfaces: ['wg0', 'bond0'] });

    taps.networksChanged([mesh]);
    await vi.waitFor(() => expect(opened.map((options) => options.interface)).toEqual(['wg0', 'bond0']));

    await taps.stop();
  });

  it('say what is missing where nobody here has the address of the Swarm', async () => {
    const { taps } = setup({ interfaceOf: () => undefined });

    taps.networksChanged([mesh]);
    await vi.waitFor(() =>
      expect(taps.problems()).toEqual([
        expect.stringMatching(/198\.51\.100\.2; name the uplink in overlays/),
      ]),
    );

    await taps.stop();
    expect(taps.problems()).toEqual([]);
  });
});
