/** Who owns what, and until when: closing, throwing, garbage collection, workers, exits, a thousand openings. */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LiveSource, openLive } from '../../capture/live.ts';
import { openTap } from '../../capture/native/index.ts';
import { allocateBatch, LIVE_DEFAULTS, type LiveOptions } from '../../capture/source.ts';
import {
  Collected,
  missingForNative,
  nodeCommand,
  openDescriptors,
  runAsync,
  until,
  World,
} from './native-world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const missing = missingForNative();
const SMALL = { filter: 'udp dst port 5001', bufferBytes: 262_144 };

describe.skipIf(missing !== undefined)('life of a live tap', () => {
  let world: World;
  const taps: LiveSource[] = [];
  let idle: number;
  beforeAll(async () => {
    world = new World();
    await world.blast({ packets: 1 });
    idle = openDescriptors();
  });
  // Closing goes on in the background: each test starts when the one before has left nothing.
  afterEach(async () => {
    for (const tap of taps.splice(0)) tap.close();
    await until('all descriptors are closed', () => openDescriptors() <= idle);
  });
  afterAll(() => world?.remove());

  function openBridge(options: Partial<LiveOptions> = {}): LiveSource {
    const tap = openLive({ interface: 'br0', netns: world.netns, ...SMALL, ...options });
    taps.push(tap);
    return tap;
  }

  it('may be closed inside onBatch, and delivers nothing more', async () => {
    const tap = openBridge({ bufferBytes: 8 * 1024 * 1024 });
    await world.blast({ packets: 20_000 });

    const collected = new Collected(tap, () => tap.close());

    await expect(collected.end).resolves.toEqual({ reason: 'closed' });
    expect(collected.batches).toBe(1);
    expect(tap.stats().received).toBe(collected.frames);
  });

  it('may open and close another tap inside onBatch', async () => {
    const tap = openBridge();
    const collected = new Collected(tap, () => openBridge().close());

    await world.blast({ packets: 10 });
    await until('the frames', () => collected.frames === 10);
  });

  it('may be closed twice, before run() and after its end', async () => {
    const tap = openBridge();
    tap.close();
    tap.close();

    await expect(tap.run(() => {})).resolves.toEqual({ reason: 'closed' });
    expect(tap.stats()).toEqual({ received: 0, droppedByKernel: 0 });
  });

  it('runs once', async () => {
    const tap = openBridge();
    void tap.run(() => {});

    await expect(tap.run(() => {})).rejects.toThrow(/twice/);
  });

  it('rejects with what onBatch threw, and is closed', async () => {
    const tap = openBridge();
    const running = tap.run(() => {
      throw new RangeError('a bug of ours');
    });

    const rejected = expect(running).rejects.toThrow(new RangeError('a bug of ours'));
    await world.blast({ packets: 10 });
    await rejected;

    await until('the descriptor is closed', () => openDescriptors() <= idle);
  });

  it('runs promises of one batch before the next', async () => {
    const tap = openBridge({ bufferBytes: 8 * 1024 * 1024 });
    await world.blast({ packets: 20_000 });
    const order: string[] = [];

    const collected = new Collected(tap, () => {
      order.push('batch');
      queueMicrotask(() => order.push('microtask'));
    });
    await until('all frames', () => collected.frames === 20_000);

    expect(order.slice(0, 4)).toEqual(['batch', 'microtask', 'batch', 'microtask']);
  });

  it('ends with a reason, not with a crash, when its slab is taken away', async () => {
    const batch = allocateBatch(2 * 1024 * 1024, 64);
    const tap = openTap({ ...LIVE_DEFAULTS, interface: 'br0', netns: world.netns, ...SMALL }, batch);
    const ended = new Promise<string[]>((resolve) =>
      tap.run(
        () => {},
        (...end) => resolve(end),
      ),
    );

    structuredClone(null, { transfer: [batch.data.buffer as ArrayBuffer] });
    await world.blast({ packets: 10 });

    await expect(ended).resolves.toEqual(['failed', expect.stringContaining('memory lent for frames')]);
  });

  it('is released by the garbage collector when it was forgotten', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    (() => {
      for (let i = 0; i < 10; i++) openLive({ interface: 'br0', netns: world.netns, ...SMALL });
    })();
    expect(openDescriptors()).toBeGreaterThanOrEqual(idle + 10);

    await until('all descriptors are closed', () => {
      collect();
      return openDescriptors() <= idle;
    });
  });

  describe('in a process of its own', () => {
    const START = `
      const { openLive } = await import('./capture/live.ts');
      const options = ${JSON.stringify(SMALL)};
      const open = () => openLive({ interface: 'lo', ...options });`;
    const node = (script: string) => runAsync('env', ['-C', ROOT, ...nodeCommand(START + script)]);

    it('does not hold up process.exit() while it runs', async () => {
      const said = await node(
        `void open().run(() => {}); open(); console.log('up'); setImmediate(() => process.exit(0));`,
      );

      expect(said).toBe('up\n');
    });

    it('keeps the process alive while it runs, and lets it end once closed', async () => {
      const said = await node(`
        const tap = open();
        setTimeout(() => { console.log('closing'); tap.close(); }, 200).unref();
        void tap.run(() => {}).then((end) => console.log(end.reason));`);

      expect(said).toBe('closing\nclosed\n');
    });
  });

  it('ends with its worker, running or not', async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { Tap } = require(workerData.binding);
      const arrays = () => new Uint32Array(64);
      const batch = { data: new DataView(new ArrayBuffer(1 << 20)), offset: arrays(), capLen: arrays(), wireLen: arrays(), tsSec: arrays(), tsNsec: arrays() };
      const running = new Tap(workerData.options, batch), idle = new Tap(workerData.options, batch);
      let frames = 0;
      running.run((count) => { frames += count; parentPort.postMessage(frames); }, () => {});
      globalThis.keep = idle;
      parentPort.postMessage('up');`;
    const workerData = {
      binding: join(ROOT, 'capture/native/build/Release/bridgewatch_pcap.node'),
      options: { ...LIVE_DEFAULTS, interface: 'br0', netns: world.netns, ...SMALL },
    };
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(script, { eval: true, workerData });
      const messages: unknown[] = [];
      worker.on('message', (message) => messages.push(message));
      await until('the worker taps', () => messages.length > 0);
      await world.blast({ packets: 10 });
      await until('frames in the worker', () => messages.includes(10));

      await expect(worker.terminate()).resolves.toBe(1);
    }
  });
});
