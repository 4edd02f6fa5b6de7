/**
 * What runs on an ordinary Docker host and looks like an attack to a careless detector. They do their work over and
 * over while the lab runs, and none of them may be accused above low.
 */
import { BUSYBOX_IMAGE, TOOLS_IMAGE } from './images.ts';
import type { Targets } from './intrusions.ts';
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
      forever(`dd if=/dev/zero bs=1M count=20 2> /dev/null | nc -w 3 ${INTERNET.web.v4} 9000; sleep 10`),
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
      forever('for s in web api proxy; do timeout 1 wget -q -O /dev/null http://$s/; done; sleep 1'),
  },
];
