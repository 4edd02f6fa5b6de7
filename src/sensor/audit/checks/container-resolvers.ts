/** Whom each container asks for names: resolvers that were chosen for it, and lead past the host's. */
import { parseIp } from '../../../model/ip.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { containerObject, judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'container-resolvers',
  title: "Containers ask the host's own resolvers",
  group: 'dns',
  severity: 'low',
  argument:
    "A public resolver that was given to a container sees every name that it asks for, and is past whatever filters and logs the site's resolver has: low. On an internal network it is medium, since DNS is the classic way out of one. Public ones of the host itself are the site's choice, and no failure.",
  needs: ['containers', 'nameServers', 'networks'],
  run: ({ containers, nameServers, networks }) => {
    const byId = new Map(nameServers.map(({ containerId, servers }) => [containerId, servers]));
    const internal = new Set(networks.filter((network) => network.internal).map(({ name }) => name));
    const seen = containers.filter(
      ({ networkMode, id }) => networkMode !== 'none' && byId.get(id) !== undefined,
    );
    const unseen = containers.filter(
      ({ networkMode, id }) => networkMode !== 'none' && byId.get(id) === undefined,
    );
    const verdicts = judgeContainers(
      seen,
      {
        right: 'Ask resolvers of the host, or of the site.',
        none: 'No container runs whose resolvers are known.',
      },
      (container) => {
        const chosen = (container.dns ?? []).filter(isPublic);
        const isSealed =
          container.networks.length > 0 && container.networks.every((name) => internal.has(name));
        if (chosen.length === 0) return undefined;
        return {
          severity: isSealed ? 'medium' : 'low',
          explanation: `${container.label} was given ${listed(chosen)} to ask${isSealed ? ', though it is on internal networks only' : ''}: names go past the resolver of this site.`,
          evidence: { dns: container.dns ?? [], servers: byId.get(container.id)! },
          remedy: serviceRemedy(
            container,
            "Name the site's resolver in the engine's daemon.json (`dns`), and none in the service.",
            ['# no `dns:`'],
            'without --dns',
          ),
        };
      },
    );
    return unseen.length === 0
      ? verdicts
      : [
          ...verdicts.filter(({ outcome }) => outcome !== 'not-applicable'),
          blind(unseen.map(containerObject)),
        ];
  },
});

function blind(objects: Verdict['objects']): Verdict {
  return {
    outcome: 'unknown',
    objects,
    explanation: `Whom ${listed(objects.map(({ name }) => name))} asks for names is not known: its resolv.conf lies on the engine's file system, which cannot be read from here.`,
    remedy: { what: "Run the audit as root and in the host's PID namespace (of a container: --pid host)." },
  };
}

/** Neither loopback nor private (RFC 1918, 4193, 6598, 3927): of the site, as far as an address tells. */
function isPublic(ip: string): boolean {
  const words = parseIp(ip);
  if (words === undefined) return false;
  return !/^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab]|::1$)/.test(
    ip,
  );
}
