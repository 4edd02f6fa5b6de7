/**
 * What stands on the fake internet: a resolver, a web server, and an attacker's name server that is the other end of
 * a DNS tunnel. All of it are ordinary programs in the wan namespace.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';
import { HOST_ADDRESS, INTERNET } from './world.ts';

/** The attacker's delegated zone, and the only one that leads to him. */
export const TUNNEL_ZONE = 't.example.test';
export const TUNNEL_PASSWORD = 'lab';
/** The attacker's end inside the tunnel. */
export const TUNNEL_ADDRESS = '10.99.0.1';
export const TUNNEL_PORT = 9000;
export const WEB_NAME = 'www.example.test';

export interface Internet {
  readonly resolver: RunningProcess;
  readonly web: RunningProcess;
}

/** A resolver that knows a few names and says NXDOMAIN to the rest, and a web server behind `www.example.test`. */
export async function startInternet(lab: Lab): Promise<Internet> {
  const { resolver, web, attacker } = INTERNET;
  const names = startDnsmasq(lab, 'wan', [
    ...[`--listen-address=${resolver.v4}`, `--listen-address=${resolver.v6}`, '--bind-interfaces'],
    ...[`--address=/${WEB_NAME}/${web.v4}`, `--address=/${WEB_NAME}/${web.v6}`],
    ...[`--server=/${TUNNEL_ZONE}/${attacker.v4}`, '--address=/#/'],
  ]);
  const site = join(lab.dir, 'wan-site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), 'the internet\n');
  // Also on IPv6: busybox binds one address a process, and [::] takes both families.
  const server = lab.spawn('wan', ['busybox', 'httpd', '-f', '-p', '[::]:80', '-h', site]);
  await waitFor('the fake internet to answer', async () => {
    for (const part of [names, server]) if (!part.running()) throw new Error(part.output());
    const found = await lab.exec('host', ['busybox', 'nslookup', WEB_NAME, resolver.v4], { accept: 'any' });
    const page = await lab.exec('host', ['busybox', 'wget', '-q', '-O-', `http://${web.v4}/`], {
      accept: 'any',
    });
    return found.stdout.includes(web.v4) && page.stdout.includes('the internet');
  });
  return { resolver: names, web: server };
}

/**
 * A resolver on every address of the Docker host, also on the gateways of internal networks, as a machine with a
 * local dnsmasq or unbound often has it. Docker's isolation does not cover it: it is the host's INPUT, not FORWARD.
 */
export async function startHostResolver(lab: Lab): Promise<RunningProcess> {
  const resolver = startDnsmasq(lab, 'host', [`--server=${INTERNET.resolver.v4}`, '--no-negcache']);
  await waitFor('the resolver of the host to answer', async () => {
    if (!resolver.running()) throw new Error(resolver.output());
    const found = await lab.exec('host', ['busybox', 'nslookup', WEB_NAME, HOST_ADDRESS], { accept: 'any' });
    return found.stdout.includes(INTERNET.web.v4);
  });
  return resolver;
}

function startDnsmasq(lab: Lab, place: 'host' | 'wan', args: readonly string[]): RunningProcess {
  return lab.spawn(place, [
    ...[
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--no-resolv',
      '--no-hosts',
      '--user=root',
    ],
    ...['--pid-file=', '--log-facility=-', ...args],
  ]);
}

/** The attacker's end of an iodine tunnel, and behind it a port that answers how many bytes were sent to it. */
export async function startTunnelServer(lab: Lab): Promise<RunningProcess[]> {
  const { v4 } = INTERNET.attacker;
  const iodined = lab.spawn('wan', [
    ...[
      'iodined',
      '-f',
      '-c',
      '-P',
      TUNNEL_PASSWORD,
      '-l',
      v4,
      '-n',
      v4,
      `${TUNNEL_ADDRESS}/27`,
      TUNNEL_ZONE,
    ],
  ]);
  await waitFor('the tunnel server to listen', async () => {
    if (!iodined.running()) throw new Error(iodined.output());
    const links = await lab.exec('wan', ['ip', '-brief', 'address'], { accept: 'any' });
    return links.stdout.includes(TUNNEL_ADDRESS);
  });
  const sink = lab.spawn('wan', [
    'busybox',
    'nc',
    '-ll',
    '-p',
    String(TUNNEL_PORT),
    '-e',
    'busybox',
    'wc',
    '-c',
  ]);
  await waitFor('the port behind the tunnel to listen', async () => {
    const probe = ['busybox', 'nc', '-w', '1', TUNNEL_ADDRESS, String(TUNNEL_PORT)];
    return (await lab.exec('wan', probe, { accept: 'any' })).code === 0;
  });
  return [iodined, sink];
}
