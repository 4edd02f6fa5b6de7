/** What opening a tap says when the world refuses: each error names what was tried and what to do. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLive } from '../../capture/live.ts';
import type { CaptureError, LiveOptions } from '../../capture/source.ts';
import { missingForNative, nodeCommand, run, runAsync, World } from './native-world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const missing = missingForNative();

describe.skipIf(missing !== undefined)('opening a live tap', () => {
  let world: World;
  beforeAll(() => {
    world = new World();
  });
  afterAll(() => world?.remove());

  function refusal(options: LiveOptions): Pick<CaptureError, 'name' | 'code' | 'message'> {
    try {
      openLive(options).close();
    } catch (error) {
      const { name, code, message } = error as CaptureError;
      return { name, code, message };
    }
    throw new Error('it was opened');
  }

  it('lists the interfaces there are when there is no such one', () => {
    const { name, code, message } = refusal({ interface: 'eth9', netns: world.netns });

    expect([name, code]).toEqual(['CaptureError', 'CAPTURE_NO_INTERFACE']);
    expect(message).toMatch(
      /^cannot open eth9 in namespace \/var\/run\/netns\/bw\S+: no such interface; available: lo, .*br0.* \(CAPTURE_NO_INTERFACE\)$/,
    );
  });

  it('names the interface that is down, and how to bring it up', () => {
    world.ip('link add br-off type bridge');

    expect(refusal({ interface: 'br-off', netns: world.netns })).toMatchObject({
      code: 'CAPTURE_INTERFACE_DOWN',
      message: expect.stringContaining('ip link set br-off up'),
    });
  });

  it('gives the words of libpcap and the expression for a bad filter', () => {
    expect(refusal({ interface: 'br0', netns: world.netns, filter: 'host 300.1.2.3' })).toMatchObject({
      code: 'CAPTURE_BAD_FILTER',
      message: expect.stringMatching(/"host 300\.1\.2\.3"; libpcap says: .+/),
    });
  });

  it('names the path of a namespace that is not there, or is none', () => {
    for (const path of ['/var/run/netns/bw-none', '/etc/hostname', '/tmp', '']) {
      expect(refusal({ interface: 'lo', netns: path })).toMatchObject({
        code: 'CAPTURE_BAD_NAMESPACE',
        message: expect.stringContaining(path),
      });
    }
  });

  it('is not held up by a FIFO in the place of a namespace', () => {
    const path = `/tmp/${world.name}.fifo`;
    run('mkfifo', [path]);

    expect(refusal({ interface: 'lo', netns: path })).toMatchObject({ code: 'CAPTURE_BAD_NAMESPACE' });
    run('rm', [path]);
  });

  it('refuses options out of range, on both sides, and takes those at the edge', () => {
    const options = [
      ['snaplenBytes', 64, 262_144],
      ['bufferBytes', 262_144, 1024 * 1024 * 1024],
      ['readTimeoutMs', 1, 10_000],
    ] as const;
    for (const [name, min, max] of options) {
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN]) {
        expect(refusal({ interface: 'br0', netns: world.netns, [name]: value })).toMatchObject({
          code: 'CAPTURE_BAD_OPTION',
          message: expect.stringMatching(new RegExp(`${name} is ${value}, .* ${min} to ${max}`)),
        });
      }
      openLive({ interface: 'br0', netns: world.netns, [name]: min }).close();
      if (name !== 'bufferBytes') openLive({ interface: 'br0', netns: world.netns, [name]: max }).close();
    }
  });

  it('refuses what cannot be the name of an interface', () => {
    for (const name of ['', 'a b', 'a/b', 'a:b', 'x'.repeat(16), 'a\0', 'any']) {
      expect(refusal({ interface: name })).toMatchObject({ code: 'CAPTURE_BAD_OPTION' });
    }
    expect(refusal({ interface: 'x'.repeat(15) })).toMatchObject({ code: 'CAPTURE_NO_INTERFACE' });
  });

  it('does not open the log of the firewall for a bridge that is called nflog', () => {
    world.ip('link add nflog type bridge');
    world.ip('link set nflog up');

    expect(refusal({ interface: 'nflog', netns: world.netns })).toMatchObject({
      code: 'CAPTURE_UNSUPPORTED',
    });
  });

  describe('without capabilities', () => {
    async function openWith(privileges: string, options: object): Promise<string> {
      const script = `
        const { openLive } = await import('./capture/live.ts');
        try { const tap = openLive(${JSON.stringify(options)}); console.log('opened', tap.promiscuous); tap.close(); }
        catch (e) { console.log(e.code, e.message); }`;
      // Still root by name, because `nobody` may not be able to read this checkout; the kernel asks for capabilities.
      const limited = ['setpriv', `--inh-caps=${privileges}`, `--bounding-set=${privileges}`];
      return runAsync('env', ['-C', ROOT, ...limited, ...nodeCommand(script)]);
    }

    it('says what is needed', async () => {
      const said = await openWith('-all', { interface: 'lo' });

      expect(said).toMatch(/^CAPTURE_PERMISSION cannot open lo: not permitted .*root or with CAP_NET_RAW/);
    });

    it('says what entering a namespace needs', async () => {
      const said = await openWith('-all', { interface: 'lo', netns: world.netns });

      expect(said).toMatch(
        /^CAPTURE_PERMISSION cannot open lo: namespace .* may not be entered .*CAP_SYS_ADMIN/,
      );
    });

    it('is content with CAP_NET_RAW, also for promiscuous mode', async () => {
      const said = await openWith('-all,+net_raw', {
        interface: 'lo',
      });

      expect(said).toBe('opened true\n');
    });
  });
});
