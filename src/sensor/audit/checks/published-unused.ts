/** Published beyond this host, and nobody came from there. Only where enough was watched: else it is not known. */
import type { AuditRemedy } from '../../../model/audit.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { PublishedPort } from '../../docker/engine-json.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { loopbackPorts, portLines, portText } from '../lib/published-ports.ts';
import { doubtOf, inThatTime } from '../lib/silence.ts';
import { containerObject, listed, serviceRemedy } from '../lib/verdicts.ts';
import {
  type Door,
  doorsOf,
  flowsOf,
  HIDDEN,
  servicesOf,
  type Visitors,
  visitorsIn,
} from '../lib/visitors.ts';

export default defineCheck({
  id: 'published-unused',
  title: 'Ports that are published beyond this host are reached from there',
  group: 'exposure',
  severity: 'low',
  argument:
    'An open port that nobody uses serves only whoever finds it: low, since how bad that would be is told by what listens there (published-sensitive-port). Silence counts after seven days of watching, because use has the rhythm of a week; a month-end job or a way in for emergencies is quiet for longer, and whoever runs one knows it.',
  needs: ['containers', 'traffic'],
  cis: ['5.9'],
  run: ({ containers, traffic }) => {
    const visitorsOf = visitorsIn(traffic.talks);
    const open = containers.filter((container) => doorsOf(container).length > 0);
    if (open.length === 0)
      return [
        { outcome: 'not-applicable', objects: [], explanation: 'No port is published beyond this host.' },
      ];
    return open.map((container): Verdict => {
      const objects = [containerObject(container)];
      const doors = doorsOf(container).map((door) => ({ door, came: visitorsOf(container.label, door) }));
      const unused = doors.filter(({ came }) => came.internet.length + came.lan.length === 0);
      if (unused.length === 0)
        return { outcome: 'pass', objects, explanation: 'Are reached from beyond this host.' };
      const hidden = unused.flatMap(({ came }) => came.hidden);
      if (hidden.length > 0) return { ...HIDDEN, outcome: 'unknown', objects };
      const { networks, startedAt } = container;
      const doubt = doubtOf(traffic, { networks, since: startedAt });
      if (doubt !== undefined) return { ...doubt, outcome: 'unknown', objects };
      const ports = unused.flatMap(({ door }) => door.ports);
      const byHost = unused.flatMap(({ came }) => came.host);
      const byContainers = servicesOf(unused.flatMap(({ came }) => came.containers));
      return {
        outcome: 'fail',
        objects,
        explanation: `${container.label} publishes ${listed(ports.map(portText))}, and ${whoCame(byHost.length > 0, byContainers)} ${inThatTime(traffic)}.`,
        evidence: {
          ports: ports.map(portText),
          watchedSecs: traffic.watchedSecs,
          flowsOfHost: flowsOf(byHost),
          containers: byContainers,
        },
        remedy: remedyOf(container, unused, byContainers),
      };
    });
  },
});

function whoCame(isHost: boolean, containers: readonly string[]): string {
  const here = [...(isHost ? ['this host itself'] : []), ...containers];
  return here.length === 0 ? 'nobody came there' : `nobody but ${listed(here)} came there`;
}

function remedyOf(
  container: ContainerFacts,
  unused: readonly { readonly door: Door; readonly came: Visitors }[],
  byContainers: readonly string[],
): AuditRemedy {
  const gone = new Set<PublishedPort>(unused.flatMap(({ door }) => door.ports));
  const rest = (container.published ?? []).filter((port) => !gone.has(port));
  if (byContainers.length > 0) {
    return serviceRemedy(
      container,
      `Join ${listed(byContainers)} and it to one network, where they need no published port, and take the port away.`,
      portLines(rest),
      'with fewer -p',
    );
  }
  if (unused.some(({ came }) => came.host.length > 0)) {
    return serviceRemedy(
      container,
      'Publish it on loopback: only this host asks.',
      [...loopbackPorts([...gone]), ...portLines(rest).slice(1)],
      `with -p 127.0.0.1:${unused[0]!.door.hostPort}:${unused[0]!.door.containerPort}`,
    );
  }
  return serviceRemedy(
    container,
    'Take the port away, or publish it on loopback, unless it is for something rare: then leave it, and know it.',
    portLines(rest),
    'with fewer -p',
  );
}
