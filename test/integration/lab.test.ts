/**
 * The lab itself: a real engine that works, a world that is sealed, and nothing left behind.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { labNames, labProcesses } from '../lab/remains.ts';
import { run } from '../lab/run.ts';
import { assertSealed, HOST_ADDRESS, INTERNET } from '../lab/world.ts';

const obstacle = labObstacle();
if (obstacle !== undefined) console.warn(`SKIPPED: lab: ${obstacle}`);

const CAP_NET_ADMIN_AND_SYS_ADMIN = (1n << 12n) | (1n << 21n);

function boundingSet(status: string): bigint {
  return BigInt(`0x${/CapBnd:\s*([0-9a-f]+)/.exec(status)?.[1]}`);
}

describe.skipIf(obstacle !== undefined)('the lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab();
    await importBusybox(lab);
  });

  afterAll(async () => {
    await lab?.stop();
  });

  it('runs a container whose traffic reaches the fake internet', async () => {
    const pings = ['ping', '-c', '1', '-W', '2', INTERNET.web.v4];

    const answer = await lab.docker(['run', '--rm', BUSYBOX_IMAGE, ...pings]);

    expect(answer).toContain('1 packets received');
  });

  it('looks like a machine of its own from inside', async () => {
    const links = await lab.exec('host', ['ls', '/sys/class/net']);
    const socket = await lab.exec('host', ['docker', 'info', '--format', '{{.Name}}']);

    expect(links.stdout.split('\n').filter(Boolean)).toEqual(['docker0', 'eth0', 'lo']);
    expect(socket.stdout.trim()).toBe('lab-host');
  });

  it('shows the namespace of a container at its SandboxKey, from inside and from outside', async () => {
    const id = await lab.docker(['run', '-d', BUSYBOX_IMAGE, 'sleep', '100']);
    const key = await lab.docker(['inspect', '--format', '{{.NetworkSettings.SandboxKey}}', id]);

    const inside = await lab.exec('host', ['nsenter', `--net=${key}`, 'ip', '-brief', 'address']);
    const outside = await run(['nsenter', `--net=${lab.fromOutside(key)}`, 'ip', '-brief', 'address']);

    expect(inside.stdout).toMatch(/eth0@\S+ +UP +172\.17\.0\.2/);
    expect(outside.stdout).toBe(inside.stdout);
    await lab.docker(['rm', '-f', id]);
  });

  it('runs a privileged container, also where the machine itself is restricted', async () => {
    const script = ['grep', 'CapBnd', '/proc/self/status'];

    const run = await lab.docker(['run', '--rm', '--privileged', BUSYBOX_IMAGE, ...script]);
    const id = await lab.docker(['run', '-d', BUSYBOX_IMAGE, 'sleep', '100']);
    const exec = await lab.docker(['exec', '--privileged', id, ...script]);

    // Not equal to ours: an engine may be older than the kernel, and not know the newest capabilities.
    const ours = boundingSet(readFileSync('/proc/self/status', 'utf8'));
    for (const theirs of [run, exec].map(boundingSet)) {
      expect(theirs & CAP_NET_ADMIN_AND_SYS_ADMIN).toBe(CAP_NET_ADMIN_AND_SYS_ADMIN);
      expect(theirs & ~ours).toBe(0n);
    }
    await lab.docker(['rm', '-f', id]);
  });

  it('cannot reach any address of the machine', async () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address?.family === 'IPv4' && !address.internal);
    for (const { address } of own as { address: string }[]) {
      const answer = await lab.exec('host', ['busybox', 'ping', '-c', '1', '-W', '1', address], {
        accept: 'any',
      });
      expect(answer.stdout, address).not.toContain('1 packets received');
    }
  });

  it('says so when it is no longer sealed', async () => {
    await lab.exec('wan', ['ip', 'route', 'add', 'default', 'via', HOST_ADDRESS]);

    await expect(assertSealed(labNames(lab.id).wanNetns, 'lan0')).rejects.toThrow(/not sealed/);

    await lab.exec('wan', ['ip', 'route', 'delete', 'default']);
    await expect(assertSealed(labNames(lab.id).wanNetns, 'lan0')).resolves.toBeUndefined();
  });

  it('leaves nothing behind, with containers still running', async () => {
    const other = await createLab();
    await importBusybox(other);
    await other.docker(['run', '-d', BUSYBOX_IMAGE, 'sleep', '100']);
    await other.docker(['run', '-d', '--network', 'host', BUSYBOX_IMAGE, 'sleep', '100']);
    other.spawn('wan', ['sleep', '100']);
    const names = labNames(other.id);

    await other.stop();

    expect(labProcesses(names)).toEqual([]);
    expect(existsSync(names.dir)).toBe(false);
    expect(readdirSync('/run/netns').filter((name) => name.includes(other.id))).toEqual([]);
    const controllers = ['', ...readdirSync('/sys/fs/cgroup')];
    expect(controllers.filter((name) => existsSync(`/sys/fs/cgroup/${name}/${names.cgroup}`))).toEqual([]);
  });
});
