/**
 * What runs on an ordinary Docker host and looks like an attack to a careless detector. They do their work over and
 * over while the lab runs, and none of them may be accused above low.
 */
import { BUSYBOX_IMAGE, TOOLS_IMAGE } from './images.ts';
import { TUNNEL_PORT } from './internet.ts';
import { BACK, FRONT, type Targets } from './intrusions.ts';
import { INTERNET } from './world.ts';

export interface OrdinaryWorkload {
  readonly id: string;
  readonly title: string;
  readonly image: string;
  readonly options: readonly string[];
  script(targets: Targets): string;
}

const label = (project: string, service: string): string[] => [
  ...['--label', `com.docker.compose.project=${project}`],
  ...['--label', `com.docker.compose.service=${service}`],
];
const onFront = ['--network', FRONT.name];
const forever = (body: string): string => `while true; do ${body}; done`;

export const WORKLOADS: readonly OrdinaryWorkload[] = [
  {
    id: 'prometheus',
    title: 'scrapes its targets, one of which is down, each second',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('watch', 'prometheus')],
    script: ({ web, api }) =>
      forever(
        `for t in ${web}:80 ${api}:80 ${web}:9100; do timeout 1 wget -q -O /dev/null http://$t/ ; done; sleep 1`,
      ),
  },
  {
    id: 'pool',
    title: 'keeps connections to its database and opens new ones',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'back', ...label('shop', 'pool')],
    script: ({ database }) => forever(`(echo hello; sleep 2) | nc ${database} 5432 > /dev/null`),
  },
  {
    id: 'clerk',
    title: "asks its own project's database, a new connection each time",
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('ledger', 'clerk')],
    script: ({ ledger }) => forever(`(echo hello; sleep 1) | nc ${ledger} 5432 > /dev/null; sleep 1`),
  },
  {
    id: 'orphan',
    title: 'retries a service that is gone, each 200 ms',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('shop', 'orphan')],
    script: ({ web }) => forever(`nc -w 1 ${web} 8125 < /dev/null; sleep 0.2`),
  },
  {
    id: 'load-test',
    title: 'a load test of the web tier (wrk)',
    image: TOOLS_IMAGE,
    options: ['--network', 'front', ...label('shop', 'load-test')],
    script: ({ web }) => forever(`wrk -t 1 -c 20 -d 3s http://${web}/ > /dev/null; sleep 5`),
  },
  {
    id: 'proxy',
    title: 'a reverse proxy: published, and it asks the web tier for each request',
    image: TOOLS_IMAGE,
    options: ['--network', 'front', '--publish', '18080:80', ...label('shop', 'proxy')],
    script: ({ web }) => `socat TCP-LISTEN:80,fork,reuseaddr TCP:${web}:80`,
  },
  {
    id: 'backup',
    title: 'uploads 20 MB to one place outside, again and again',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('shop', 'backup')],
    script: () =>
      forever(
        `dd if=/dev/zero bs=1M count=20 2> /dev/null | nc -w 3 ${INTERNET.web.v4} ${TUNNEL_PORT}; sleep 10`,
      ),
  },
  {
    id: 'puller',
    title: 'downloads from outside by name, as image pulls and package installs do',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('shop', 'puller')],
    script: () => forever('timeout 2 wget -q -O /dev/null http://www.example.test/; sleep 0.5'),
  },
  {
    id: 'pinger',
    title: 'pings the gateway and the outside, as monitoring does',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('watch', 'pinger')],
    script: () => forever(`ping -c 5 -s 1400 172.31.10.1; ping -c 5 ${INTERNET.web.v4}; ping -c 2 web`),
  },
  {
    id: 'chatter',
    title: 'resolves all its neighbours and speaks with each, as a service mesh does',
    image: BUSYBOX_IMAGE,
    options: ['--network', 'front', ...label('shop', 'chatter')],
    script: () =>
      forever('for s in web api proxy catalog; do timeout 1 wget -q -O /dev/null http://$s/; done; sleep 1'),
  },
  {
    id: 'home',
    title: 'asks its network for devices by mDNS and SSDP, as a home automation does',
    image: TOOLS_IMAGE,
    options: ['--network', 'front', ...label('home', 'home')],
    script: () =>
      forever(
        `printf '\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5_http\\4_tcp\\5local\\0\\0\\14\\0\\1' | socat - UDP4-DATAGRAM:224.0.0.251:5353; ` +
          `printf 'M-SEARCH * HTTP/1.1\\r\\nHOST: 239.255.255.250:1900\\r\\nMAN: "ssdp:discover"\\r\\nST: ssdp:all\\r\\n\\r\\n' | socat - UDP4-DATAGRAM:239.255.255.250:1900; sleep 5`,
      ),
  },
];

