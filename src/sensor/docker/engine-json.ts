/**
 * What the engine says, read loosely: engines differ between versions, and a missing or odd field must cost that
 * field, never the inventory. Addresses, prefixes and MACs come out in one canonical text.
 */
import { formatCidr, formatIp, parseCidr, parseIp } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { array, defined, type Json, number, object, string, strings } from './json.ts';

/** A container's place on a network. Engines <= 20.10 know it here up to 0.4 s before `docker inspect` answers. */
export interface EngineEndpoint {
  readonly networkId: string;
  readonly networkName: string;
  readonly containerId: string;
  readonly containerName?: string;
  /** Changes with each connect, also when the addresses do not. */
  readonly endpointId?: string;
  /** IPv4 first. Empty on the networks `host` and `none`. */
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly gateways: readonly string[];
}

export interface EngineNetwork {
  readonly network: Network;
  /**
   * A Swarm's, before its manager has given it driver and addresses; the engine tells of it already (moby
   * daemon/cluster/convert/network.go). Nobody can be on it yet.
   */
  readonly isPending?: true;
  readonly endpoints: readonly EngineEndpoint[];
}

/** `--publish`: what the host forwards to a container. */
export interface PublishedPort {
  readonly protocol: string;
  /** `0.0.0.0` and `::` mean any address of the host. */
  readonly hostIp: string;
  /** 0: the engine is to choose one; of Compose files only, since an engine has chosen. */
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface EngineContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageDigest?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkMode?: string;
  /** Absent in lists of containers. */
  readonly running?: boolean;
  readonly pid?: number;
  readonly sandboxKey?: string;
  readonly startedAt?: Micros;
  /** Absent when the engine did not tell; it knows chosen ports only once the container runs. */
  readonly published?: readonly PublishedPort[];
  /** `80/tcp`: EXPOSE of the image and `--expose`. Absent in lists of containers. */
  readonly exposed?: readonly string[];
  /** `--dns`. Absent in lists of containers. */
  readonly dns?: readonly string[];
  /** The container's /etc/resolv.conf, on the engine's file system; another's for `container:ID`. */
  readonly resolvConfPath?: string;
  /** What it was given to ask for names, the embedded resolver left out where its networks tell of that. */
  readonly resolvers?: readonly string[];
  readonly endpoints: readonly EngineEndpoint[];
}

