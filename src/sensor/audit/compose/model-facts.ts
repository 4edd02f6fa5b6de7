/**
 * A project of Compose files as the facts that an engine would tell of it once it runs: one container for each service.
 * What only an engine decides (addresses, chosen ports and subnets) is not there, nor are networks that others make: the
 * file tells nothing of them but their names, which containers have all the same.
 */
import type { ComposeModel, ComposeNetwork, ComposeService } from '../../../compose/model.ts';
import type { AuditPlace } from '../../../model/audit.ts';
import { workloadLabel } from '../../../model/network.ts';
import type { ContainerFacts, PublishRequest } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { EngineEndpoint, PublishedPort } from '../../docker/engine-json.ts';

export interface ModelFacts {
  readonly networks: readonly NetworkFacts[];
  readonly containers: readonly ContainerFacts[];
  /** Of objects by their ids. */
  readonly places: ReadonlyMap<string, AuditPlace>;
}

const LABEL = 'com.docker.compose.';
const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4';
/** The engine's own, by name: the same on each host. */
const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['bridge', 'bridge'],
  ['host', 'host'],
  ['none', 'null'],
]);

export function factsOfModel(model: ComposeModel): ModelFacts {
  const { name: project, services, networks } = model;
  const byKey = new Map(networks.map((network) => [network.key, network]));
  const isOnBridge = services.some(
    ({ networkMode }) => networkMode === 'bridge' || networkMode === 'default',
  );
  const own = networks.filter(({ isExternal }) => !isExternal);
  const external = networks.filter(({ isExternal }) => isExternal);
  const predefined = new Set([
    ...external.map(({ name }) => name).filter((name) => PREDEFINED.has(name)),
    ...(isOnBridge ? ['bridge'] : []),
  ]);
  return {
    networks: [
      ...[...predefined].map(predefinedNetwork),
      ...own.map((network) => networkFacts(network, project)),
    ],
    containers: services.map((service) => containerFacts(service, model, byKey)),
    places: new Map([
      ...services.map(({ name, at }) => [serviceId(project, name), at] as const),
      ...networks.flatMap(({ name, at }) => (at === undefined ? [] : [[networkId(name), at] as const])),
    ]),
  };
}

/** No engine has such ids: what is made of a file is not taken for what runs. */
export function serviceId(project: string, name: string): string {
  return `compose:${project}/${name}`;
}

function networkId(name: string): string {
  return `compose:${name}`;
}

function networkFacts(network: ComposeNetwork, project: string): NetworkFacts {
  const { name, key, driver, options } = network;
  const bridge = options['com.docker.network.bridge.name'];
  return {
    ...{ id: networkId(name), name, driver, scope: driver === 'overlay' ? 'swarm' : 'local' },
    internal: network.isInternal,
    ...(driver === 'bridge' && bridge !== undefined && bridge !== '' ? { bridge } : {}),
    ...{ subnets: network.subnets, gateways: network.gateways, options },
    labels: { ...network.labels, [`${LABEL}project`]: project, [`${LABEL}network`]: key },
    composeProject: project,
    ...{ isAttachable: network.isAttachable, isIngress: false },
    ...{ hasIpv6: network.hasIpv6, isDefaultBridge: false },
  };
}

function predefinedNetwork(name: string): NetworkFacts {
  return {
    ...{ id: networkId(name), name, driver: PREDEFINED.get(name)!, scope: 'local', internal: false },
    ...{ subnets: [], gateways: [], options: {}, labels: {} },
    ...{ isAttachable: false, isIngress: false, hasIpv6: false, isDefaultBridge: name === 'bridge' },
  };
}

function containerFacts(
  service: ComposeService,
  model: ComposeModel,
  byKey: ReadonlyMap<string, ComposeNetwork>,
): ContainerFacts {
  const { name: project } = model;
  const id = serviceId(project, service.name);
  const attached = service.attachments.flatMap(({ network, ips }) => {
    const it = byKey.get(network);
    return it === undefined ? [] : [{ it, ips }];
  });
  const names = attached.map(({ it }) => it.name);
  const networkMode = modeOf(service, model, names);
  const onBridge = networkMode === 'bridge' && names.length === 0;
  const networks = onBridge ? ['bridge'] : names.filter((name) => name !== 'host' && name !== 'none');
  const name = service.containerName ?? `${project}-${service.name}-1`;
  const bindTo = attached
    .map(({ it }) => it.options[HOST_BINDING])
    .find((ip) => ip !== undefined && ip !== '');
  const asked = service.ports.map((port): PublishRequest => ({ ...port }));
  // The engine forgets the ports of who has no network namespace of its own.
  const isOwn = networkMode !== 'host' && networkMode !== 'none' && !networkMode.startsWith('container:');
  const published = isOwn ? asked.flatMap((port) => publishedPorts(port, bindTo)) : [];
  return {
    ...{ id, name, image: service.image ?? `${project}-${service.name}`, running: true },
    label: workloadLabel({ name, composeProject: project, composeService: service.name }),
    labels: { ...service.labels, [`${LABEL}project`]: project, [`${LABEL}service`]: service.name },
    ...{ composeProject: project, composeService: service.name, networkMode },
    ...{ isPrivileged: service.isPrivileged, capAdd: service.capAdd, capDrop: service.capDrop },
    ...pidOf(service, project),
    ...{ sysctls: service.sysctls, exposed: exposedOf(service), dns: service.dns },
    mounts: service.mounts.map(({ type, source, target, isReadOnly }) => ({
      ...{ type, source, destination: target, isWritable: !isReadOnly },
    })),
    ...(published.length === 0 ? {} : { published }),
    ...{ asked: isOwn ? asked : [], networks },
    endpoints: attached.map(
      ({ it, ips }): EngineEndpoint => ({
        ...{ networkId: networkId(it.name), networkName: it.name, containerId: id, ips, gateways: [] },
      }),
    ),
  };
}

/** HostConfig.NetworkMode, as Compose asks for it: the first network, where there are networks. */
function modeOf(
  service: ComposeService,
  { name: project }: ComposeModel,
  networks: readonly string[],
): string {
  const { networkMode } = service;
  if (networkMode === undefined) return networks[0] ?? 'none';
  if (networkMode === 'default') return 'bridge';
  const other = /^service:(.+)$/.exec(networkMode)?.[1];
  return other === undefined ? networkMode : `container:${serviceId(project, other)}`;
}

function pidOf({ pid }: ComposeService, project: string): Pick<ContainerFacts, 'pidMode'> {
  const other = /^service:(.+)$/.exec(pid ?? '')?.[1];
  if (other !== undefined) return { pidMode: `container:${serviceId(project, other)}` };
  return pid === undefined ? {} : { pidMode: pid };
}

/** Without an address the engine binds both families, unless the network says where to. */
function publishedPorts(port: PublishRequest, bindTo: string | undefined): PublishedPort[] {
  const { hostIp, ...rest } = port;
  const ips = hostIp !== undefined ? [hostIp] : bindTo !== undefined ? [bindTo] : ['0.0.0.0', '::'];
  return ips.map((ip) => ({ ...rest, hostIp: ip }));
}

function exposedOf({ exposed, ports }: ComposeService): string[] {
  return [
    ...new Set([...exposed, ...ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)]),
  ];
}