/** Whose address each short job gets, a moment after the one before gave it back. */
const JOB_ADDRESS = '172.31.10.200';

/** Of the store, so that it can be asked by address. */
const STORE_ADDRESS = '172.31.10.210';

/** What the host itself does with its containers, over and over, as a shell script there. */
export interface HostWork {
  /** The Compose service of the containers that it starts, else `host`. */
  readonly id: string;
  readonly title: string;
  script(targets: Targets): string;
}

export const HOST_WORK: readonly HostWork[] = [
  {
    id: 'host',
    title:
      "health checks from the host's side: each second a page of every web server, and a command inside one",
    script: ({ web, api }) =>
      forever(
        `for a in ${web} ${api}; do busybox wget -T 1 -q -O /dev/null http://$a/; done; docker exec api true; sleep 1`,
      ),
  },
  {
    id: 'job',
    title: 'short jobs one after the other, each with the address of the one before',
    script: ({ web }) => {
      const run = (name: string, command: string) =>
        `docker run --rm --name ${name} ${[...onFront, ...label('jobs', 'job')].join(' ')} --ip ${JOB_ADDRESS} ${BUSYBOX_IMAGE} ${command}`;
      return forever(
        `${run('job-fetch', `wget -q -O /dev/null http://${web}/`)}; ${run('job-ping', `ping -c 2 ${FRONT.gateway}`)}; sleep 2`,
      );
    },
  },
  {
    id: 'store',
    title:
      'a reverse proxy before the database on the internal network; it also asks the internet, and uploads what it reads there',
    script: ({ database }) => {
      const proxy = `socat TCP-LISTEN:80,fork,reuseaddr TCP:${database}:5432`;
      const asked = `(echo an order; sleep 0.3) | busybox nc -w 2 ${STORE_ADDRESS} 80`;
      const asks = 'timeout 2 wget -q -O /dev/null http://www.example.test/';
      const dump = `(dd if=/dev/zero bs=1k count=100 2> /dev/null; sleep 0.3) | nc -w 2 ${database} 5432`;
      const backup = `${dump} | nc -w 2 ${INTERNET.web.v4} ${TUNNEL_PORT}`;
      const labels = label('shop', 'store').join(' ');
      return (
        `docker run --detach --init --name store ${onFront.join(' ')} --ip ${STORE_ADDRESS} ${labels} ${TOOLS_IMAGE} ${proxy}; ` +
        `docker network connect ${BACK.name} store; ` +
        forever(`${asked}; docker exec store sh -c '${asks}; ${backup}'; sleep 1`)
      );
    },
  },
  {
    id: 'catalog',
    title: 'a service that is deployed anew again and again, and asked meanwhile',
    script: () => {
      const site = "sh -c 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www'";
      const run = `docker run --detach --init --name catalog ${[...onFront, ...label('shop', 'catalog')].join(' ')} ${BUSYBOX_IMAGE} ${site}`;
      return forever(`${run}; sleep 15; docker stop --time 1 catalog; docker rm --force catalog`);
    },
  },
];
