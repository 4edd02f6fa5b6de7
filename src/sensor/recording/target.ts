/**
 * What a person asks to have recorded: networks and containers by the names that people know. It opens nothing; what a
 * word can mean in two ways is refused with both, never guessed.
 */
import { type Network, shortNetworkName, type Workload, workloadLabel } from '../../model/network.ts';
import type { ContainerState } from '../docker/inventory-event.ts';

export interface KnownWorld {
  readonly networks: readonly Network[];
  readonly containers: readonly ContainerState[];
}

/** A whole network, or the containers of one name on all of their networks, also those that come later. */
export type Target =
  | { readonly kind: 'network'; readonly name: string; readonly networkId: string }
  | {
      readonly kind: 'containers';
      readonly name: string;
      readonly includes: (workload: Workload) => boolean;
    };

export type TargetErrorCode = 'TARGET_UNKNOWN' | 'TARGET_AMBIGUOUS';

export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly code: TargetErrorCode;

  constructor(code: TargetErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** As `docker` does: fewer digits of an id are more likely a name. */
const MIN_ID_DIGITS = 4;
/** Of each kind, in a message. */
const MAX_NAMED = 8;

/** `network:data`, `container:shop-db-1`, `service:shop/db`; or the name alone, where it means one thing. */
export function targetOf(word: string, world: KnownWorld): Target {
  const [, only, name = word] = /^(network|container|service):(.+)$/.exec(word) ?? [];
  const found: Target[] = [];
  if (only === undefined || only === 'network') found.push(...networksCalled(name, world));
  if (only !== 'network') found.push(...containersCalled(name, world, only));
  const [first, second] = found;
  if (first === undefined) throw new TargetError('TARGET_UNKNOWN', unknownText(word, world));
  if (second === undefined) return first;
  const readings = found.map((target) =>
    target.kind === 'network' ? `network:${target.name}` : `container:${target.name}`,
  );
  throw new TargetError(
    'TARGET_AMBIGUOUS',
    `"${word}" can be ${[...new Set(readings)].join(' or ')}; say which, written so, or with more of its id`,
  );
}

function networksCalled(name: string, { networks }: KnownWorld): Target[] {
  const exact = networks.filter((network) => network.name === name);
  const short = networks.filter((network) => shortNetworkName(network.name, network.composeProject) === name);
  const byId = isIdPrefix(name) ? networks.filter(({ id }) => id.startsWith(name)) : [];
  const chosen = firstThatHolds(exact, short, byId);
  return chosen.map((network) => ({ kind: 'network', name: network.name, networkId: network.id }));
}

function containersCalled(name: string, { containers }: KnownWorld, only: string | undefined): Target[] {
  const workloads = containers.map(({ workload }) => workload);
  const called = (includes: (workload: Workload) => boolean): Target[] =>
    workloads.some(includes) ? [{ kind: 'containers', name, includes }] : [];
  const byName = only === 'service' ? [] : called((workload) => workload.name === name);
  const byLabel = called((workload) => workloadLabel(workload) === name);
  const byService = called((workload) => workload.composeService === name || workload.swarmService === name);
  const byId =
    only !== 'service' && isIdPrefix(name)
      ? workloads
          .filter(({ containerId }) => containerId.startsWith(name))
          .map(({ containerId, name: own }) => ({
            kind: 'containers' as const,
            name: own,
            includes: (workload: Workload) => workload.containerId === containerId,
          }))
      : [];
  const projects = new Set(
    workloads
      .filter(({ composeService }) => composeService === name)
      .map(({ composeProject }) => composeProject),
  );
  // One service name of two projects is two services.
  const services: Target[] =
    projects.size > 1
      ? [...projects].map((project) => ({
          kind: 'containers',
          name: `${project ?? ''}/${name}`,
          includes: (workload: Workload) =>
            workload.composeProject === project && workload.composeService === name,
        }))
      : byService;
  return firstThatHolds(byName, byLabel, services, byId);
}

function firstThatHolds<T>(...lists: readonly T[][]): T[] {
  return lists.find((list) => list.length > 0) ?? [];
}

function isIdPrefix(text: string): boolean {
  return text.length >= MIN_ID_DIGITS && /^[0-9a-f]+$/.test(text);
}

function unknownText(word: string, { networks, containers }: KnownWorld): string {
  const named = (names: readonly string[]) => {
    const some = [...new Set(names)].sort();
    const more = some.length > MAX_NAMED ? ` and ${some.length - MAX_NAMED} more` : '';
    return some.length === 0 ? 'none' : some.slice(0, MAX_NAMED).join(', ') + more;
  };
  return `no network, container or service is called "${word}"; networks: ${named(networks.map(({ name }) => name))}; running containers: ${named(containers.map(({ workload }) => workloadLabel(workload)))}`;
}
