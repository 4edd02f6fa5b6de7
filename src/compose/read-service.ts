/** A merged service as what it asks of the engine. Attributes that Compose does not have are remarked, not dropped in silence. */
import { formatIp, parseIp } from '../model/ip.ts';
import { nearest } from '../model/nearest.ts';
import { asDict } from './merge.ts';
import type { ComposeAttachment, ComposeMount, ComposeService, Unset } from './model.ts';
import { readMounts } from './mounts.ts';
import { readExposed, readPorts } from './ports.ts';
import { invalid, type Place, type Remark } from './problem.ts';
import { type Dict, type Entry, type Item, unsetIn } from './tree.ts';
import { attribute, dictAt, flagAt, integerAt, itemsAt, pairsAt, textAt, textsAt } from './values.ts';

export interface ReadServiceContext {
  readonly folderOf: (place: Place) => string;
  readonly remark: (remark: Remark) => void;
}

/** Where the engine's socket is on the host, for `use_api_socket`. */
const API_SOCKET: ComposeMount = {
  ...{ type: 'bind', source: '/var/run/docker.sock', target: '/var/run/docker.sock', isReadOnly: false },
};

export function readService(
  name: string,
  { at, value: service }: Entry,
  context: ReadServiceContext,
): ComposeService {
  if (service.kind !== 'dict') throw invalid(`the service ${name} ought to be a mapping`, service.place);
  remarkUnknown(name, service, context);
  // Of a variable that is not set nothing is left.
  const networkMode = textAt(service, 'network_mode') || undefined;
  const attachments = readAttachments(service);
  if (networkMode !== undefined && attachments.length > 0) {
    throw invalid(`the service ${name} has both network_mode and networks; keep one of them`, at);
  }
  const image = textAt(service, 'image');
  const containerName = textAt(service, 'container_name');
  const pid = textAt(service, 'pid');
  const replicas = integerAt(service, 'scale') ?? integerAt(dictAt(service, 'deploy'), 'replicas');
  const mounts = readMounts(service, context.folderOf);
  return {
    ...{ name, at, labels: pairsAt(service, 'labels') },
    ...(image === undefined ? {} : { image }),
    ...(containerName === undefined || containerName === '' ? {} : { containerName }),
    ...(networkMode === undefined ? {} : { networkMode }),
    attachments: attachments.length > 0 || networkMode !== undefined ? attachments : [ON_DEFAULT],
    ...{ ports: readPorts(service), exposed: readExposed(service) },
    mounts: flagAt(service, 'use_api_socket') === true ? [...mounts, API_SOCKET] : mounts,
    isPrivileged: flagAt(service, 'privileged') === true,
    capAdd: capabilities(textsAt(service, 'cap_add')),
    capDrop: capabilities(textsAt(service, 'cap_drop')),
    ...(pid === undefined || pid === '' ? {} : { pid }),
    sysctls: pairsAt(service, 'sysctls'),
    dns: textsAt(service, 'dns', true).map(canonicalAddress),
    profiles: textsAt(service, 'profiles'),
    ...(replicas === undefined ? {} : { replicas }),
    unset: unsetOf(service),
  };
}

const ON_DEFAULT: ComposeAttachment = { network: 'default', ips: [], priority: 0 };

/** The highest priority first, then by name: the engine makes the container on the first of them. */
function readAttachments(service: Dict): ComposeAttachment[] {
  const networks = attribute(service, 'networks');
  if (networks === undefined) return [];
  if (networks.kind === 'scalar') throw invalid('networks ought to be a list or a mapping', networks.place);
  return [...asDict(networks).entries]
    .map(([network, { value }]) => {
      const ips = [textAt(value, 'ipv4_address'), textAt(value, 'ipv6_address')];
      return {
        network,
        ips: ips.filter((ip) => ip !== undefined).map(canonicalAddress),
        priority: integerAt(value, 'priority') ?? 0,
      };
    })
    .sort((a, b) => b.priority - a.priority || (a.network < b.network ? -1 : 1));
}

/** By the fields of a state, which are what is compared. */
function unsetOf(service: Dict): Unset {
  const of = (...names: readonly string[]) => names.flatMap((name) => unsetIn(attribute(service, name)));
  const all: Unset = {
    networks: of('networks', 'network_mode'),
    networkMode: of('network_mode', 'networks'),
    ports: of('ports'),
    isPrivileged: of('privileged'),
    capAdd: of('cap_add'),
    capDrop: of('cap_drop'),
    pidMode: of('pid'),
    sysctls: of('sysctls'),
    sockets: of('volumes', 'use_api_socket', 'volumes_from'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, names]) => names.length > 0));
}

function capabilities(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toUpperCase().replace(/^CAP_/, '')))];
}

function canonicalAddress(text: string): string {
  const words = parseIp(text);
  return words === undefined ? text : formatIp(...words);
}

function remarkUnknown(name: string, service: Dict, { remark }: ReadServiceContext): void {
  for (const [key, { at }] of service.entries) {
    if (KNOWN.has(key) || key.startsWith('x-')) continue;
    const meant = nearest(key, [...KNOWN]);
    remark({
      text: `the service ${name} has ${JSON.stringify(key)}, which Compose does not know${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      place: at,
    });
  }
  for (const [key, told] of Object.entries(NOT_READ)) {
    const item = attribute(service, key);
    if (item !== undefined) remark({ text: `the service ${name}: ${told}`, place: item.place });
  }
  for (const hook of ['post_start', 'pre_stop']) {
    if (itemsAt(service, hook).some((item: Item) => flagAt(item, 'privileged') === true)) {
      remark({
        text: `the service ${name}: a ${hook} command runs privileged, and no check looks at it`,
        place: attribute(service, hook)!.place,
      });
    }
  }
}

/** What could change what the checks say, and is somewhere else than in the file. */
const NOT_READ: Readonly<Record<string, string>> = {
  label_file: 'labels of its label_file are not read',
  provider: 'it is made by a provider, of which the file does not tell',
  external_links: 'its external_links lead to containers of which the file does not tell',
};

/** Attributes of a service: Compose Specification 05-services, with what older formats had. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    'annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count cpu_percent ' +
    'cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop ' +
    'device_cgroup_rules devices dns dns_opt dns_search domainname driver_opts entrypoint env_file environment expose extends ' +
    'external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links log_driver ' +
    'log_opt logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models net network_mode networks ' +
    'oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy ' +
    'pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal ' +
    'storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volume_driver volumes volumes_from working_dir'
  ).split(' '),
);
