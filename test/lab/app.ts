/**
 * A small shop, laid out as Compose lays it out, with ordinary traffic: customers on the fake internet buy at a
 * published port; the proxy asks the api; the api asks the database and a payment service outside. The database is
 * on an internal network only, with both address families. Somebody once gave it NET_ADMIN and /dev/net/tun, for a backup over a VPN.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importBusybox } from './images.ts';
import { WEB_NAME } from './internet.ts';
import type { Lab } from './lab.ts';
import { type RunningProcess, run, waitFor } from './run.ts';
import { HOST_ADDRESS } from './world.ts';

export const SHOP = {
  project: 'shop',
  publicNetwork: { name: 'shop_public', subnet: '172.30.10.0/24', gateway: '172.30.10.1' },
  dataNetwork: {
    name: 'shop_data',
    subnet: '172.30.20.0/24',
    gateway: '172.30.20.1',
    subnetV6: 'fd30:0:0:20::/64',
  },
  proxy: 'shop-proxy-1',
  api: 'shop-api-1',
  database: 'shop-database-1',
  /** Published on every address of the host. */
  port: 8080,
  /** A service of the host itself (say a metrics exporter), on every address, so also on the gateways. */
  hostServicePort: 9100,
} as const;

export interface ShopOptions {
  /** Pause between two customers. Default 0.5. */
  readonly everySecs?: number;
}

export interface Shop {
  readonly customers: RunningProcess;
  readonly hostService: RunningProcess;
}

// `timeout wget`, not `wget -T`: that option crashes Debian's static busybox 1.35.
const PROXY_PAGE =
  '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nexec timeout 5 wget -q -O- http://api:8080/cgi-bin/order\n';
const API_PAGE = `#!/bin/sh
printf "Content-Type: text/plain\\r\\n\\r\\n"
echo "select $$" | nc -w 2 database 5432
`;
const DATABASE_ANSWER =
  '#!/bin/sh\nread -r question\necho "row 1 for $question"\necho "row 2 for $question"\n';
const API_START = `httpd -f -p 8080 -h /srv/api &
while :; do timeout 5 wget -q -O /dev/null http://${WEB_NAME}/; sleep 5; done`;

export async function startShop(lab: Lab, { everySecs = 0.5 }: ShopOptions = {}): Promise<Shop> {
  const base = await importBusybox(lab);
  await buildImages(lab, base);
  await createNetwork(lab, SHOP.publicNetwork, 'public', []);
  await createNetwork(lab, SHOP.dataNetwork, 'data', [
    '--internal',
    ...['--ipv6', '--subnet', SHOP.dataNetwork.subnetV6],
  ]);

  // With the bridge's frames in ip6tables, the rules of an internal network also drop neighbour discovery, which goes
  // to multicast addresses: then no two containers on it reach each other over IPv6 (seen on engine 20.10).
  await lab.exec('host', ['sysctl', '-q', '-w', 'net.bridge.bridge-nf-call-ip6tables=0']);

  const vpn = ['--cap-add', 'NET_ADMIN', '--device', '/dev/net/tun'];
  await createService(lab, 'database', 'data', vpn, ['nc', '-ll', '-p', '5432', '-e', '/srv/database']);
  await createService(lab, 'api', 'data', [], ['sh', '-c', API_START]);
  await lab.docker(['network', 'connect', '--alias', 'api', SHOP.publicNetwork.name, SHOP.api]);
  const published = ['--publish', `${SHOP.port}:80`];
  await createService(lab, 'proxy', 'public', published, ['httpd', '-f', '-p', '80', '-h', '/srv/proxy']);
  for (const name of [SHOP.database, SHOP.api, SHOP.proxy]) await lab.docker(['start', name]);

  const hostService = startHostService(lab);
  const url = `http://${HOST_ADDRESS}:${SHOP.port}/cgi-bin/order`;
  await waitFor('the shop to sell something', async () => {
    const page = await lab.exec('wan', ['timeout', '2', 'busybox', 'wget', '-q', '-O-', url], {
      accept: 'any',
    });
    return page.stdout.includes('row 2');
  });
  const loop = `while :; do timeout 5 busybox wget -q -O /dev/null ${url}; sleep ${everySecs}; done`;
  return { customers: lab.spawn('wan', ['sh', '-c', loop]), hostService };
}

function startHostService(lab: Lab): RunningProcess {
  const site = join(lab.dir, 'host-site');
  mkdirSync(site);
  writeFileSync(join(site, 'metrics'), 'node_load1 0.42\n');
  return lab.spawn('host', ['busybox', 'httpd', '-f', '-p', String(SHOP.hostServicePort), '-h', site]);
}

async function buildImages(lab: Lab, base: string): Promise<void> {
  const context = join(lab.dir, 'shop');
  const files = {
    'proxy/cgi-bin/order': PROXY_PAGE,
    'api/cgi-bin/order': API_PAGE,
    database: DATABASE_ANSWER,
  };
  for (const [path, text] of Object.entries(files)) {
    const file = join(context, 'srv', path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
  writeFileSync(join(context, 'Dockerfile'), `FROM ${base}\nCOPY srv /srv\n`);
  await lab.docker(['build', '--quiet', '--tag', 'shop/database:16.4', context]);
  for (const tag of ['shop/api:2.1', 'shop/proxy:1.27']) await lab.docker(['tag', 'shop/database:16.4', tag]);
  rmSync(context, { recursive: true });
}

const IMAGES = { proxy: 'shop/proxy:1.27', api: 'shop/api:2.1', database: 'shop/database:16.4' } as const;

async function createNetwork(
  lab: Lab,
  network: { readonly name: string; readonly subnet: string; readonly gateway: string },
  composeName: string,
  flags: readonly string[],
): Promise<void> {
  const labels = [`com.docker.compose.project=${SHOP.project}`, `com.docker.compose.network=${composeName}`];
  await lab.docker([
    ...['network', 'create', '--driver', 'bridge', '--subnet', network.subnet, '--gateway', network.gateway],
    ...[...labels.flatMap((label) => ['--label', label]), ...flags, network.name],
  ]);
}

async function createService(
  lab: Lab,
  service: keyof typeof IMAGES,
  network: 'public' | 'data',
  flags: readonly string[],
  command: readonly string[],
): Promise<void> {
  const labels = {
    'com.docker.compose.project': SHOP.project,
    'com.docker.compose.service': service,
    'com.docker.compose.container-number': '1',
    'com.docker.compose.oneoff': 'False',
  };
  await lab.docker([
    ...['create', '--name', SHOP[service], '--hostname', service, '--init', '--network-alias', service],
    ...['--network', network === 'data' ? SHOP.dataNetwork.name : SHOP.publicNetwork.name],
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...[...flags, IMAGES[service], ...command],
  ]);
}

/** Copies a file tree into a container, as an intruder brings his tools. */
export async function bring(lab: Lab, root: string, container: string): Promise<void> {
  await run(['bash', '-c', 'set -o pipefail; tar -C "$0" -c . | docker cp - "$1:/"', root, container], {
    env: { ...lab.env, DOCKER_HOST: lab.dockerHost },
  });
}
