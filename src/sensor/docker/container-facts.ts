/**
 * What the audit asks of a container beyond the inventory: the rights it was given, what of the host it sees, which
 * ports were asked for. From `GET /containers/ID/json`, read as loosely as the rest.
 */
import { formatIp, parseIp } from '../../model/ip.ts';
import { workloadLabel } from '../../model/network.ts';
import { type EngineContainer, type PublishedPort, readContainer } from './engine-json.ts';
import { array, defined, object, string, strings } from './json.ts';

export interface ContainerMount {
  /** `bind`, `volume`, `tmpfs`, `npipe`, `cluster`. */
  readonly type: string;
  /** On the host. */
  readonly source: string;
  readonly destination: string;
  readonly isWritable: boolean;
}

export interface PublishRequest extends Omit<PublishedPort, 'hostIp'> {
  /** Absent: any address. */
  readonly hostIp?: string;
}

/** A container that runs. */
export interface ContainerFacts extends EngineContainer {
  /** As people name it: `shop/db`, else its name. */
  readonly label: string;
  readonly composeProject?: string;
  readonly composeService?: string;
  /** HostConfig.NetworkMode: `bridge`, `host`, `none`, `container:ID`, or a network's name. */
  readonly networkMode: string;
  readonly isPrivileged: boolean;
  /** Without `CAP_`, in capitals; `ALL` among them. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** `host`, `container:ID`; absent for a namespace of its own. */
  readonly pidMode?: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
  /**
   * HostConfig.PortBindings: what was asked for, where `published` is what came of it. No address: all of both families;
   * host port 0: the engine chooses. Ports that only `--publish-all` opens are not in it.
   */
  readonly asked?: readonly PublishRequest[];
  /** Names of its networks, in the engine's order; empty for those of the host and of other containers. */
  readonly networks: readonly string[];
}

/** Undefined for what is no container, and for one that does not run. */
export function readContainerFacts(json: unknown): ContainerFacts | undefined {
  const container = readContainer(json);
  if (container === undefined || container.running !== true) return undefined;
  const host = object(object(json)['HostConfig']);
  const composeProject = container.labels['com.docker.compose.project'];
  const composeService = container.labels['com.docker.compose.service'];
  const swarmService = container.labels['com.docker.swarm.service.name'];
  const pidMode = string(host['PidMode']);
  return {
    ...container,
    label: workloadLabel({ name: container.name, composeProject, composeService, swarmService }),
    ...(composeProject === undefined ? {} : { composeProject }),
    ...(composeService === undefined ? {} : { composeService }),
    networkMode: container.networkMode ?? 'bridge',
    isPrivileged: host['Privileged'] === true,
    capAdd: capabilities(host['CapAdd']),
    capDrop: capabilities(host['CapDrop']),
    ...(pidMode === undefined || pidMode === 'private' ? {} : { pidMode }),
    sysctls: strings(host['Sysctls']),
    mounts: defined(array(object(json)['Mounts']).map(readMount)),
    asked: readPortBindings(host['PortBindings']),
    networks: container.endpoints
      .map(({ networkName }) => networkName)
      .filter((name) => name !== 'host' && name !== 'none'),
  };
}

function capabilities(value: unknown): string[] {
  return defined(array(value).map(string)).map((name) => name.toUpperCase().replace(/^CAP_/, ''));
}

function readMount(value: unknown): ContainerMount | undefined {
  const { Type, Source, Destination, RW } = object(value);
  const source = string(Source);
  const destination = string(Destination);
  if (source === undefined || destination === undefined) return undefined;
  return { type: string(Type) ?? 'unknown', source, destination, isWritable: RW !== false };
}

/** `{ "80/tcp": [{ "HostIp": "", "HostPort": "8080" }] }`; the port is empty, `0` or a range where the engine is to choose. */
function readPortBindings(value: unknown): PublishRequest[] {
  return Object.entries(object(value)).flatMap(([exposed, bindings]) => {
    const [port, protocol = 'tcp'] = exposed.split('/');
    return array(bindings).map((binding) => {
      const { HostIp, HostPort } = object(binding);
      const words = parseIp(string(HostIp) ?? '');
      const hostPort = Number(string(HostPort));
      return {
        ...(words === undefined ? {} : { hostIp: formatIp(...words) }),
        ...{ protocol, hostPort: Number.isInteger(hostPort) ? hostPort : 0, containerPort: Number(port) },
      };
    });
  });
}
