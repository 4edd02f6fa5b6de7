/** What of the Compose projects that run is not as their files say: networks, ports, rights, services. */

import type { AuditObject } from '../../../model/audit.ts';
import type { DriftChange } from '../../../model/host-drift.ts';
import type { HostState, NetworkState } from '../../../model/host-state.ts';
import { shellWord } from '../../../model/shell.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { diffStates, driftTopic } from '../drift/diff.ts';
import { stateOf } from '../drift/state.ts';
import type { ComposeProject } from '../facts.ts';
import { containerObject, listed, networkObject } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'compose-drift',
  title: 'Compose projects run as their files say',
  group: 'drift',
  severity: 'medium',
  argument:
    'Who reads the file believes it: what was joined, opened or allowed by hand, and what was changed in the file and never deployed, nobody sees there, and the next deployment takes it back or brings it. Each difference is as grave as what it opens beyond the file: a way out of internal networks, privileges or a published database are high, another network or port medium; what runs with less than the file asks is informational.',
  needs: ['networks', 'containers', 'compose'],
  wants: ['engine'],
  run: ({ networks, containers, compose }, { engine }) => {
    if (compose.length === 0) {
      return [
        { outcome: 'not-applicable', objects: [], explanation: 'No container of a Compose project runs.' },
      ];
    }
    const pools = engine.ok ? engine.value.addressPools : [];
    return compose.flatMap((project) => verdictsOf(project, networks, containers, pools));
  },
});

function verdictsOf(
  project: ComposeProject,
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
  pools: readonly string[],
): Verdict[] {
  const { name, files, state, containerIds } = project;
  const itself: AuditObject = { kind: 'project', name };
  if (!state.ok) {
    return [
      {
        outcome: 'unknown',
        objects: [itself],
        explanation: `How ${name} ought to be is not known: ${state.reason}.`,
        evidence: { files },
        remedy: { what: state.remedy },
      },
    ];
  }
  const members = containers.filter(({ id }) => containerIds.includes(id));
  const running = stateOf(networks, members, pools);
  const changes = diffStates(state.value, running).filter((change) => isDrift(change, state.value));
  if (changes.length === 0) {
    return [
      {
        outcome: 'pass',
        objects: [itself],
        explanation: `${name} runs as its files say.`,
        evidence: { files },
      },
    ];
  }
  return changes.map((change) => verdictOf(change, project, networks, members));
}

/**
 * A service may be stopped, scaled to nothing or of a profile that nobody asked for; a network of nobody's is not made, and
 * one that the file does not have does nothing alone. Compose 1 made every network attachable, which only means something
 * on an overlay. Where the file asks for no subnet, the engine chose any.
 */
function isDrift({ kind, name, field, before, after }: DriftChange, { networks }: HostState): boolean {
  if (field === 'presence') return kind === 'service' && after !== undefined;
  if (field === 'subnets') return textsOf(before).length > 0;
  const isOverlay = ({ driver, name: its }: NetworkState) => its === name && driver === 'overlay';
  return !(field === 'isAttachable' && !networks.some(isOverlay));
}

function verdictOf(
  change: DriftChange,
  project: ComposeProject,
  networks: readonly NetworkFacts[],
  members: readonly ContainerFacts[],
): Verdict {
  const { kind, name, field, before, after, sentence, severity } = change;
  const { files, unset } = project;
  const objects = objectsOf(change, project, networks, members);
  const topic = driftTopic(change);
  const evidence = {
    ...{ files, field },
    ...(before === undefined ? {} : { file: before }),
    ...(after === undefined ? {} : { running: after }),
  };
  const variables = unset.find(
    (each) => each.kind === kind && each.name === name && each.field === field,
  )?.variables;
  if (variables !== undefined) {
    return {
      ...{ outcome: 'unknown', objects, topic },
      explanation: `${sentence} The file leaves that to ${listed(variables)}, not set here: whether it was asked for is not known.`,
      evidence: { ...evidence, variables },
      remedy: { what: 'Keep the variables in .env beside the file, so that it tells by itself what runs.' },
    };
  }
  return {
    ...{ outcome: 'fail', severity, objects, topic },
    explanation: `Not as ${listed(files)} has it: ${sentence}`,
    evidence,
    remedy: {
      what: 'Write into the file what is meant, then deploy it anew: Compose takes back the rest.',
      commands: commandsFor(change, project, members),
    },
  };
}

function objectsOf(
  { kind, name }: DriftChange,
  { places }: ComposeProject,
  networks: readonly NetworkFacts[],
  members: readonly ContainerFacts[],
): AuditObject[] {
  const objects =
    kind === 'network'
      ? networks.filter((network) => network.name === name).map(networkObject)
      : members.filter(({ label }) => label === name).map(containerObject);
  const at = places.get(name);
  return objects.map((object) => (at === undefined ? object : { ...object, at }));
}

/** Compose leaves a container as it is that was only joined to another network: that is taken back by hand. */
function commandsFor(
  { kind, name, field, before, after }: DriftChange,
  { name: project, files }: ComposeProject,
  members: readonly ContainerFacts[],
): string[] {
  if (kind === 'service' && field === 'networks') {
    const [were, are] = [textsOf(before), textsOf(after)];
    const joined = are.filter((network) => !were.includes(network));
    const off = members
      .filter(({ label }) => label === name)
      .flatMap((member) =>
        joined
          .filter((network) => member.networks.includes(network))
          .map((network) => `docker network disconnect ${shellWord(network)} ${shellWord(member.name)}`),
      );
    if (off.length > 0) return off;
  }
  const options = ['-p', project, ...files.flatMap((file) => ['-f', file])].map(shellWord).join(' ');
  if (field === 'presence') return [`docker compose ${options} up -d --remove-orphans`];
  // A network keeps its options until it is made anew.
  if (kind === 'network') return [`docker compose ${options} down`, `docker compose ${options} up -d`];
  return [`docker compose ${options} up -d --force-recreate`];
}

function textsOf(value: DriftChange['before']): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
