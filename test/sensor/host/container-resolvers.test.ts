import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContainerResolvers, type ResolverFacts } from '../../../src/sensor/host/container-resolvers.ts';
import { findEngines } from '../../../src/sensor/host/engine-process.ts';
import { type FakeEngine, FakeProc } from '../../support/fake-proc.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('SKIPPED: container resolvers: files that root owns need root\n');

const ID = 'a'.repeat(64);
const PATH = `/var/lib/docker/containers/${ID}/resolv.conf`;
const container: ResolverFacts = { networkMode: 'bridge', dns: [], resolvConfPath: PATH };
let proc: FakeProc;

beforeEach(() => {
  proc = new FakeProc();
});
afterEach(() => proc.remove());

/** As the engine writes it, with its hash; `changed` is what stands there since. */
function written(text: string, changed = text, pid = 7): void {
  proc.file(`${pid}/root${PATH}`, changed);
  proc.file(`${pid}/root${PATH}.hash`, `sha256:${createHash('sha256').update(text).digest('hex')}`);
}

const ask = (facts: ResolverFacts = container) => new ContainerResolvers({ proc: proc.path }).of(facts);

describe.skipIf(!isRoot)('the resolvers of a container', () => {
  it('are those of --dns, whether the engine can be looked at or not', async () => {
    expect(await ask({ dns: ['198.51.100.53'] })).toEqual(['198.51.100.53']);
  });

  it('are not known where no engine is visible', async () => {
    expect(await ask()).toBeUndefined();
  });

  it('are asked of the engines that are named, without a look for others', async () => {
    proc.engine();
    written('nameserver 198.51.100.9\n');

    const none = new ContainerResolvers({ proc: proc.path, engines: [] });
    const its = new ContainerResolvers({ proc: proc.path, engines: await findEngines(proc.path) });

    expect(await none.of(container)).toBeUndefined();
    expect(await its.of(container)).toEqual(['198.51.100.9']);
  });

  it("are those of the file that the engine wrote, also when the host's have changed since", async () => {
    proc.engine();
    written('nameserver 198.51.100.9\nnameserver 2001:DB8::9\noptions ndots:0\n');

    expect(await ask()).toEqual(['198.51.100.9', '2001:db8::9']);
  });

  it("are never those that a container wrote into its file: then the host's are what the engine gave", async () => {
    proc.engine();
    written('nameserver 198.51.100.9\n', 'nameserver 198.51.100.66\n');

    expect(await ask()).toEqual(['198.51.100.1']);
  });

  it('are not read from a file without the hash of the engine', async () => {
    proc.engine();
    proc.file(`7/root${PATH}`, 'nameserver 198.51.100.66\n');

    expect(await ask()).toEqual(['198.51.100.1']);
  });

  it('hold what the embedded resolver passes on to, as newer engines remark it', async () => {
    proc.engine();
    written('nameserver 127.0.0.11\n\n# ExtServers: [host(127.0.0.53) 198.51.100.3 fe80::1%eth0]\n');

    expect(await ask()).toEqual(['127.0.0.11', '127.0.0.53', '198.51.100.3', 'fe80::1']);
  });

  it('hold what the engine takes by itself where its file does not say what it passes on to', async () => {
    proc.engine();
    written('nameserver 127.0.0.11\noptions ndots:0\n');

    expect(await ask()).toEqual(['127.0.0.11', '198.51.100.1']);
  });

  it.each([
    ['--dns ADDRESS', ['--dns', '198.51.100.4', '--dns', '198.51.100.5']],
    ['--dns=ADDRESS', ['--dns=198.51.100.4', '--dns=198.51.100.5']],
  ])("are the engine's own %s, before the host's", async (_name, options) => {
    proc.engine({ options });

    expect(await ask()).toEqual(['198.51.100.4', '198.51.100.5']);
  });

  it('are `dns` of daemon.json, at its usual place or where --config-file says', async () => {
    proc.engine();
    proc.file('7/root/etc/docker/daemon.json', '{"dns": ["198.51.100.4", 5]}');
    expect(await ask()).toEqual(['198.51.100.4']);

    proc.file('7/root/etc/other.json', '{"dns": ["198.51.100.8"]}');
    proc.file('7/cmdline', ['dockerd', '--config-file', '/etc/other.json', ''].join('\0'));
    expect(await ask()).toEqual(['198.51.100.8']);
  });

  it("are those behind systemd-resolved's stub", async () => {
    proc.engine({ hostConf: 'nameserver 127.0.0.53\n' });
    proc.file('7/root/run/systemd/resolve/resolv.conf', 'nameserver 198.51.100.2\n');

    expect(await ask()).toEqual(['198.51.100.2']);
    expect(await ask({ ...container, networkMode: 'host' })).toEqual(['127.0.0.53']);
  });

  it("are libnetwork's defaults where the host has only loopback servers, and the network no resolver", async () => {
    proc.engine({ hostConf: 'nameserver 127.0.0.1\n' });

    expect(await ask()).toContain('8.8.8.8');
    expect(await ask({ ...container, networkMode: 'shop' })).toEqual(['127.0.0.1']);
  });

  it.each<[string, FakeEngine]>([
    ['a process of a container that is called dockerd', { cgroup: `0::/docker/${ID}\n` }],
    ['one in another PID namespace', { namespace: 'pid:[2]' }],
    ['one of another name', { comm: 'dockerd-rootless' }],
    ['an engine whose file system cannot be read', { hostConf: null }],
  ])('are not taken from %s', async (_name, fields) => {
    proc.engine(fields);

    expect(await ask()).toBeUndefined();
  });

  it('are taken from the engine although this whole machine is a container', async () => {
    proc.engine({ cgroup: `0::/docker/${ID}/system.slice\n` });
    proc.file('self/cgroup', `0::/docker/${ID}/user.slice\n`);

    expect(await ask()).toEqual(['198.51.100.1']);
  });

  it("are the right one's of two engines, by the place of its data", async () => {
    proc.engine({ pid: 7, hostConf: 'nameserver 198.51.100.1\n' });
    proc.engine({ pid: 8, hostConf: 'nameserver 198.51.100.2\n', options: ['--data-root', '/data/'] });

    expect(await ask({ ...container, resolvConfPath: '/data/containers/x/resolv.conf' })).toEqual([
      '198.51.100.2',
    ]);
    expect(await ask()).toEqual(['198.51.100.1']);
    expect(await ask({ ...container, resolvConfPath: '/elsewhere/resolv.conf' })).toBeUndefined();
  });

  it('cost no more than a bounded read of a file that a container has filled', async () => {
    proc.engine();
    const huge = `nameserver 198.51.100.66\n${'#'.repeat(70_000)}`;
    written(huge);

    expect(await ask()).toEqual(['198.51.100.1']);
  });

  it('are at most sixteen, and nothing that is no address', async () => {
    proc.engine();
    const many = Array.from({ length: 200 }, (_, i) => `nameserver 198.51.100.${i}`);
    written(['nameserver $(reboot)', 'nameserver', ...many].join('\n'));

    const found = await ask();
    expect(found).toHaveLength(16);
    expect(found?.[0]).toBe('198.51.100.0');
  });
});
