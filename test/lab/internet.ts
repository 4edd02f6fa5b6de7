/**
 * What stands on the fake internet: a resolver, a web server, and an attacker's name server that is the other end of
 * a DNS tunnel. All of it are ordinary programs in the wan namespace.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';
import { HOST_ADDRESS, INTERNET } from './world.ts';

/**
 * The attacker's delegated zones, one below a top-level domain that does not exist, one below one that does; of the
 * latter he holds the whole domain. No other name leads to him.
 */
export const TUNNEL_ZONE = 't.example.test';
export const OTHER_TUNNEL_DOMAIN = 'example.net';
export const OTHER_TUNNEL_ZONE = `t.${OTHER_TUNNEL_DOMAIN}`;
export const TUNNEL_PASSWORD = 'lab';
/** The attacker's end inside the tunnel. */
export const TUNNEL_ADDRESS = '10.99.0.1';
export const TUNNEL_PORT = 9000;
export const WEB_NAME = 'www.example.test';

export interface Internet {
  readonly resolver: RunningProcess;
  readonly web: RunningProcess;
}

export interface InternetOptions {
  /** Further delegations: zone to the address of its name server. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Further domains whose every name is the web server's. */
  readonly domains?: readonly string[];
}

/** A resolver that knows a few names and says NXDOMAIN to the rest, and a web server behind `www.example.test`. */
export async function startInternet(
  lab: Lab,
  { zones = {}, domains = [] }: InternetOptions = {},
): Promise<Internet> {
  const { resolver, web, attacker } = INTERNET;
  const names = startDnsmasq(lab, 'wan', [
    ...[`--listen-address=${resolver.v4}`, `--listen-address=${resolver.v6}`, '--bind-interfaces'],
    ...[WEB_NAME, ...domains].flatMap((name) => [
      `--address=/${name}/${web.v4}`,
      `--address=/${name}/${web.v6}`,
    ]),
    ...Object.entries({ [TUNNEL_ZONE]: attacker.v4, [OTHER_TUNNEL_ZONE]: attacker.v4, ...zones }).map(
      ([zone, address]) => `--server=/${zone}/${address}`,
    ),
    ...[attacker.v4, attacker.v6].map((address) => `--address=/${OTHER_TUNNEL_DOMAIN}/${address}`),
    '--address=/#/',
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

/** A name server of the attacker's own, that says for every name of `zone` what he wants: never to be kept (TTL 0). */
export async function startNameServer(lab: Lab, zone: string, answer: string): Promise<RunningProcess> {
  const { attacker } = INTERNET;
  const server = startDnsmasq(lab, 'wan', [
    ...[`--listen-address=${attacker.v4}`, '--bind-interfaces', `--address=/${zone}/${answer}`],
  ]);
  await waitFor(`the name server of ${zone} to answer ${answer}`, async () => {
    if (!server.running()) throw new Error(server.output());
    const found = await lab.exec('wan', ['busybox', 'nslookup', `www.${zone}`, attacker.v4], {
      accept: 'any',
    });
    return found.stdout.includes(answer);
  });
  return server;
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

export interface TunnelServer {
  /** The zone it is the name server of. Default TUNNEL_ZONE. */
  readonly zone?: string;
  /** Where it listens on port 53. Default the attacker's address. */
  readonly address?: string;
  /** Its end inside the tunnel; each running server needs a /27 of its own. Default TUNNEL_ADDRESS. */
  readonly inside?: string;
}

/** The attacker's end of an iodine tunnel, and behind it a port that answers how many bytes were sent to it. */
export async function startTunnelServer(lab: Lab, server: TunnelServer = {}): Promise<RunningProcess[]> {
  return [await startIodined(lab, server), await startSink(lab)];
}

export async function startIodined(
  lab: Lab,
  { zone = TUNNEL_ZONE, address = INTERNET.attacker.v4, inside = TUNNEL_ADDRESS }: TunnelServer = {},
): Promise<RunningProcess> {
  // -c: the resolver in between may ask from more than one address. -n: where raw mode is to find it.
  const options = ['-f', '-c', '-P', TUNNEL_PASSWORD, '-l', address, '-n', address];
  const iodined = lab.spawn('wan', ['iodined', ...options, `${inside}/27`, zone]);
  await waitFor('the tunnel server to listen', async () => {
    if (!iodined.running()) throw new Error(iodined.output());
    const links = await lab.exec('wan', ['ip', '-brief', 'address'], { accept: 'any' });
    return links.stdout.includes(`${inside}/`);
  });
  return iodined;
}

/** A port on every address of the wan that answers how many bytes were sent to it. */
export async function startSink(lab: Lab): Promise<RunningProcess> {
  const port = String(TUNNEL_PORT);
  const sink = lab.spawn('wan', ['busybox', 'nc', '-ll', '-p', port, '-e', 'busybox', 'wc', '-c']);
  await waitFor('the port behind the tunnel to listen', async () => {
    const probe = ['busybox', 'nc', '-w', '1', '127.0.0.1', port];
    return (await lab.exec('wan', probe, { accept: 'any' })).code === 0;
  });
  return sink;
}
