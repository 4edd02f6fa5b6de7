/**
 * A database, an administration port or the Docker API published at all: by the port in the container, or on the host.
 * Graver where stored flows tell that somebody of the Internet was answered there.
 */
import { gravest, SEVERITIES, type Severity } from '../../../model/finding.ts';
import type { SensitiveKind } from '../../../model/sensitive-ports.ts';
import type { PublishedPort } from '../../docker/engine-json.ts';
import { defineCheck } from '../check.ts';
import {
  isOnAnyAddress,
  isOnLoopback,
  loopbackPorts,
  portText,
  sensitiveService,
  sensitiveSeverity,
} from '../lib/published-ports.ts';
import { judgeContainers, listed, serviceRemedy, yamlName } from '../lib/verdicts.ts';
import { answeredOf, reachedText, visitEvidence, visitorsIn } from '../lib/visitors.ts';

export default defineCheck({
  id: 'published-sensitive-port',
  title: 'No database, administration port or Docker API is published beyond this host',
  group: 'exposure',
  severity: 'high',
  argument:
    'The Docker API is root on its host: critical. Databases, brokers, file shares and cluster engines hold or command everything behind one password, if any: high. Logins are made to be reached, by few: medium. On one address instead of all a step less, since somebody chose it; on loopback it is no failure. A step more where stored flows tell that somebody of the Internet was answered there, for then it is no chance any more; not for logins, which answer every scanner. The port is the hint, so a web server on 2379 would be told too.',
  needs: ['containers'],
  wants: ['traffic'],
  cis: ['5.9', '5.14'],
  run: ({ containers }, { traffic }) => {
    const visitorsOf = visitorsIn(traffic.ok ? traffic.value.talks : []);
    return judgeContainers(
      containers,
      { right: 'Publish no sensitive port beyond loopback.', none: 'No container runs.' },
      (container) => {
        const open = (container.published ?? []).flatMap((port) => {
          const kind = isOnLoopback(port) ? undefined : sensitiveService(port);
          if (kind === undefined) return [];
          return [{ port, ...kind, came: answeredOf([visitorsOf(container.label, port)]) }];
        });
        if (open.length === 0) return undefined;
        const ports = open.map(({ port }) => port);
        const severity = gravest(
          open.map(({ port, kind, came }) =>
            weighed(sensitiveSeverity(kind, port), kind, came.internet.length > 0),
          ),
        );
        const came = answeredOf(open.map((each) => each.came));
        const answered = reachedText(came);
        const what = listed(open.map(({ name }) => name));
        const within = `${yamlName(container.composeService ?? container.name)}:${ports[0]!.containerPort}`;
        return {
          severity,
          explanation: `${container.label} publishes ${what} (${listed(ports.map(portText))}) ${reach(ports)}${answered === '' ? '' : `, and it was reached ${answered}`}.`,
          evidence: {
            ports: ports.map(portText),
            services: [...new Set(open.map(({ name }) => name))],
            ...(answered === '' ? {} : visitEvidence(came)),
          },
          remedy: serviceRemedy(
            container,
            'Publish it on loopback, or not at all: containers on its network reach it without.',
            [...loopbackPorts(ports), `# or no \`ports:\`, and the others ask ${within}`],
            `with -p 127.0.0.1:${ports[0]!.hostPort}:${ports[0]!.containerPort}, or without -p`,
          ),
        };
      },
    );
  },
});

function weighed(asOpen: Severity, kind: SensitiveKind, isReached: boolean): Severity {
  if (!isReached || kind === 'login') return asOpen;
  return SEVERITIES[Math.min(SEVERITIES.indexOf(asOpen) + 1, SEVERITIES.length - 1)]!;
}

function reach(ports: readonly PublishedPort[]): string {
  return ports.some(isOnAnyAddress)
    ? 'on every address of this host'
    : `to whoever reaches ${listed(ports.map(({ hostIp }) => hostIp))}`;
}
