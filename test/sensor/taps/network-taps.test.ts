import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CaptureError, type LiveOptions } from '../../../capture/source.ts';
import type { Network } from '../../../src/model/network.ts';
import type { CoverageRecord, LossRecord } from '../../../src/model/record.ts';
import { NetworkTaps, type NetworkTapsOptions } from '../../../src/sensor/taps/network-taps.ts';
import type { PlaceOrReason, TapPlace } from '../../../src/sensor/taps/tap-place.ts';
import { memoryLogger } from '../../station/support/harness.ts';
import { type HeldSource, heldSource } from '../../support/held-source.ts';
import { network } from '../../support/records.ts';

const WARN = 40;

function setup(over: Partial<NetworkTapsOptions> = {}) {
  const records: (CoverageRecord | LossRecord)[] = [];
  const opened: { readonly options: LiveOptions; readonly source: HeldSource }[] = [];
  const life: string[] = [];
  const log = memoryLogger();
  /** What the next attempts shall fail with, in order. */
  const refusals: Error[] = [];
  let attempts = 0;
  const manager = new NetworkTaps({
    open: async (options) => {
      attempts++;
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      const source = heldSource();
      opened.push({ options, source });
      return source;
    },
    live: { snaplenBytes: 1000, filter: 'ip' },
    include: [],
    exclude: [],
    attach: ({ name }) => {
      life.push(`attach ${name}`);
      return {
        onBatch: () => void life.push(`batch ${name}`),
        detach: () => void life.push(`detach ${name}`),
      };
    },
    emit: (record) => void records.push(record),
    log: log.logger,
    ...over,
  });
  return {
    manager,
    opened,
    life,
    refusals,
    records,
    log,
    attempts: () => attempts,
    coverage: () =>
      records.flatMap((record) =>
        record.kind === 'coverage' ? [`${record.network} ${record.state}: ${record.reason}`] : [],
      ),
    losses: () => records.filter((record): record is LossRecord => record.kind === 'loss'),
    warnings: () => log.lines.filter(({ level }) => level >= WARN),
  };
}

const noInterface = (name = 'br-test') =>
  new CaptureError('CAPTURE_NO_INTERFACE', `cannot open ${name}: no such interface`);
const back = network({ name: 'back', bridge: 'br-back' });
const without = (fields: Partial<Network>): Network => {
  const { bridge: _, ...rest } = network(fields);
  return rest;
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: 1_767_225_600_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a network', () => {
  it('is tapped at its bridge with the configured options, and said to be covered', async () => {
    const { manager, opened, coverage, records, life } = setup();

    manager.add(back);
    await turn();

    expect(opened[0]!.options).toEqual({ interface: 'br-back', snaplenBytes: 1000, filter: 'ip' });
    expect(coverage()).toEqual(['back covered: tapped with the native backend']);
    expect(records[0]).toMatchObject({ interface: 'br-back', time: 1_767_225_600_000_000 });
    expect(manager.covered()).toEqual(['back']);
    opened[0]!.source.deliver();
    expect(life).toEqual(['attach back', 'batch back']);
  });

  it('gets one tap however often it is added', async () => {
    const { manager, opened } = setup();

    manager.add(back);
    manager.add(back);
    await turn();
    manager.add(back);
    await turn();

    expect(opened).toHaveLength(1);
  });

  it('loses its tap when it is removed, with a record and without a warning', async () => {
    const { manager, opened, coverage, life, warnings } = setup();
    manager.add(back);
    await turn();

    manager.remove(back.id);
    await turn();

    expect(opened[0]!.source.isClosed).toBe(true);
    expect(life).toEqual(['attach back', 'detach back']);
    expect(coverage().at(-1)).toBe('back uncovered: the network was removed');
    expect(manager.covered()).toEqual([]);
    expect(warnings()).toEqual([]);
  });

  it('removed while its tap was being opened: that one is closed and never attached', async () => {
    const source = heldSource();
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { manager, life, coverage } = setup({ open: () => gate.then(() => source) });
    manager.add(back);

    manager.remove(back.id);
    release();
    await turn();

    expect(source.isClosed).toBe(true);
    expect(life).toEqual([]);
    expect(coverage()).toEqual(['back uncovered: the network was removed']);
  });

  it('removed while a retry was waiting: nothing is tried any more', async () => {
    const { manager, refusals, attempts } = setup();
    refusals.push(noInterface());
    manager.add(back);
    await turn();

    manager.remove(back.id);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(attempts()).toBe(1);
    expect(manager.problems()).toEqual([]);
  });

  it('under the same name again is another network: its tap is new', async () => {
    const { manager, opened } = setup();
    manager.add(back);
    await turn();
    manager.remove(back.id);

    manager.add({ ...back, id: 'another' });
    await turn();

    expect(opened.map(({ source }) => source.isClosed)).toEqual([true, false]);
  });
});

