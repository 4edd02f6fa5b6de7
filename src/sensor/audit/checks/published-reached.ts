/**
 * By whom published ports are reached from outside, and whether they are open to more than those. That a database is
 * reached is told by published-sensitive-port, which is graver for it: here each port counts alike.
 */
import { defineCheck, type Verdict } from '../check.ts';
import { isOnAnyAddress, portText } from '../lib/published-ports.ts';
import { doubtOf, inThatTime } from '../lib/silence.ts';
import { containerObject, listed, serviceRemedy } from '../lib/verdicts.ts';
import { doorsOf, HIDDEN, reachedText, visitEvidence, visitorsIn } from '../lib/visitors.ts';

export default defineCheck({
  id: 'published-reached',
  title: 'Ports are open to no more than those who come',
  group: 'exposure',
  severity: 'informational',
  argument:
    'That a port stands open on every address counts in published-any-address already, so this costs nothing. It says which address is enough: where the Internet reaches this host, and a port was reached from the LAN only.',
  needs: ['containers', 'traffic'],
  run: ({ containers, traffic }) => {
    const visitorsOf = visitorsIn(traffic.talks);
    const reached = containers.flatMap((container) => {
      const doors = doorsOf(container)
        .map((door) => ({ door, came: visitorsOf(container.label, door) }))
        .filter(({ came }) => came.internet.length + came.lan.length > 0);
      return doors.length === 0 ? [] : [{ container, doors }];
    });
    if (reached.length === 0) {
      return [
        {
          outcome: 'not-applicable',
          objects: [],
          explanation: `Nobody beyond this host came to a published port ${inThatTime(traffic)}.`,
        },
      ];
    }
    // Not by direction: of a connection that was going on when the agent came, who opened it may be told the wrong way.
    const internetComes = reached.some(({ doors }) => doors.some(({ came }) => came.internet.length > 0));
    return reached.map(({ container, doors }): Verdict => {
      const objects = [containerObject(container)];
      const internet = doors.flatMap(({ came }) => came.internet);
      const lan = doors.flatMap(({ came }) => came.lan);
      const evidence = {
        ...visitEvidence({ internet, lan }),
        watchedSecs: traffic.watchedSecs,
      };
      const wide = doors.filter(
        ({ door, came }) => door.ports.some(isOnAnyAddress) && came.internet.length === 0,
      );
      const told = `${container.label} was reached ${reachedText({ internet, lan })} ${inThatTime(traffic)}`;
      if (!internetComes || wide.length === 0) {
        return { outcome: 'pass', objects, explanation: `${told}.`, evidence };
      }
      const hidden = wide.flatMap(({ came }) => came.hidden);
      const { networks, startedAt } = container;
      const doubt = hidden.length > 0 ? HIDDEN : doubtOf(traffic, { networks, since: startedAt });
      if (doubt !== undefined) return { ...doubt, outcome: 'unknown', objects, evidence };
      const ports = wide.flatMap(({ door }) => door.ports.filter(isOnAnyAddress));
      return {
        outcome: 'fail',
        objects,
        explanation: `${container.label} publishes ${listed(ports.map(portText))} on every address, and only the LAN came there: ${reachedText({ internet: [], lan: wide.flatMap(({ came }) => came.lan) })} ${inThatTime(traffic)}. The Internet does reach other ports of this host.`,
        evidence: { ports: ports.map(portText), ...evidence },
        remedy: serviceRemedy(
          container,
          'Bind it to the address that this host has on the LAN.',
          [
            'ports:',
            ...new Set(
              ports.map(
                ({ hostPort, containerPort, protocol }) =>
                  `  - "LAN-ADDRESS:${hostPort}:${containerPort}${protocol === 'tcp' ? '' : `/${protocol}`}"`,
              ),
            ),
          ],
          `with -p LAN-ADDRESS:${ports[0]!.hostPort}:${ports[0]!.containerPort}`,
        ),
      };
    });
  },
});
