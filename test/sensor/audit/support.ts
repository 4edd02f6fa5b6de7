/** Facts for checks: a test names what matters to it, everything else is a quiet host of a modern engine. */
import type { AuditOutcome, AuditResult } from '../../../src/model/audit.ts';
import type { Severity } from '../../../src/model/finding.ts';
import { parseCidr } from '../../../src/model/ip.ts';
import type { TrafficHistory } from '../../../src/model/traffic-history.ts';
import type { CheckDefinition } from '../../../src/sensor/audit/check.ts';
import {
  type AuditFacts,
  type FactName,
  type Facts,
  known,
  notKnown,
} from '../../../src/sensor/audit/facts.ts';
import { runChecks } from '../../../src/sensor/audit/run-checks.ts';
import type { ContainerFacts } from '../../../src/sensor/docker/container-facts.ts';
import type { EngineFacts, NetworkFacts } from '../../../src/sensor/docker/engine-facts.ts';
import type { PublishedPort } from '../../../src/sensor/docker/engine-json.ts';
import type { EngineSettings } from '../../../src/sensor/host/engine-settings.ts';
import type { HostRoute } from '../../../src/sensor/host/routes.ts';

/** 2026-11-23T14:00:00Z */
export const T0 = 1_795_442_400_000_000;

export function container(name: string, fields: Partial<ContainerFacts> = {}): ContainerFacts {
  const networks = fields.networks ?? [];
  return {
    ...{ id: `id-${name}`, name, label: name, image: 'busybox:1', labels: {}, running: true },
    ...{ networkMode: networks[0] ?? 'none', isPrivileged: false, capAdd: [], capDrop: [], sysctls: {} },
    ...{ mounts: [], exposed: [], dns: [], networks },
    endpoints: networks.map((networkName, i) => ({
      ...{ networkId: `id-${networkName}`, networkName, containerId: `id-${name}` },
      ...{ ips: [`172.30.${i}.2`], gateways: [] },
    })),
    ...fields,
  };
}

/** Made by Compose: `shop/db`. */
export function service(project: string, name: string, fields: Partial<ContainerFacts> = {}): ContainerFacts {
  return container(`${project}-${name}-1`, {
    ...{ label: `${project}/${name}`, composeProject: project, composeService: name },
    ...fields,
  });
}

export function network(name: string, fields: Partial<NetworkFacts> = {}): NetworkFacts {
  return {
    ...{ id: `id-${name}`, name, driver: 'bridge', scope: 'local', internal: false, bridge: `br-${name}` },
    ...{ subnets: ['172.30.0.0/24'], gateways: ['172.30.0.1'], options: {}, labels: {} },
    ...{ isAttachable: false, isIngress: false, hasIpv6: false, isDefaultBridge: false },
    ...fields,
  };
}

export const DOCKER0 = network('bridge', {
  isDefaultBridge: true,
  bridge: 'docker0',
  subnets: ['172.17.0.0/16'],
});

export function engine(fields: Partial<EngineFacts> = {}): EngineFacts {
  return {
    ...{ version: '28.5.0', product: 'Engine', liveRestore: true },
    ...{ addressPools: [], warnings: [], swarm: { state: 'inactive', isManager: false } },
    ...fields,
  };
}

export function settings(fields: Partial<EngineSettings> = {}): EngineSettings {
  return {
    hosts: ['unix:///var/run/docker.sock'],
    ...{ tls: false, tlsVerify: false, configFile: '/etc/docker/daemon.json' },
    ...fields,
  };
}

export function port(
  hostIp: string,
  hostPort: number,
  containerPort = hostPort,
  protocol = 'tcp',
): PublishedPort {
  return { protocol, hostIp, hostPort, containerPort };
}

export function route(cidr: string, name: string): HostRoute {
  return { cidr: parseCidr(cidr)!, interface: name, isDefault: cidr.endsWith('/0') };
}

const DAY_SECS = 86_400;

/** Ten days that were watched whole, of which seven are enough. */
export function history(fields: Partial<TrafficHistory> = {}): TrafficHistory {
  return {
    ...{
      from: T0,
      until: T0 + 10 * DAY_SECS * 1_000_000,
      watchedSecs: 10 * DAY_SECS,
      enoughSecs: 7 * DAY_SECS,
    },
    ...{ talks: [], memberships: [], signs: [], isPartial: false, uncovered: [] },
    ...fields,
  };
}

/** A fact that is undefined here is not known. */
export type SomeFacts = { readonly [Name in FactName]?: Facts[Name] | undefined };

const QUIET: Facts = {
  engine: engine(),
  settings: settings(),
  networks: [],
  containers: [],
  swarm: undefined,
  host: { routes: [] },
  listeners: [],
  switches: {},
  firewall: [],
  nameServers: [],
  namespaces: [],
  traffic: history(),
  compose: [],
  baseline: { file: 'baseline.json', savedAt: T0, state: { networks: [], services: [] } },
};

export const REASON = 'the cupboard is shut';
export const REMEDY = 'Open the cupboard.';

export function auditFacts(some: SomeFacts = {}): AuditFacts {
  const names = Object.keys(QUIET) as FactName[];
  const facts = names.map((name) => {
    const isShut = name in some && some[name] === undefined && name !== 'swarm';
    return [name, isShut ? notKnown(REASON, REMEDY) : known(some[name] ?? QUIET[name])];
  });
  return Object.fromEntries(facts) as AuditFacts;
}

export function results(check: CheckDefinition, some: SomeFacts = {}): AuditResult[] {
  return runChecks([check], auditFacts(some));
}

/** `fail high shop/db`, in the order in which they were told. */
export function outcomes(check: CheckDefinition, some: SomeFacts = {}): string[] {
  return results(check, some).map(short);
}

function short({ outcome, severity, objects }: AuditResult): string {
  const names = objects.map(({ name }) => name).join(',');
  return [outcome, ...(outcome === 'fail' ? [severity] : []), ...(names === '' ? [] : [names])].join(' ');
}

/** The one failure, whole. */
export function failure(check: CheckDefinition, some: SomeFacts): AuditResult {
  const failed = results(check, some).filter(({ outcome }) => outcome === 'fail');
  if (failed.length !== 1) throw new Error(`${failed.length} failures: ${JSON.stringify(failed)}`);
  return failed[0]!;
}

export type { AuditOutcome, Severity };
