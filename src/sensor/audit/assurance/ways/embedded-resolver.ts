/**
 * Names as a way out: an embedded resolver that asks the host's loopback for a member that is sealed in
 * (CVE-2024-29018). Engines that are mended pass on no question of internal networks.
 */
import type { ContainerFacts } from '../../../docker/container-facts.ts';
import type { EngineFacts } from '../../../docker/engine-facts.ts';
import { isLoopback } from '../../../host/resolv-conf.ts';
import type { Facts } from '../../facts.ts';
import { cvesOf } from '../../lib/engine-cves.ts';
import { isDistributions } from '../../lib/engine-version.ts';
import { containerObject, daemonJson, listed } from '../../lib/verdicts.ts';
import { isSealed } from '../inside.ts';
import { UNMARKED } from '../marks.ts';
import { leakSigns, markedBy } from '../signs.ts';
import { type AssuranceFacts, defineWay, type OpenWay, type WayAnswer } from '../way.ts';

const EMBEDDED = '127.0.0.11';
const CVE = 'CVE-2024-29018';

export default defineWay({
  id: 'embedded-resolver',
  title: "in look-ups that the engine's resolver passes on",
  toldBy: 'resolver-on-loopback',
  needs: ['engine', 'containers'],
  look: (inside, { engine }, wanted): WayAnswer => {
    const leaks = leaksOf(engine);
    const sealed = inside.members
      .filter((member) => member.container === member.owner && isSealed(member))
      .map(({ container }) => container);
    if (sealed.length === 0) return { shut: { reason: 'no member is on internal networks only' } };
    const told = markedBy(sealed.flatMap(({ label }) => leakSigns(wanted, label, 'engine')));
    // It may have been before an update, or by a resolver that is none any more: said, and not held against today.
    const before = told === undefined ? {} : { attempts: told.said.trim() };
    if (leaks === undefined) {
      return {
        shut: { reason: 'not known' },
        notKnown: [
          {
            reason: `whether ${engine.product} ${engine.version} passes on questions of internal networks is not known here`,
            remedy: 'Watch it: the agent tells of answers from outside (dns-internal-leak).',
          },
        ],
      };
    }
    if (!leaks) {
      return { shut: { reason: `engine ${engine.version} passes on no question of theirs`, ...before } };
    }
    const { nameServers } = wanted;
    if (!nameServers.ok) return { shut: { reason: 'not known' }, notKnown: [nameServers] };
    const askers = sealed.map((container) => ({ container, ...askedFor(container.id, nameServers.value) }));
    const blind = askers.filter(({ servers }) => servers === undefined);
    return {
      open: askers
        .filter(({ local }) => local.length > 0)
        .map(({ container, local }) => openWay(engine, container, local, wanted)),
      shut: { reason: "its members' resolvers are none of the host's loopback", ...before },
      ...(blind.length === 0
        ? {}
        : {
            notKnown: [
              {
                reason: `whom ${listed(blind.map(({ container }) => container.label))} asks for names is not known: the engine's file system cannot be read from here`,
                remedy: "Run the audit as root and in the host's PID namespace (of a container: --pid host).",
              },
            ],
          }),
    };
  },
});

function openWay(
  { version }: EngineFacts,
  container: ContainerFacts,
  servers: readonly string[],
  facts: AssuranceFacts,
): OpenWay {
  const told = markedBy(leakSigns(facts, container.label, 'engine'));
  // Once it was seen, no distribution has mended it.
  const isMaybeMended = told === undefined && isDistributions(version);
  const { mark, said, evidence } = told ?? {
    ...UNMARKED,
    said: ' Whether outside names are answered, dns-internal-leak tells.',
  };
  return {
    mark,
    severity: isMaybeMended ? 'low' : 'medium',
    objects: [containerObject(container)],
    explanation: `Engine ${version} asks ${listed(servers)} of this host for ${container.label} (${CVE}${isMaybeMended ? ', unless its distribution has mended it' : ''}): what is in a name leaves with it.${said}`,
    evidence: { servers, engine: version, cve: CVE, ...evidence },
    remedy: {
      what: 'Run engine 26.0 or later. Until then name a resolver that is not on loopback, which internal containers cannot reach.',
      daemonJson: daemonJson({ dns: ['ADDRESS-OF-THE-SITE-RESOLVER'] }),
    },
  };
}

/** Undefined where the table of vulnerabilities is not about it. */
function leaksOf({ product, version }: EngineFacts): boolean | undefined {
  return /podman/i.test(product) ? undefined : cvesOf(version)?.some(({ id }) => id === CVE);
}

function askedFor(id: string, all: Facts['nameServers']) {
  const servers = all.find(({ containerId }) => containerId === id)?.servers;
  return { servers, local: (servers ?? []).filter((ip) => isLoopback(ip) && ip !== EMBEDDED) };
}