describe('a tap that cannot be opened', () => {
  it('is tried again after 0.1 s, then ever later, at last each 5 s', async () => {
    const { manager, refusals, attempts } = setup();
    refusals.push(...Array.from({ length: 20 }, () => noInterface()));
    manager.add(back);
    await turn();

    const triedAtMs: number[] = [];
    let before = attempts();
    for (let ms = 50; ms <= 25_000; ms += 50) {
      await vi.advanceTimersByTimeAsync(50);
      if (attempts() > before) triedAtMs.push(ms);
      before = attempts();
    }

    expect(triedAtMs).toEqual([100, 300, 700, 1500, 3100, 6300, 11_300, 16_300, 21_300]);
  });

  it('is reported once a reason, and is a problem until it opens', async () => {
    const { manager, refusals, coverage, warnings } = setup();
    const busy = new CaptureError('CAPTURE_FAILED', 'cannot open br-back: busy');
    refusals.push(noInterface(), noInterface(), busy, busy, noInterface());
    manager.add(back);
    await turn();
    expect(manager.problems()).toEqual([
      'network back is not covered: cannot open br-test: no such interface',
    ]);

    await vi.advanceTimersByTimeAsync(10_000);

    expect(coverage()).toEqual([
      'back uncovered: cannot open br-test: no such interface',
      'back uncovered: cannot open br-back: busy',
      'back uncovered: cannot open br-test: no such interface',
      'back covered: tapped with the native backend',
    ]);
    expect(warnings()).toHaveLength(3);
    expect(manager.problems()).toEqual([]);
  });

  it('begins at 0.1 s again after it once was open', async () => {
    const { manager, refusals, opened, attempts } = setup();
    refusals.push(noInterface(), noInterface(), noInterface());
    manager.add(back);
    await vi.advanceTimersByTimeAsync(700);
    expect(opened).toHaveLength(1);

    opened[0]!.source.end({ reason: 'interface-down', detail: 'br-back is down' });
    await turn();
    await vi.advanceTimersByTimeAsync(99);
    expect(attempts()).toBe(4);
    await vi.advanceTimersByTimeAsync(1);

    expect(attempts()).toBe(5);
  });
});

