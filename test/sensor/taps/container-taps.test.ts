import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CaptureError, type LiveOptions } from '../../../capture/source.ts';
import type { CoverageRecord, LossRecord } from '../../../src/model/record.ts';
import type { EngineContainer, EngineEndpoint } from '../../../src/sensor/docker/engine-json.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { ContainerTaps, type ContainerTapsOptions } from '../../../src/sensor/taps/container-taps.ts';
import type { DnsAsker } from '../../../src/sensor/taps/tap.ts';
import { memoryLogger } from '../../station/support/harness.ts';
import { type HeldSource, heldSource } from '../../support/held-source.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../../support/inventory-facts.ts';

const WARN = 40;
const NO_NAMESPACE = new CaptureError('CAPTURE_BAD_NAMESPACE', 'cannot open lo: namespace /ns/web is gone');

/** A running container on these networks; its namespace is known by its sandbox. */
function running(name: string, networks: readonly string[], more: Partial<EngineContainer> = {}) {
  const endpoints: EngineEndpoint[] = networks.map((network, i) =>
    endpointFact(name, network, [`172.30.${i}.2`]),
  );
  return containerFact(name, { pid: 1, sandboxKey: `/ns/${name}`, endpoints, ...more });
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bridgewatch-taps-'));
  mkdirSync(join(dir, 'proc'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: T0 / 1000 });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true, force: true });
});

function setup(over: Partial<ContainerTapsOptions> = {}) {
  const state = new InventoryState();
  for (const name of ['bridge', 'front']) state.networkSeen(networkFact({ name }), T0);
  state.networkSeen(networkFact({ name: 'back', internal: true }), T0);
  const records: (CoverageRecord | LossRecord)[] = [];
  const opened: { readonly options: LiveOptions; readonly source: HeldSource }[] = [];
  const askers: (() => DnsAsker)[] = [];
  const life: string[] = [];
  const log = memoryLogger();
  const refusals: Error[] = [];
  const taps = new ContainerTaps({
    inventory: state,
    open: async (options) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      const source = heldSource();
      opened.push({ options, source });
      return source;
    },
    bufferBytes: 524_288,
    readTimeoutMs: 100,
    maxTaps: 100,
    isWatched: () => true,
    attach: ({ interface: name, asker }) => {
      askers.push(asker);
      life.push(`attach ${name}`);
      return {
        onBatch: () => void life.push(`batch ${name}`),
        detach: () => void life.push(`detach ${name}`),
      };
    },
    emit: (record) => void records.push(record),
    log: log.logger,
    proc: join(dir, 'proc'),
    ...over,
  });
  /** As the agent does it. */
  const tell = (facts: EngineContainer): void => {
    state.containerSeen(facts, T0);
    for (const endpoint of facts.endpoints) state.connected(endpoint, T0);
    taps.seen(state.container(facts.id)!);
  };
  return {
    state,
    taps,
    tell,
    opened,
    askers,
    life,
    refusals,
    coverage: () =>
      records.flatMap((record) =>
        record.kind === 'coverage' ? [`${record.container} ${record.state}: ${record.reason}`] : [],
      ),
    losses: () => records.filter((record): record is LossRecord => record.kind === 'loss'),
    records,
    warnings: () => log.lines.filter(({ level }) => level >= WARN),
  };
}

