/** How checks speak: one failure for each object that is wrong, and one word for all that are right. */
import type { AuditObject, AuditRemedy } from '../../../model/audit.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { Verdict } from '../check.ts';

export const HOST: AuditObject = { kind: 'host', name: 'host' };
export const ENGINE: AuditObject = { kind: 'engine', name: 'engine' };

export function containerObject({ id, label }: ContainerFacts): AuditObject {
  return { kind: 'container', name: label, id };
}

export function networkObject({ id, name }: NetworkFacts): AuditObject {
  return { kind: 'network', name, id };
}

export interface Wording {
  /** Where nothing fails and something was looked at. */
  readonly right: string;
  /** Where there was nothing to look at. */
  readonly none: string;
}

/** What an item fails by; undefined where it is right. */
type Judge<Item> = (item: Item) => Omit<Verdict, 'outcome' | 'objects'> | undefined;

export function judgeContainers(
  containers: readonly ContainerFacts[],
  wording: Wording,
  judge: Judge<ContainerFacts>,
): Verdict[] {
  return judgeEach(containers, containerObject, wording, judge);
}

/**
 * The same for a check about the networks that a container is on: where what is known is right, and it is also on one of which
 * nothing is known (an external one of a Compose file, one that is just being made), it is not known.
 */
export function judgeMembers(
  containers: readonly ContainerFacts[],
  networks: readonly NetworkFacts[],
  wording: Wording,
  judge: Judge<ContainerFacts>,
): Verdict[] {
  const seen = new Set(networks.map(({ name }) => name));
  return judgeEach(containers, containerObject, wording, judge, (container) => {
    const unseen = container.networks.filter((name) => !seen.has(name));
    if (unseen.length === 0) return undefined;
    return {
      outcome: 'unknown',
      objects: [containerObject(container)],
      explanation: `${container.label} is also on ${listed(unseen)}, of which nothing is known here.`,
      remedy: { what: 'Audit the host that it is on: `bridgewatch audit`.' },
    };
  });
}

export function judgeNetworks(
  networks: readonly NetworkFacts[],
  wording: Wording,
  judge: Judge<NetworkFacts>,
): Verdict[] {
  return judgeEach(networks, networkObject, wording, judge);
}

function judgeEach<Item>(
  items: readonly Item[],
  objectOf: (item: Item) => AuditObject,
  { right, none }: Wording,
  judge: Judge<Item>,
  doubt: (item: Item) => Verdict | undefined = () => undefined,
): Verdict[] {
  if (items.length === 0) return [{ outcome: 'not-applicable', objects: [], explanation: none }];
  const told: Verdict[] = [];
  const fine: AuditObject[] = [];
  for (const item of items) {
    const wrong = judge(item);
    const unknown = wrong === undefined ? doubt(item) : undefined;
    if (wrong !== undefined) told.push({ outcome: 'fail', objects: [objectOf(item)], ...wrong });
    else if (unknown !== undefined) told.push(unknown);
    else fine.push(objectOf(item));
  }
  return fine.length === 0 ? told : [...told, { outcome: 'pass', objects: fine, explanation: right }];
}

/** The lines of a service in its Compose file; or how to make the container anew (`with ...`), where Compose did not make it. */
export function serviceRemedy(
  container: Pick<ContainerFacts, 'composeService' | 'name'>,
  what: string,
  lines: readonly string[],
  run?: string,
): AuditRemedy {
  const { composeService } = container;
  if (composeService !== undefined) return { what, compose: compose('services', composeService, lines) };
  return { what: run === undefined ? what : `${what} Make the container anew ${run}.` };
}

export function compose(section: 'services' | 'networks', name: string, lines: readonly string[]): string {
  return [
    `${section}:`,
    `  ${name.startsWith('"') ? name : yamlName(name)}:`,
    ...lines.map((line) => `    ${line}`),
  ].join('\n');
}

/** A name is a label's value, and anybody's words: in quotes it cannot be lines of its own. */
export function yamlName(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}

/** As its Compose file calls a network: without the project, which Compose puts before it. */
export function composeNetworkName({ labels, name }: Pick<NetworkFacts, 'labels' | 'name'>): string {
  return yamlName(labels['com.docker.compose.network'] ?? name);
}

export function daemonJson(settings: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(settings, undefined, 2);
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(names: readonly string[], most = 5): string {
  const distinct = [...new Set(names)];
  const shown = distinct.slice(0, most);
  const rest = distinct.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
