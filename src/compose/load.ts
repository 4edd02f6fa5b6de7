/**
 * Compose files to a project, as Compose itself reads them: files in their order, variables, profiles, the project's name.
 * It reads files and nothing else: no engine is asked, nothing is fetched, nothing is run.
 */
import { dirname } from 'node:path';
import { nearest } from '../model/nearest.ts';
import { environmentOf, type ShellVariables } from './environment.ts';
import { MAX_PORTS, MAX_SERVICES } from './limits.ts';
import { TreeLoader } from './load-tree.ts';
import type { ComposeModel, ComposeNetwork, ComposeService } from './model.ts';
import { invalid, type Remark, tooLarge } from './problem.ts';
import { ProjectFiles } from './project-files.ts';
import { projectName } from './project-name.ts';
import { readNetwork } from './read-network.ts';
import { readService } from './read-service.ts';
import { type Dict, get, type Item, isNull } from './tree.ts';
import { attribute, dictAt, textAt } from './values.ts';

export interface ProjectRequest {
  /** In the order in which they are merged; at least one. */
  readonly files: readonly string[];
  /** Absent: the folder of the first file. */
  readonly folder?: string;
  /** Absent: `.env` of the folder, where there is one. */
  readonly envFiles?: readonly string[];
  /** Beside those of COMPOSE_PROFILES; `*`: all. */
  readonly profiles?: readonly string[];
  /** What goes before all that the files say. */
  readonly name?: string;
  readonly shell: ShellVariables;
  /** False: variables that are needed (`${NAME:?words}`) may be unset, as where a project is looked at that runs. */
  readonly isStrict: boolean;
  /** See ProjectFiles. */
  readonly within?: readonly string[];
}

/** Throws a ComposeError for what cannot be read, and for what Compose would refuse. */
export function loadCompose(request: ProjectRequest): ComposeModel {
  const { files: paths, isStrict, shell, within } = request;
  const folder = request.folder ?? dirname(paths[0]!);
  const files = new ProjectFiles(within === undefined ? {} : { within });
  const remarks = new Map<string, Remark>();
  const remark = (each: Remark): void => {
    remarks.set(JSON.stringify(each), each);
  };
  const lookup = environmentOf({ shell, folder, envFiles: request.envFiles }, files);
  const loader = new TreeLoader(files, { isStrict, remark });
  const tree = loader.load(paths, folder, lookup);
  const name = projectName({
    ...{ asked: request.name, variable: lookup('COMPOSE_PROJECT_NAME') },
    inFile: nameIn(tree),
    folder,
  });
  const services = servicesOf(tree, paths[0]!, loader, remark);
  const active = new Set([...(request.profiles ?? []), ...(lookup('COMPOSE_PROFILES') ?? '').split(',')]);
  const isActive = ({ profiles }: ComposeService): boolean =>
    profiles.length === 0 || active.has('*') || profiles.some((profile) => active.has(profile));
  const running = services.filter(isActive);
  const networks = networksOf(tree, running, name, remark);
  remarkTop(tree, remark);
  return {
    ...{ name, folder, files: loader.paths, services: running, networks },
    inactive: services.filter((service) => !isActive(service)).map((service) => service.name),
    remarks: [...remarks.values()],
  };
}

function nameIn(tree: Dict): { readonly name: string; readonly place: Item['place'] } | undefined {
  const name = textAt(tree, 'name');
  return name === undefined ? undefined : { name, place: get(tree, 'name')!.place };
}

function servicesOf(
  tree: Dict,
  path: string,
  loader: TreeLoader,
  remark: (remark: Remark) => void,
): ComposeService[] {
  const entries = [...(dictAt(tree, 'services')?.entries ?? [])];
  if (entries.length === 0) {
    throw invalid(`no services in it: is it a Compose file, of format 2 or later?`, {
      file: path,
      line: 1,
      column: 1,
    });
  }
  if (entries.length > MAX_SERVICES) throw tooLarge(`more than ${MAX_SERVICES} services`, tree.place);
  const folderOf = loader.folderOf.bind(loader);
  const services = entries.map(([name, entry]) => {
    if (!/^[A-Za-z0-9._-]+$/.test(name))
      throw invalid('the name of a service has letters, digits, ., _ and - only', entry.at);
    return readService(name, entry, { folderOf, remark });
  });
  if (services.reduce((sum, { ports, exposed }) => sum + ports.length + exposed.length, 0) > MAX_PORTS) {
    throw tooLarge(`more than ${MAX_PORTS} ports`, tree.place);
  }
  return services.map((service) => withVolumesFrom(service, tree, services, remark));
}

/** Mounts of another service, which may bring a socket along. */
function withVolumesFrom(
  service: ComposeService,
  tree: Dict,
  services: readonly ComposeService[],
  remark: (remark: Remark) => void,
): ComposeService {
  const from = attribute(get(get(tree, 'services'), service.name), 'volumes_from');
  if (from === undefined) return service;
  if (from.kind !== 'list') throw invalid('volumes_from ought to be a list', from.place);
  const mounts = from.items.flatMap((item) => {
    const [name = '', mode] = (item.kind === 'scalar' ? String(item.value) : '').split(':');
    const other = services.find((each) => each.name === name);
    if (other === undefined) {
      remark({
        text: `the service ${service.name}: volumes_from a container of which the file does not tell`,
        place: item.place,
      });
      return [];
    }
    return other.mounts.map((mount) => (mode === 'ro' ? { ...mount, isReadOnly: true } : mount));
  });
  const own = new Set(service.mounts.map(({ target }) => target));
  return { ...service, mounts: [...service.mounts, ...mounts.filter(({ target }) => !own.has(target))] };
}

/** Those that are used: Compose makes no others. */
function networksOf(
  tree: Dict,
  services: readonly ComposeService[],
  project: string,
  remark: (remark: Remark) => void,
): ComposeNetwork[] {
  const declared = dictAt(tree, 'networks')?.entries ?? new Map();
  const used = new Map<string, ComposeService>();
  for (const service of services) {
    for (const { network } of service.attachments) if (!used.has(network)) used.set(network, service);
  }
  for (const [key, { at }] of declared) {
    if (used.has(key)) continue;
    remark({
      text: `the network ${key} is declared, and no service of these profiles is on it: Compose does not make it`,
      place: at,
    });
  }
  return [...used].map(([key, { name, at }]) => {
    const entry = declared.get(key);
    if (entry === undefined && key !== 'default') {
      const meant = nearest(key, [...declared.keys()]);
      throw invalid(
        `the service ${name} is on the network ${JSON.stringify(key)}, which no networks: declares${meant === undefined ? '' : `; did you mean ${meant}?`}`,
        at,
      );
    }
    const network = readNetwork(key, entry, project, remark);
    if (network.isExternal && !PREDEFINED.has(network.name)) {
      remark({
        text: `the network ${key} is external: somebody else makes it, and nothing is known of it here`,
        ...(network.at === undefined ? {} : { place: network.at }),
      });
    }
    return network;
  });
}

/** The engine's own, the same on each host. */
const PREDEFINED: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);

const TOP: ReadonlySet<string> = new Set(
  'version name services networks volumes secrets configs models include'.split(' '),
);

function remarkTop(tree: Dict, remark: (remark: Remark) => void): void {
  for (const [key, { at, value }] of tree.entries) {
    if (TOP.has(key) || key.startsWith('x-') || isNull(value)) continue;
    const meant = nearest(key, [...TOP]);
    remark({
      text: `${JSON.stringify(key)} is no section that Compose knows${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      place: at,
    });
  }
}
