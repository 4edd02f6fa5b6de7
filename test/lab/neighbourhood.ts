/**
 * Where the attacks and the ordinary work of the detectors' tests happen: three networks, a few services that are
 * attacked, and everybody who only works. What happens here is the caller's.
 */
import { SEVERITIES, type Severity } from '../../src/model/finding.ts';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { BUSYBOX_IMAGE } from './images.ts';
import { startSink } from './internet.ts';
import { BACK, FRONT, OTHER, type Targets } from './intrusions.ts';
import type { Lab } from './lab.ts';
import { HOST_WORK, WORKLOADS } from './workloads.ts';

/** What must be in the image of the tools, beside the intruder's. */
export const WORK_TOOLS = ['wrk', 'socat'];

export const TARGETS: readonly { readonly id: keyof Targets; readonly title: string }[] = [
  { id: 'web', title: 'a web server with a published port' },
  { id: 'api', title: 'a web server for its neighbours' },
  { id: 'ledger', title: "another project's database" },
  { id: 'database', title: 'a database on an internal network' },
];

export async function makeNetworks(lab: Lab): Promise<void> {
  const { name, subnet, gateway, v6 } = FRONT;
  const front = ['--ipv6', '--subnet', subnet, '--gateway', gateway, '--subnet', v6];
  await lab.docker(['network', 'create', ...front, name]);
  await lab.docker(['network', 'create', '--internal', '--subnet', BACK.subnet, BACK.name]);
  await lab.docker(['network', 'create', '--subnet', OTHER.subnet, OTHER.name]);
}

export async function startTargets(lab: Lab): Promise<Targets> {
  const start = async (
    name: string,
    network: string,
    project: string,
    script: string,
    ...more: readonly string[]
  ) => {
    const labels = { project, service: name };
    await lab.docker([
      ...['run', '--detach', '--init', '--name', name, '--network', network, ...more],
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `com.docker.compose.${key}=${value}`]),
      ...[BUSYBOX_IMAGE, 'sh', '-c', script],
    ]);
    const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    return lab.docker(['inspect', '--format', format, name]);
  };
  const site = 'mkdir /www; echo hello > /www/index.html; httpd -f -p [::]:80 -h /www';
  const listener = 'nc -ll -p 5432 -e cat';
  const health = ['--health-cmd', 'wget -q -O /dev/null http://127.0.0.1/', '--health-interval', '1s'];
  return {
    web: await start('web', FRONT.name, 'shop', site, '--publish', '8080:80', ...health),
    api: await start('api', FRONT.name, 'shop', site, '--ip6', FRONT.apiV6),
    ledger: await start('ledger', FRONT.name, 'ledger', listener),
    database: await start('database', BACK.name, 'shop', listener),
  };
}

/** They work until the lab ends. */
export async function startWork(lab: Lab, targets: Targets): Promise<void> {
  await startSink(lab);
  for (const { id, image, options, script } of WORKLOADS) {
    await lab.docker([
      ...['run', '--detach', '--init', '--name', id, ...options],
      ...[image, 'sh', '-c', script(targets)],
    ]);
  }
  for (const { script } of HOST_WORK) lab.spawn('host', ['sh', '-c', script(targets)]);
}

/** Whether it is about this container, a container of this service, or the `host`. */
export function isAbout(id: string, { subject }: Pick<PublicFinding, 'subject'>): boolean {
  const { workload, scope } = subject;
  if (workload === undefined) return id === 'host' && (scope === 'host' || scope === 'gateway');
  return workload.name === id || workload.composeService === id;
}

export function isAboveLow({ severity }: Pick<PublicFinding, 'severity'>): boolean {
  return SEVERITIES.indexOf(severity as Severity) > SEVERITIES.indexOf('low');
}