export interface EngineEvent {
  readonly type: 'network' | 'container';
  readonly action: string;
  /** Of the network or the container. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly time: Micros;
}

/** From `GET /networks` (no endpoints) or `GET /networks/ID`. */
export function readNetwork(json: unknown): EngineNetwork | undefined {
  const from = object(json);
  const id = string(from['Id']);
  const name = string(from['Name']);
  if (id === undefined || name === undefined) return undefined;
  const driver = string(from['Driver']) ?? 'unknown';
  const options = strings(from['Options']);
  const labels = strings(from['Labels']);
  const ipam = array(object(from['IPAM'])['Config']).map(object);
  const bridge = driver === 'bridge' ? bridgeName(id, options) : undefined;
  const composeProject = labels['com.docker.compose.project'];
  return {
    network: {
      id,
      name,
      driver,
      scope: string(from['Scope']) ?? 'unknown',
      internal: from['Internal'] === true,
      ...(bridge === undefined ? {} : { bridge }),
      subnets: defined(ipam.map((config) => prefix(config['Subnet']))),
      gateways: defined(ipam.map((config) => address(config['Gateway']))),
      options,
      labels,
      ...(composeProject === undefined ? {} : { composeProject }),
    },
    ...(from['Scope'] === 'swarm' && string(from['Driver']) === undefined ? { isPending: true } : {}),
    endpoints: readNetworkMembers(id, name, object(from['Containers'])),
  };
}

/** libnetwork drivers/bridge: the option, else docker0 for the default network, else `br-` and 12 digits of the id. */
export function bridgeName(networkId: string, options: Readonly<Record<string, string>>): string {
  const named = options['com.docker.network.bridge.name'];
  if (named !== undefined && named !== '') return named;
  if (options['com.docker.network.bridge.default_bridge'] === 'true') return 'docker0';
  return `br-${networkId.slice(0, 12)}`;
}

/** From `GET /containers/ID/json`. */
export function readContainer(json: unknown): EngineContainer | undefined {
  const from = object(json);
  const config = object(from['Config']);
  const state = object(from['State']);
  const settings = object(from['NetworkSettings']);
  const id = string(from['Id']);
  if (id === undefined) return undefined;
  const pid = number(state['Pid']);
  const sandboxKey = string(settings['SandboxKey']);
  const startedAt = time(state['StartedAt']);
  const published = readPortMap(settings['Ports']);
  const resolvConfPath = string(from['ResolvConfPath']);
  return {
    ...readCommon(
      id,
      from,
      string(from['Name']),
      string(config['Image']),
      string(from['Image']),
      config['Labels'],
    ),
    running: state['Running'] === true,
    ...(pid === undefined || pid === 0 ? {} : { pid }),
    ...(sandboxKey === undefined ? {} : { sandboxKey }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(published.length === 0 ? {} : { published }),
    exposed: Object.keys(object(config['ExposedPorts'])).map((port) =>
      port.includes('/') ? port : `${port}/tcp`,
    ),
    dns: defined(array(object(from['HostConfig'])['Dns']).map(address)),
    ...(resolvConfPath === undefined ? {} : { resolvConfPath }),
    endpoints: readContainerNetworks(id, object(settings['Networks'])),
  };
}

/** One entry of `GET /containers/json`: the engine answers it without waiting for a container that is starting. */
export function readListedContainer(json: unknown): EngineContainer | undefined {
  const from = object(json);
  const id = string(from['Id']);
  if (id === undefined) return undefined;
  // Legacy links add `/other/alias` names; the container's own has one slash.
  const name = defined(array(from['Names']).map(string)).find((entry) => entry.lastIndexOf('/') === 0);
  const networks = object(object(from['NetworkSettings'])['Networks']);
  const published = readPortList(from['Ports']);
  return {
    ...readCommon(id, from, name, string(from['Image']), string(from['ImageID']), from['Labels']),
    ...(published.length === 0 ? {} : { published }),
    endpoints: readContainerNetworks(id, networks),
  };
}

/** One line of `GET /events`; undefined for what we do not follow. */
export function readEvent(json: unknown): EngineEvent | undefined {
  const from = object(json);
  const actor = object(from['Actor']);
  const type = from['Type'];
  const action = string(from['Action']);
  const id = string(actor['ID']);
  if ((type !== 'network' && type !== 'container') || action === undefined || id === undefined)
    return undefined;
  const nanos = number(from['timeNano']);
  const secs = number(from['time']);
  const at =
    nanos !== undefined
      ? Math.floor(nanos / 1000)
      : secs !== undefined
        ? secs * MICROS_PER_SECOND
        : undefined;
  if (at === undefined) return undefined;
  return { type, action, id, attributes: strings(actor['Attributes']), time: at };
}

function readCommon(
  id: string,
  from: Json,
  name: string | undefined,
  image: string | undefined,
  imageId: string | undefined,
  labels: unknown,
): Omit<EngineContainer, 'endpoints'> {
  // With the containerd store the engine names the manifest; before that the image's own id is the only digest here.
  const manifest = string(object(from['ImageManifestDescriptor'])['digest']);
  const pinned = image?.match(/@(sha256:[0-9a-f]{64})$/)?.[1];
  const imageDigest = manifest ?? pinned ?? imageId;
  const mode = string(object(from['HostConfig'])['NetworkMode']);
  return {
    id,
    name: (name ?? id.slice(0, 12)).replace(/^\//, ''),
    image: image ?? imageId ?? 'unknown',
    ...(imageDigest === undefined ? {} : { imageDigest }),
    labels: strings(labels),
    // The API's word for "the default bridge" when the user said nothing.
    ...(mode === undefined ? {} : { networkMode: mode === 'default' ? 'bridge' : mode }),
  };
}

function readNetworkMembers(networkId: string, networkName: string, members: Json): EngineEndpoint[] {
  const endpoints: EngineEndpoint[] = [];
  for (const [containerId, value] of Object.entries(members)) {
    // Others are `ep-ID` (attached to nothing yet) and `lb-NAME` (Swarm's load balancer).
    if (!/^[0-9a-f]{64}$/.test(containerId)) continue;
    const member = object(value);
    const containerName = string(member['Name']);
    endpoints.push({
      networkId,
      networkName,
      containerId,
      ...(containerName === undefined ? {} : { containerName }),
      ...endpointFields(member['EndpointID'], member['MacAddress']),
      ips: defined([address(member['IPv4Address']), address(member['IPv6Address'])]),
      gateways: [],
    });
  }
  return endpoints;
}

function readContainerNetworks(containerId: string, networks: Json): EngineEndpoint[] {
  const endpoints: EngineEndpoint[] = [];
  for (const [networkName, value] of Object.entries(networks)) {
    const settings = object(value);
    const networkId = string(settings['NetworkID']);
    const endpointId = string(settings['EndpointID']);
    // Without an endpoint it is only configured, not connected: a stopped container, or one that is starting.
    if (networkId === undefined || endpointId === undefined) continue;
    endpoints.push({
      networkId,
      networkName,
      containerId,
      ...endpointFields(endpointId, settings['MacAddress']),
      ips: defined([address(settings['IPAddress']), address(settings['GlobalIPv6Address'])]),
      gateways: defined([address(settings['Gateway']), address(settings['IPv6Gateway'])]),
    });
  }
  return endpoints;
}

/** `{ "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8080" }] }`, null for what is exposed and not published. */
function readPortMap(value: unknown): PublishedPort[] {
  return Object.entries(object(value)).flatMap(([exposed, bindings]) => {
    const [port, protocol = 'tcp'] = exposed.split('/');
    return defined(
      array(bindings).map((binding) => {
        const { HostIp, HostPort } = object(binding);
        return publishedPort(protocol, string(HostIp), Number(string(HostPort)), Number(port));
      }),
    );
  });
}

/** `[{ "IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp" }]`, without a PublicPort for exposed ones. */
function readPortList(value: unknown): PublishedPort[] {
  return defined(
    array(value).map((entry) => {
      const { Type, IP, PublicPort, PrivatePort } = object(entry);
      return publishedPort(string(Type) ?? 'tcp', string(IP), Number(PublicPort), Number(PrivatePort));
    }),
  );
}

function publishedPort(
  protocol: string,
  hostIp: string | undefined,
  hostPort: number,
  containerPort: number,
): PublishedPort | undefined {
  const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535;
  if (!isPort(hostPort) || !isPort(containerPort)) return undefined;
  return { protocol, hostIp: address(hostIp) ?? '0.0.0.0', hostPort, containerPort };
}

function endpointFields(endpoint: unknown, macAddress: unknown): Pick<EngineEndpoint, 'endpointId' | 'mac'> {
  const endpointId = string(endpoint);
  const mac = string(macAddress)?.toLowerCase();
  return {
    ...(endpointId === undefined ? {} : { endpointId }),
    ...(mac !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? { mac } : {}),
  };
}

/** With or without a prefix length, as the engine writes both. */
function address(value: unknown): string | undefined {
  const words = parseIp(string(value)?.replace(/\/\d+$/, '') ?? '');
  return words === undefined ? undefined : formatIp(...words);
}

function prefix(value: unknown): string | undefined {
  const cidr = parseCidr(string(value) ?? '');
  return cidr === undefined ? undefined : formatCidr(cidr);
}

/** RFC 3339 with up to nine decimals. Go's zero time (year 1) means never. */
function time(value: unknown): Micros | undefined {
  const text = string(value);
  if (text === undefined || text.startsWith('0001-')) return undefined;
  const millis = Date.parse(text);
  if (Number.isNaN(millis)) return undefined;
  const decimals = text.match(/\.(\d+)/)?.[1] ?? '';
  return Math.floor(millis / 1000) * MICROS_PER_SECOND + Number(decimals.padEnd(6, '0').slice(0, 6));
}
