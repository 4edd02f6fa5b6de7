/**
 * The lab's two network namespaces, and the proof that they are sealed.
 *
 *   wan (the fake internet)                      host (the Docker host)
 *   198.51.100.129-254, 2001:db8:2::/64          containers, dockerd, the agent
 *   lan0 198.51.100.1 ----------- veth --------- eth0 198.51.100.2
 *        2001:db8:1::1                                2001:db8:1::2
 *
 * The wan holds its addresses itself and has no default route: what leaves the host ends there. Nothing here may
 * ever join a namespace to the machine's own network.
 */
import { networkInterfaces } from 'node:os';
import { type LabNames, netnsPath } from './remains.ts';
import { run } from './run.ts';

export const HOST_ADDRESS = '198.51.100.2';
export const HOST_ADDRESS_V6 = '2001:db8:1::2';
export const ROUTER_ADDRESS = '198.51.100.1';
export const ROUTER_ADDRESS_V6 = '2001:db8:1::1';

/** Who is who on the fake internet. */
export const INTERNET = {
  resolver: { v4: '198.51.100.153', v6: '2001:db8:2::153' },
  web: { v4: '198.51.100.180', v6: '2001:db8:2::180' },
  attacker: { v4: '198.51.100.166', v6: '2001:db8:2::166' },
} as const;

/**
 * As resolv.conf names it on a host with a dnsmasq or unbound of its own. The embedded resolver asks a loopback address
 * from the host, on every engine: no bridge is crossed. Not 127.0.0.53, behind which dockerd looks for systemd-resolved.
 */
export const LOOPBACK_RESOLVER = '127.0.0.1';

export async function createWorld(names: LabNames): Promise<void> {
  const { hostNetns, wanNetns } = names;
  await run(['ip', 'netns', 'add', hostNetns]);
  await run(['ip', 'netns', 'add', wanNetns]);
  await run([
    'ip',
    'link',
    'add',
    'eth0',
    'netns',
    hostNetns,
    'type',
    'veth',
    'peer',
    'name',
    'lan0',
    'netns',
    wanNetns,
  ]);
  await ipBatch(hostNetns, [
    'link set lo up',
    'link set eth0 up',
    `address add ${HOST_ADDRESS}/25 dev eth0`,
    `address add ${HOST_ADDRESS_V6}/64 dev eth0 nodad`,
    `route add default via ${ROUTER_ADDRESS}`,
    `route add ::/0 via ${ROUTER_ADDRESS_V6}`,
  ]);
  await ipBatch(wanNetns, [
    'link set lo up',
    'link set lan0 up',
    `address add ${ROUTER_ADDRESS}/25 dev lan0`,
    `address add ${ROUTER_ADDRESS_V6}/64 dev lan0 nodad`,
    ...Object.values(INTERNET).flatMap(({ v4, v6 }) => [
      `address add ${v4}/32 dev lo`,
      `address add ${v6}/128 dev lo nodad`,
    ]),
  ]);
  await assertSealed(hostNetns, 'eth0');
  await assertSealed(wanNetns, 'lan0');
}

/** Runs in the namespace's network, with the machine's files. */
export function inNetns(netns: string, argv: readonly string[]): string[] {
  return ['nsenter', `--net=${netnsPath(netns)}`, '--', ...argv];
}

async function ipBatch(netns: string, lines: readonly string[]): Promise<void> {
  await run(['ip', '-netns', netns, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/**
 * Throws when anything could leave the lab: an interface that is up beside loopback and the lab's own cable,
 * a route over another interface, or a way to one of the machine's own addresses.
 */
export async function assertSealed(netns: string, cable: string): Promise<void> {
  const links = await ipJson<{ ifname: string; flags: string[] }>(netns, ['link', 'show']);
  const alien = links.filter(
    ({ ifname, flags }) => flags.includes('UP') && ifname !== 'lo' && ifname !== cable,
  );
  if (alien.length > 0) {
    throw new Error(`the lab is not sealed: ${netns} has ${alien.map(({ ifname }) => ifname).join(', ')} up`);
  }
  for (const family of ['-4', '-6']) {
    const routes = await ipJson<{ dst: string; dev?: string }>(netns, [
      family,
      'route',
      'show',
      'table',
      'all',
    ]);
    const out = routes.filter(({ dev }) => dev !== undefined && dev !== 'lo' && dev !== cable);
    if (out.length > 0) {
      throw new Error(
        `the lab is not sealed: ${netns} routes ${out.map(({ dst, dev }) => `${dst} over ${dev}`).join(', ')}`,
      );
    }
  }
  if (cable !== 'lan0') return; // the host's way out is the wan; the wan must have none
  for (const address of machineAddresses()) {
    const answer = await run(['ip', '-netns', netns, 'route', 'get', address], { accept: 'any' });
    if (answer.code === 0) {
      throw new Error(
        `the lab is not sealed: ${netns} can reach ${address} of this machine (${answer.stdout.trim()})`,
      );
    }
  }
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && !address.internal && !address.address.startsWith('fe80:'))
    .map((address) => (address as { address: string }).address);
}

async function ipJson<T>(netns: string, args: readonly string[]): Promise<T[]> {
  const { stdout } = await run(['ip', '-netns', netns, '-json', ...args]);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
}