/** Paths are looked up on disk before a tap opens, which takes turns of the event loop and no time. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition() && performance.now() < deadline) await turn();
  expect(condition()).toBe(true);
}

/** Enough turns for whatever would happen at once. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
  await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('a container on a network of a user', () => {
  it('has a tap on the loopback interface of its namespace, for the embedded resolver on any port', async () => {
    const { tell, opened, coverage, records, life } = setup();

    tell(running('web', ['front']));
    await until(() => opened.length === 1);

    expect(opened[0]!.options).toEqual({
      interface: 'lo',
      netns: '/ns/web',
      filter: 'host 127.0.0.11',
      bufferBytes: 524_288,
      readTimeoutMs: 100,
      promiscuous: false,
    });
    await until(() => coverage().length === 1);
    expect(coverage()).toEqual(['web covered: tapped with the native backend']);
    expect(records[0]).toMatchObject({ interface: 'lo@web', workload: { name: 'web', networks: ['front'] } });
    expect(records[0]).not.toHaveProperty('network');
    expect(life).toEqual(['attach lo@web']);
  });

  it('has one however often it is told of, also when it joins and leaves networks', async () => {
    const { state, taps, tell, opened } = setup();
    tell(running('web', ['front']));
    await until(() => opened.length === 1);

    tell(running('web', ['front', 'back']));
    state.disconnected('front-id', 'web-id', T0 + SECOND);
    state.disconnected('back-id', 'web-id', T0 + SECOND);
    taps.seen(state.container('web-id')!);
    await settle();

    expect(opened).toHaveLength(1);
    expect(taps.covered()).toEqual(['web']);
    expect(opened[0]!.source.isClosed).toBe(false);
  });

  it('asks by its name, with its networks as they are at that moment', async () => {
    const { state, tell, askers } = setup();
    tell(running('web', ['front']));
    await until(() => askers.length === 1);
    const [asker] = askers;

    expect(asker!()).toMatchObject({
      client: {
        scope: 'container',
        workload: { name: 'web' },
        attribution: { method: 'netns', confidence: 'certain' },
      },
      networks: [{ name: 'front', internal: false }],
    });
    expect(asker!()).toBe(asker!());

    state.connected(endpointFact('web', 'back', ['172.30.9.9']), T0 + SECOND);
    state.disconnected('front-id', 'web-id', T0 + SECOND);
    expect(asker!().networks).toMatchObject([{ name: 'back', internal: true }]);

    // Its last frames are read after its end, of which the engine may tell after it took the networks.
    state.disconnected('back-id', 'web-id', T0 + 2 * SECOND);
    expect(asker!().networks).toMatchObject([{ name: 'back', internal: true }]);
    state.containerGone('web-id', T0 + 2 * SECOND);
    expect(asker!()).toMatchObject({
      client: { workload: { name: 'web' } },
      networks: [{ name: 'back', internal: true }],
    });
  });

  it('that shares its namespace is named with those who live there too, and they get no tap', async () => {
    const { tell, opened, askers } = setup();
    tell(running('owner', ['front']));
    await until(() => askers.length === 1);

    tell(containerFact('guest', { pid: 2, networkMode: 'container:owner-id' }));
    await settle();

    expect(opened).toHaveLength(1);
    expect(askers[0]!().client.attribution).toEqual({
      method: 'netns',
      confidence: 'likely',
      reason: 'shares its network namespace with guest',
      candidates: ['owner', 'guest'],
    });
  });

  it('loses its tap when it ends, with what the tap still holds', async () => {
    const { taps, tell, opened, life, coverage, warnings } = setup();
    tell(running('web', ['front']));
    await until(() => life.length === 1);
    const { source } = opened[0]!;
    source.drain = () => {
      source.deliver();
      source.end({ reason: 'closed' });
    };

    taps.ended('web-id');
    await until(() => source.isClosed);

    expect(life).toEqual(['attach lo@web', 'batch lo@web', 'detach lo@web']);
    expect(coverage().at(-1)).toBe('web uncovered: the container ended');
    expect(warnings()).toEqual([]);
  });

  it('that was started again without our hearing of its end has a new namespace, and a new tap', async () => {
    const { tell, opened, coverage } = setup();
    tell(running('web', ['front']));
    await until(() => coverage().length === 1);

    tell(running('web', ['front'], { sandboxKey: '/ns/web-again', pid: 2 }));
    await until(() => opened.length === 2);

    expect(opened.map(({ options }) => options.netns)).toEqual(['/ns/web', '/ns/web-again']);
    expect(opened[0]!.source.isClosed).toBe(true);
  });
});

describe('a container without an embedded resolver', () => {
  it.each([
    ['on the default bridge', running('web', ['bridge'])],
    ['on the network of the host', running('web', ['host'], { networkMode: 'host' })],
    ['without a network', running('web', ['none'], { networkMode: 'none' })],
    ['that has not been started', containerFact('web', { endpoints: [endpointFact('web', 'front', [])] })],
  ])('has no tap, and nothing is said of it: %s', async (_, facts) => {
    const { taps, tell, opened, coverage } = setup();

    tell(facts);
    await settle();

    expect(opened).toEqual([]);
    expect(coverage()).toEqual([]);
    expect(taps.problems()).toEqual([]);
  });

  it('gets a tap once it is connected to a network that brings it one', async () => {
    const { tell, opened } = setup();
    tell(running('web', ['bridge']));
    await settle();

    tell(running('web', ['bridge', 'front']));
    await until(() => opened.length === 1);
  });

  it('is left alone where all its networks are', async () => {
    const { tell, opened } = setup({ isWatched: (network) => network !== 'front' });

    tell(running('private', ['front']));
    tell(running('mixed', ['front', 'back']));
    await until(() => opened.length > 0);
    await settle();

    expect(opened.map(({ options }) => options.netns)).toEqual(['/ns/mixed']);
  });
});

describe('a tap that does not open', () => {
  it('is no problem at first, since the container may just have ended; then it is, until it opens', async () => {
    const { taps, tell, refusals, coverage, warnings, opened } = setup();
    refusals.push(...Array.from({ length: 5 }, () => NO_NAMESPACE));
    tell(running('web', ['front']));
    await until(() => coverage().length === 1);
    expect(coverage()).toEqual(['web uncovered: cannot open lo: namespace /ns/web is gone']);
    expect(taps.problems()).toEqual([]);
    expect(warnings()).toEqual([]);

    for (const left of [3, 2, 1]) {
      await vi.advanceTimersByTimeAsync(5000);
      await until(() => refusals.length === left);
      await settle();
    }
    expect(taps.problems()).toEqual([
      "questions to Docker's resolver are not read in web: cannot open lo: namespace /ns/web is gone",
    ]);
    expect(warnings()).toHaveLength(1);

    await vi.advanceTimersByTimeAsync(5000);
    await until(() => refusals.length === 0);
    await settle();
    await vi.advanceTimersByTimeAsync(5000);
    await until(() => taps.covered().length === 1);
    expect(opened).toHaveLength(1);
    expect(taps.problems()).toEqual([]);
    expect(taps.covered()).toEqual(['web']);
  });

  it('because the container ended meanwhile is not tried again and not complained of', async () => {
    const { taps, tell, refusals, coverage, opened } = setup();
    refusals.push(NO_NAMESPACE);
    tell(running('web', ['front']));
    await until(() => coverage().length === 1);

    taps.ended('web-id');
    await vi.advanceTimersByTimeAsync(60_000);
    await settle();

    expect(opened).toEqual([]);
    expect(coverage()).toHaveLength(1);
  });

  it('before the container ended is closed and never attached', async () => {
    const source = heldSource();
    let release: () => void = () => {};
    let asked = 0;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { taps, tell, life } = setup({
      open: async () => {
        asked++;
        await gate;
        return source;
      },
    });
    tell(running('web', ['front']));
    await until(() => asked === 1);

    taps.ended('web-id');
    release();
    await until(() => source.isClosed);

    expect(life).toEqual([]);
  });

  it('for want of a path says what to do', async () => {
    const { sandboxKey: _, ...facts } = running('web', ['front']);
    const { taps, tell, coverage } = setup();

    tell(facts);
    await until(() => coverage().length === 1);

    expect(taps.problems()[0]).toContain('run the agent with pid: host');
  });

  it('beyond the bound waits until another container ends', async () => {
    const { taps, tell, coverage, opened } = setup({ maxTaps: 1 });
    tell(running('first', ['front']));
    tell(running('second', ['front']));
    await until(() => coverage().length === 2);
    expect(taps.covered()).toEqual(['first']);
    expect(taps.problems()).toEqual([
      "questions to Docker's resolver are not read in second: dns.max_container_taps (1) are open",
    ]);

    taps.ended('first-id');
    await vi.advanceTimersByTimeAsync(5000);
    await until(() => opened.length === 2);

    expect(taps.problems()).toEqual([]);
  });

  it('in many containers is one line', async () => {
    const { taps, tell, coverage } = setup({ maxTaps: 1 });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) tell(running(name, ['front']));
    await until(() => coverage().length === 6);

    expect(taps.problems()).toEqual([
      "questions to Docker's resolver are not read in b, c, d and 2 more: dns.max_container_taps (1) are open",
    ]);
  });
});

describe('many containers at once', () => {
  it('are opened one after another, and everything else has its turn in between', async () => {
    let now = 0;
    let most = 0;
    let turns = 0;
    const turnsAtOpen: number[] = [];
    const { taps, tell } = setup({
      open: async () => {
        most = Math.max(most, ++now);
        turnsAtOpen.push(turns);
        await turn();
        now--;
        return heldSource();
      },
    });
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);

    for (let i = 0; i < 100; i++) tell(running(`c${i}`, ['front']));
    await until(() => taps.covered().length === 100);
    counting = false;

    expect(most).toBe(1);
    expect(new Set(turnsAtOpen).size).toBe(100);
  });
});

describe('questions that the kernel dropped', () => {
  it('are a loss that names the container and the setting', async () => {
    const { taps, tell, opened, losses, warnings, life } = setup();
    tell(running('web', ['front']));
    await until(() => life.length === 1);

    opened[0]!.source.counters = { received: 0, droppedByKernel: 3 };
    taps.readStatistics();

    expect(losses()).toMatchObject([{ source: 'kernel-ring', where: 'lo@web', count: 3 }]);
    expect(warnings()[0]).toMatchObject({
      container: 'web',
      msg: expect.stringContaining('dns.container_buffer_bytes'),
    });
  });
});

describe('a namespace that Docker has just made', () => {
  const SANDBOX = 'abcdef012345';

  /** The directory of Docker's namespaces, watched. Real timers: the file system tells in real time. */
  async function watching(over: Partial<ContainerTapsOptions> = {}) {
    vi.useRealTimers();
    const world = setup({ netnsDirs: () => [join(dir, 'absent'), dir], ...over });
    world.taps.watchNew();
    const appears = (name: string): void => writeFileSync(join(dir, name), '');
    const waitFor = (condition: () => boolean) =>
      vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5000, interval: 2 });
    return { ...world, appears, waitFor };
  }

  it('is tapped before anyone knows whose it is, and becomes that of its container', async () => {
    const { appears, waitFor, taps, tell, opened, life } = await watching();

    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    expect(opened[0]!.options.netns).toContain(SANDBOX);
    expect(life).toEqual([]);
    tell(running('web', ['front'], { sandboxKey: `/var/run/docker/netns/${SANDBOX}` }));
    await waitFor(() => life.length === 1);

    expect(opened).toHaveLength(1);
    expect(taps.covered()).toEqual(['web']);
    await taps.stop();
  });

  it('is tapped also when the directory itself appears with it', async () => {
    const late = join(dir, 'late');
    const { waitFor, taps, opened } = await watching({ netnsDirs: () => [late] });
    taps.readStatistics();
    mkdirSync(late);
    writeFileSync(join(late, SANDBOX), '');

    taps.readStatistics();
    await waitFor(() => opened.length === 1);
    taps.readStatistics();
    writeFileSync(join(late, '0123456789ab'), '');
    await waitFor(() => opened.length === 2);

    expect(opened.map(({ options }) => options.netns)).toEqual([
      join(late, SANDBOX),
      join(late, '0123456789ab'),
    ]);
    await taps.stop();
  });

  it('is tapped also in a directory that was removed and made again', async () => {
    const gone = join(dir, 'gone');
    mkdirSync(gone);
    const { waitFor, taps, opened } = await watching({ netnsDirs: () => [gone] });
    rmSync(gone, { recursive: true });
    taps.readStatistics();
    mkdirSync(gone);
    taps.readStatistics();
    writeFileSync(join(gone, SANDBOX), '');

    await waitFor(() => opened.length === 1);
    await taps.stop();
  });

  it('is tapped also where the engine has been found to keep it meanwhile, and what ran before is left alone', async () => {
    const found = join(dir, 'found');
    mkdirSync(found);
    writeFileSync(join(found, 'ffffffffffff'), '');
    let dirs = [join(dir, 'absent')];
    const { waitFor, taps, opened } = await watching({ netnsDirs: () => dirs });
    dirs = [found, ...dirs];
    taps.watchNew();
    writeFileSync(join(found, SANDBOX), '');

    await waitFor(() => opened.length === 1);

    expect(opened.map(({ options }) => options.netns)).toEqual([join(found, SANDBOX)]);
    await taps.stop();
  });

  it('is read also when its container is over before the engine tells of it', async () => {
    const { appears, waitFor, taps, tell, opened, life, coverage } = await watching();
    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    const [{ source }] = opened as [(typeof opened)[0]];
    const drain = () => {
      source.deliver();
      source.end({ reason: 'closed' });
    };
    Object.assign(source, { drain });

    rmSync(join(dir, SANDBOX));
    tell(running('web', ['front'], { sandboxKey: `/var/run/docker/netns/${SANDBOX}` }));
    taps.ended('web-id');
    await waitFor(() => source.isClosed);

    expect(opened).toHaveLength(1);
    expect(life).toEqual(['attach lo@web', 'batch lo@web', 'detach lo@web']);
    expect(coverage()).toEqual([]);
    await taps.stop();
  });

  it('is expected for a container that is made and not started, not for one that runs without a tap', async () => {
    const { appears, waitFor, taps, tell, opened, life } = await watching();
    tell(containerFact('web', { endpoints: [endpointFact('web', 'front', ['172.30.0.2'])] }));
    tell(running('old', ['bridge']));
    expect(taps.expects('web-id')).toBe(false);

    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    expect([taps.expects('web-id'), taps.expects('old-id')]).toEqual([true, false]);

    tell(running('web', ['front'], { sandboxKey: `/var/run/docker/netns/${SANDBOX}` }));
    expect(taps.expects('web-id')).toBe(true);
    await waitFor(() => life.length === 1);
    expect(taps.expects('web-id')).toBe(false);
    await taps.stop();
  });

  it('is expected for a container that is over until it is read', async () => {
    const { appears, waitFor, taps, tell, opened, life } = await watching();
    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    const { source } = opened[0]!;
    Object.assign(source, { drain: () => {} });

    tell(running('web', ['front'], { sandboxKey: `/var/run/docker/netns/${SANDBOX}` }));
    taps.ended('web-id');
    await waitFor(() => life.length === 1);
    expect(taps.expects('web-id')).toBe(true);

    source.end({ reason: 'closed' });
    await waitFor(() => !taps.expects('web-id'));
    await taps.stop();
  });

  it('is let go when its container has no embedded resolver', async () => {
    const { appears, waitFor, taps, tell, opened, life } = await watching();

    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    tell(running('web', ['bridge'], { sandboxKey: `/var/run/docker/netns/${SANDBOX}` }));
    await waitFor(() => opened[0]!.source.isClosed);

    expect(life).toEqual([]);
    await taps.stop();
  });

  it('is tried again while it is not ready', async () => {
    const { appears, waitFor, taps, refusals, opened } = await watching();
    refusals.push(NO_NAMESPACE, NO_NAMESPACE, NO_NAMESPACE);

    appears(SANDBOX);
    await waitFor(() => opened.length === 1);
    await taps.stop();

    await waitFor(() => opened[0]!.source.isClosed);
  });

  it("is left alone when it is no container's", async () => {
    const { appears, waitFor, taps, opened } = await watching();

    for (const name of ['default', '1-abcdef0123', 'ingress_sbox', 'lb_abcdef012', SANDBOX]) appears(name);
    await waitFor(() => opened.length > 0);
    await taps.stop();

    expect(opened.map(({ options }) => options.netns)).toEqual([expect.stringContaining(SANDBOX)]);
  });
});

describe('the end of the agent', () => {
  it('closes every tap, says that nothing is covered any more, and opens none', async () => {
    const { taps, tell, opened, coverage } = setup();
    tell(running('web', ['front']));
    await until(() => coverage().length === 1);

    await taps.stop();
    tell(running('late', ['front']));
    await settle();

    expect(opened.map(({ source }) => source.isClosed)).toEqual([true]);
    expect(coverage().at(-1)).toBe('web uncovered: the agent stopped');
  });
});
