/**
 * The Compose projects that run, with what their files ask for: Compose leaves on each container where its files are. A
 * label is anybody's word (an image can bring it along), so files are read only in the folders that it names, as `ProjectFiles`
 * has it, and of what cannot be read nothing but the place is told. The shell in which a project was started is not known.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { loadCompose } from '../../../compose/load.ts';
import type { ComposeModel, ComposeNetwork } from '../../../compose/model.ts';
import { ComposeError } from '../../../compose/problem.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import { stateOf } from '../drift/state.ts';
import { type AuditFacts, type ComposeProject, known, notKnown, type UnsetVariables } from '../facts.ts';
import { factsOfModel } from './model-facts.ts';

const LABEL = 'com.docker.compose.';
const FILES = `${LABEL}project.config_files`;
const FOLDER = `${LABEL}project.working_dir`;
const ENV_FILES = `${LABEL}project.environment_file`;
/** Its files are read while an audit waits. */
const MAX_PROJECTS = 200;

/** `isHere`: the engine's files are ours. */
export function runningProjects(
  containers: AuditFacts['containers'],
  isHere: boolean,
): AuditFacts['compose'] {
  if (!containers.ok) return containers;
  const groups = new Map<string, ContainerFacts[]>();
  for (const container of containers.value.filter(isOfProject)) {
    const { labels, composeProject } = container;
    const key = JSON.stringify([composeProject, labels[FOLDER], labels[FILES], labels[ENV_FILES]]);
    groups.set(key, [...(groups.get(key) ?? []), container]);
  }
  return known([...groups.values()].map((members, i) => readProject(members, isHere, i < MAX_PROJECTS)));
}

/** `docker compose run` makes containers of its own, with other ports and command than the file has: they are nobody's drift. */
function isOfProject({ composeProject, composeService, labels }: ContainerFacts): boolean {
  return (
    composeProject !== undefined &&
    composeService !== undefined &&
    labels[`${LABEL}oneoff`]?.toLowerCase() !== 'true'
  );
}

function readProject(
  members: readonly ContainerFacts[],
  isHere: boolean,
  isAmongFirst: boolean,
): ComposeProject {
  const { labels, composeProject: name = '' } = members[0]!;
  const folder = labels[FOLDER];
  const files = listOf(labels[FILES]).map((path) => fromFolder(path, folder));
  const project = { name, files, containerIds: members.map(({ id }) => id), unset: [], places: new Map() };
  const unread = (reason: string, remedy: string): ComposeProject => ({
    ...project,
    state: notKnown(reason, remedy),
  });
  if (files.length === 0 || files.some((path) => !isAbsolute(path))) {
    return unread(
      'its containers do not say where its Compose files are',
      'Deploy it with docker compose 2, from files: `bridgewatch audit --compose FILE` looks at them before.',
    );
  }
  if (!isHere)
    return unread('its Compose files are on another host, with the engine', 'Run the audit there.');
  if (!isAmongFirst) {
    return unread(
      `only the files of ${MAX_PROJECTS} projects are read`,
      'Look at it with `bridgewatch audit --compose FILE`.',
    );
  }
  try {
    const model = loadCompose(requestOf(name, files, folder, listOf(labels[ENV_FILES])));
    const { networks, containers, places } = factsOfModel(model);
    const named = [...networks, ...containers.map(({ id, label }) => ({ id, name: label }))];
    return {
      ...{ ...project, files: model.files, state: known(stateOf(networks, containers)) },
      unset: unsetIn(model),
      places: new Map(
        named.flatMap(({ id, name: its }) => {
          const at = places.get(id);
          return at === undefined ? [] : [[its, { file: at.file, line: at.line }] as const];
        }),
      ),
    };
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    return unread(error.message, remedyFor(error));
  }
}

function requestOf(
  name: string,
  files: readonly string[],
  folder: string | undefined,
  envFiles: readonly string[],
) {
  const working = folder !== undefined && isAbsolute(folder) ? folder : dirname(files[0]!);
  return {
    ...{ name, files, folder: working, shell: {}, isStrict: false, profiles: ['*'] },
    ...(envFiles.length === 0 ? {} : { envFiles }),
    // The root of all would hold every file.
    within: [...new Set([...files.map((path) => dirname(path)), working])].filter((path) => path !== '/'),
  };
}

function remedyFor({ code }: ComposeError): string {
  if (code === 'COMPOSE_UNREADABLE') {
    return "Run the audit as root on the engine's host; in a container, mount the project's folder at the same path, read-only.";
  }
  return 'Look at it with `docker compose config`, or `bridgewatch audit --compose FILE`.';
}

function listOf(label: string | undefined): string[] {
  return (label ?? '')
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '');
}

function fromFolder(path: string, folder: string | undefined): string {
  return isAbsolute(path) || folder === undefined ? path : join(folder, path);
}

/** A network whose name waits for a variable leaves open on which networks its members are. */
function unsetIn({ name: project, services, networks }: ComposeModel): UnsetVariables[] {
  const nameless = new Map(networks.map((network) => [network.key, network.unset['name'] ?? []]));
  const of = (kind: UnsetVariables['kind'], name: string, unset: ComposeNetwork['unset']): UnsetVariables[] =>
    Object.entries(unset)
      .filter(([field]) => kind === 'service' || field !== 'name')
      .map(([field, variables]) => ({ kind, name, field: field as UnsetVariables['field'], variables }));
  return [
    ...networks.flatMap((network) => of('network', network.name, network.unset)),
    ...services.flatMap((service) => {
      const names = service.attachments.flatMap(({ network }) => nameless.get(network) ?? []);
      const all = [...(service.unset['networks'] ?? []), ...names];
      return of('service', `${project}/${service.name}`, {
        ...service.unset,
        ...(all.length === 0 ? {} : { networks: all }),
      });
    }),
  ];
}
