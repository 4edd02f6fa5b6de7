/**
 * An upstream resolver on the host's loopback: the embedded resolver asks it from the host's namespace, past every
 * bridge, so `internal` does not hold it (CVE-2024-29018), and no tap on a bridge sees it.
 */
import { isLoopback } from '../../host/resolv-conf.ts';
import { defineCheck } from '../check.ts';
import { isAtLeast } from '../lib/engine-version.ts';
import { daemonJson, judgeContainers, listed } from '../lib/verdicts.ts';

const EMBEDDED = '127.0.0.11';

export default defineCheck({
  id: 'resolver-on-loopback',
  title: 'No name server on loopback answers containers on internal networks',
  group: 'dns',
  severity: 'medium',
  argument:
    'A container without any way out still gets outside names resolved, and with them a channel for data: medium, as dns-internal-leak tells it when it is used. Engines 23.0.11, 25.0.5, 26.0 and later do not pass on the questions of containers that are on internal networks only.',
  needs: ['engine', 'containers', 'nameServers', 'networks'],
  engines: '<23.0.11, 24.x, <25.0.5',
  run: ({ engine, containers, nameServers, networks }) => {
    const internal = new Set(networks.filter((network) => network.internal).map(({ name }) => name));
    const sealed = containers.filter(
      ({ networks: names }) => names.length > 0 && names.every((name) => internal.has(name)),
    );
    const byId = new Map(nameServers.map(({ containerId, servers }) => [containerId, servers]));
    const blind = sealed.filter(({ id }) => byId.get(id) === undefined);
    const isMended =
      isAtLeast(engine.version, '25.0.5') === true ||
      (isAtLeast(engine.version, '23.0.11') === true && isAtLeast(engine.version, '24.0.0') === false);
    if (!isMended && blind.length > 0) {
      return [
        {
          outcome: 'unknown',
          objects: blind.map(({ id, label }) => ({ kind: 'container' as const, id, name: label })),
          explanation: `Whom ${listed(blind.map(({ label }) => label))} asks for names is not known: the engine's file system cannot be read from here.`,
          remedy: {
            what: "Run the audit as root and in the host's PID namespace (of a container: --pid host).",
          },
        },
      ];
    }
    return judgeContainers(
      sealed,
      {
        right: isMended
          ? `Engine ${engine.version} passes on no question of theirs.`
          : "Their resolvers are none of the host's loopback.",
        none: 'No container is on internal networks only.',
      },
      (container) => {
        const local = (byId.get(container.id) ?? []).filter((ip) => isLoopback(ip) && ip !== EMBEDDED);
        if (isMended || local.length === 0) return undefined;
        return {
          explanation: `${container.label} is on internal networks only, and engine ${engine.version} asks ${listed(local)} of the host for it: outside names resolve, and data can leave in them.`,
          evidence: { servers: local, engine: engine.version },
          remedy: {
            what: 'Run engine 26.0 or later. Until then name a resolver that is not on loopback, which internal containers cannot reach.',
            daemonJson: daemonJson({ dns: ['ADDRESS-OF-THE-SITE-RESOLVER'] }),
          },
        };
      },
    );
  },
});