describe('a tap that ends', () => {
  it.each([
    [{ reason: 'interface-down', detail: 'br-back is down' }, 'br-back is down', 1],
    [{ reason: 'failed', detail: 'read failed' }, 'read failed', 1],
    // Mostly the network is on its way out: then the engine tells of it a moment later.
    [{ reason: 'interface-gone', detail: 'br-back was removed' }, 'br-back was removed', 0],
  ] as const)('is reported with its reason and opened again: %o', async (end, reason, warned) => {
    const { manager, opened, coverage, life, warnings } = setup();
    manager.add(back);
    await turn();

    opened[0]!.source.end(end);
    await turn();
    expect(coverage().at(-1)).toBe(`back uncovered: ${reason}`);
    expect(manager.covered()).toEqual([]);
    expect(opened[0]!.source.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(100);

    expect(coverage().at(-1)).toBe('back covered: tapped with the native backend');
    expect(life).toEqual(['attach back', 'detach back', 'attach back']);
    expect(warnings()).toHaveLength(warned);
  });

  it('is a warning when its interface is gone and does not come back', async () => {
    const { manager, opened, refusals, warnings } = setup();
    manager.add(back);
    await turn();
    refusals.push(...Array.from({ length: 6 }, noInterface));

    opened[0]!.source.end({ reason: 'interface-gone', detail: 'br-back was removed' });
    await turn();
    // As long as a busy engine may take to tell that the network was removed.
    await vi.advanceTimersByTimeAsync(3100);
    expect(warnings()).toEqual([]);
    await vi.advanceTimersByTimeAsync(3200);

    expect(warnings()).toMatchObject([{ network: 'back', reason: 'cannot open br-test: no such interface' }]);
  });

  it('by a bug of ours: it is logged with its stack, and the tap opened again', async () => {
    const { manager, opened, coverage, log } = setup();
    manager.add(back);
    await turn();

    opened[0]!.source.fail(new TypeError('x is not a function'));
    await turn();
    await vi.advanceTimersByTimeAsync(100);

    expect(log.lines.find(({ level }) => level === 50)).toMatchObject({
      network: 'back',
      err: { type: 'TypeError', stack: expect.stringContaining('taps.test.ts') },
    });
    expect(opened).toHaveLength(2);
    expect(coverage()).toHaveLength(3);
  });
});

describe('networks that are not tapped', () => {
  const front = network({ name: 'front' });
  it.each([
    ['excluded', back, { exclude: ['back'] }, 'excluded by capture.exclude_networks'],
    ['not included', back, { include: ['front'] }, 'not among capture.networks'],
    ['excluded though included', back, { include: ['back'], exclude: ['back'] }, 'excluded by capture'],
    ['ipvlan', without({ name: 'i', driver: 'ipvlan' }), {}, 'share the MAC of their parent interface'],
    ['host', without({ name: 'host', driver: 'host' }), {}, "the host's own network is not tapped"],
    ['none', without({ name: 'none', driver: 'null' }), {}, 'have no interface but loopback'],
    ['weave', without({ name: 'w', driver: 'weave' }), {}, 'the weave driver has no interface on this host'],
  ])('say why, once and without a warning: %s', async (_, which, over, reason) => {
    const { manager, attempts, coverage, warnings } = setup(over);

    manager.add(which);
    await turn();

    expect(attempts()).toBe(0);
    expect(coverage()).toHaveLength(1);
    expect(coverage()[0]).toContain(`${which.name} uncovered: `);
    expect(coverage()[0]).toContain(reason);
    expect(warnings()).toEqual([]);
    expect(manager.problems()).toEqual([]);
    manager.remove(which.id);
    expect(coverage()).toHaveLength(1);
  });

  it('do not keep others from being tapped', async () => {
    const { manager } = setup({ include: ['front'] });

    manager.add(back);
    manager.add(front);
    await turn();

    expect(manager.covered()).toEqual(['front']);
  });
});

describe('networks without a bridge', () => {
  const lan = without({ name: 'lan', driver: 'macvlan', options: { parent: 'eth0' } });
  const overlay = without({ name: 'mesh', driver: 'overlay' });
  const placed = (place: TapPlace) => (): PlaceOrReason => ({ place });

  it('are tapped where their traffic is, without what is not theirs', async () => {
    const place = { interface: 'eth0', netns: '/ns', filter: 'not ether host 02:00:00:00:00:01' };
    const { manager, opened, records } = setup({ placeOf: placed(place) });

    manager.add(lan);
    await turn();

    expect(opened[0]!.options).toMatchObject({
      interface: 'eth0',
      netns: '/ns',
      filter: '(ip) and (not ether host 02:00:00:00:00:01)',
    });
    expect(records[0]).toMatchObject({ network: 'lan', interface: 'eth0', state: 'covered' });
  });

  it('say what else is seen there', async () => {
    const { manager, coverage } = setup({ placeOf: placed({ interface: 'eth0', remark: 'more than that' }) });

    manager.add(lan);
    await turn();

    expect(coverage()).toEqual(['lan covered: tapped with the native backend; more than that']);
  });

  it('are tapped once where two share an interface, and the other takes over when the first goes', async () => {
    const { manager, opened, coverage } = setup({ placeOf: placed({ interface: 'eth0' }) });
    manager.add(lan);
    await turn();

    manager.add({ ...lan, id: 'second', name: 'lan2' });
    await turn();
    expect(opened).toHaveLength(1);
    expect(coverage().at(-1)).toBe(
      'lan2 uncovered: eth0 is tapped for the network lan, and seen as part of that',
    );
    manager.remove(lan.id);
    await vi.advanceTimersByTimeAsync(100);

    expect(coverage().at(-1)).toBe('lan2 covered: tapped with the native backend');
  });

  it('are tried again at once when a container joins, without a warning', async () => {
    let answer: PlaceOrReason = { reason: 'nobody is on it', isTemporary: true };
    const { manager, coverage, warnings, attempts } = setup({ placeOf: () => answer });
    manager.add(overlay);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(coverage()).toEqual(['mesh uncovered: nobody is on it']);
    expect(manager.problems()).toEqual([]);
    expect(attempts()).toBe(0);

    answer = { place: { interface: 'br0', netns: '/ns' } };
    manager.joined(overlay.id);
    await turn();

    expect(manager.covered()).toEqual(['mesh']);
    expect(warnings()).toEqual([]);
    expect(manager.problems()).toEqual([]);
    manager.joined(overlay.id);
    await turn();
    expect(attempts()).toBe(1);
  });

  it('are no problem while the engine still makes the bridge in the namespace, and one after 0.7 s', async () => {
    const place = { interface: 'br0', netns: '/ns' };
    const { manager, refusals, warnings, coverage } = setup({ placeOf: placed(place) });
    refusals.push(noInterface('br0'), noInterface('br0'), noInterface('br0'), noInterface('br0'));

    manager.add(overlay);
    await vi.advanceTimersByTimeAsync(699);
    expect(warnings()).toEqual([]);
    expect(manager.problems()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);

    expect(warnings()).toHaveLength(1);
    expect(manager.problems()).toEqual(['network mesh is not covered: cannot open br0: no such interface']);
    await vi.advanceTimersByTimeAsync(800);
    expect(coverage().at(-1)).toBe('mesh covered: tapped with the native backend');
    expect(manager.problems()).toEqual([]);
  });
});

describe('packets that the kernel dropped', () => {
  it('are told by what they grew, with the time since the last reading', async () => {
    const { manager, opened, losses } = setup();
    manager.add(back);
    await turn();
    const { source } = opened[0]!;
    const start = Date.now() * 1000;

    manager.readStatistics();
    source.counters = { received: 10, droppedByKernel: 5, droppedByInterface: 0 };
    await vi.advanceTimersByTimeAsync(1000);
    manager.readStatistics();
    manager.readStatistics();
    source.counters = { received: 20, droppedByKernel: 7, droppedByInterface: 1 };
    await vi.advanceTimersByTimeAsync(1000);
    manager.readStatistics();

    const second = 1_000_000;
    expect(losses()).toMatchObject([
      { source: 'kernel-ring', where: 'back', count: 5, first: start, last: start + second },
      { source: 'kernel-ring', count: 2, first: start + second, last: start + 2 * second },
      { source: 'interface', count: 1, first: start + second, last: start + 2 * second },
    ]);
  });

  it('are told also when the tap goes before the next reading', async () => {
    const { manager, opened, losses } = setup();
    for (const [i, name] of ['removed', 'ended', 'stopped'].entries()) {
      manager.add(network({ name }));
      await turn();
      opened[i]!.source.counters = { received: 0, droppedByKernel: i + 1 };
    }

    manager.remove(network({ name: 'removed' }).id);
    opened[1]!.source.end({ reason: 'interface-down', detail: 'down' });
    await turn();
    await manager.stop();

    expect(losses().map(({ where, count }) => [where, count])).toEqual([
      ['removed', 1],
      ['ended', 2],
      ['stopped', 3],
    ]);
  });

  it('are unknown, not zero, where the source cannot know: then nothing is told', async () => {
    const { manager, opened, losses } = setup();
    manager.add(back);
    await turn();
    opened[0]!.source.counters = { received: 10 };

    manager.readStatistics();

    expect(losses()).toEqual([]);
  });

  it('are counted anew from the next tap on', async () => {
    const { manager, opened, losses } = setup();
    manager.add(back);
    await turn();
    opened[0]!.source.counters = { received: 0, droppedByKernel: 9 };
    opened[0]!.source.end({ reason: 'interface-down', detail: 'down' });
    await turn();
    await vi.advanceTimersByTimeAsync(100);

    opened[1]!.source.counters = { received: 0, droppedByKernel: 4 };
    manager.readStatistics();

    expect(losses().map(({ count }) => count)).toEqual([9, 4]);
  });
});

describe('the end of the agent', () => {
  /** What the source held back comes when it is asked for, and then it has ended; unless it hangs. */
  function drainable(source: HeldSource, life: string[], hangs = false): void {
    source.drain = () => {
      life.push('drain');
      if (hangs) return;
      source.deliver();
      source.counters = { received: 1, droppedByKernel: 7 };
      source.end({ reason: 'closed' });
    };
  }

  it('comes after the last frames that the kernel held back, and their losses', async () => {
    const { manager, opened, life, losses } = setup();
    manager.add(back);
    await turn();
    drainable(opened[0]!.source, life);

    await manager.stop();
    life.push('stopped');

    expect(life).toEqual(['attach back', 'drain', 'batch back', 'detach back', 'stopped']);
    expect(losses().map(({ count }) => count)).toEqual([7]);
  });

  it('does not wait for ever for a source that does not end', async () => {
    const { manager, opened, life } = setup();
    manager.add(back);
    await turn();
    drainable(opened[0]!.source, life, true);

    const stopped = manager.stop().then(() => life.push('stopped'));
    await vi.advanceTimersByTimeAsync(2000);
    expect(life.at(-1)).toBe('drain');
    await vi.advanceTimersByTimeAsync(200);
    await stopped;

    expect(opened[0]!.source.isClosed).toBe(true);
  });

  it('closes every tap, says that nothing is covered any more, and adds none', async () => {
    const { manager, opened, coverage, attempts, refusals, warnings } = setup();
    manager.add(back);
    await turn();
    refusals.push(noInterface());
    manager.add(network({ name: 'waiting' }));
    await turn();
    const warned = warnings().length;

    void manager.stop();
    manager.add(network({ name: 'late' }));
    await vi.advanceTimersByTimeAsync(60_000);

    expect(opened.map(({ source }) => source.isClosed)).toEqual([true]);
    expect(coverage().at(-1)).toBe('back uncovered: the agent stopped');
    expect(attempts()).toBe(2);
    expect(warnings()).toHaveLength(warned);
  });
});
