/**
 * A member that is on a network with a way out as well: by a program in it, or by its kernel alone, since a container
 * passes on packets of others wherever the host does (net.ipv4.ip_forward is inherited).
 */

import { counted } from '../../../../model/readable.ts';
import { shellWord } from '../../../../model/shell.ts';
import { crossingSeverity } from '../../lib/capabilities.ts';
import { composeNetworkName, containerObject, listed, serviceRemedy } from '../../lib/verdicts.ts';
import type { Inside, Member } from '../inside.ts';
import { type Marked, origText, UNMARKED } from '../marks.ts';
import { markedBy, relaySigns } from '../signs.ts';
import { type AssuranceFacts, defineWay, type OpenWay } from '../way.ts';

export default defineWay({
  id: 'dual-homed-member',
  title: 'through a member that is on another network too',
  toldBy: 'internal-and-external',
  needs: ['containers'],
  look: (inside, _facts, wanted) => ({
    open: inside.members
      .filter(({ container, owner, outside }) => container === owner && outside.length > 0)
      .map((member) => openWay(inside, member, wanted)),
    shut: {
      reason:
        inside.members.length === 0 ? 'it has no members' : 'all its members are on internal networks only',
    },
  }),
});

function openWay(inside: Inside, { container, outside }: Member, facts: AssuranceFacts): OpenWay {
  const { network, members, networks, namespaces } = inside;
  const sharers = members.filter(({ owner, container: each }) => owner === container && each !== container);
  const reading = namespaces.get(container.id);
  const passesOn = reading?.forwards.isOn;
  const { mark, said, evidence } = markOf(inside, container.id, container.label, facts);
  const named = (names: readonly string[]) =>
    networks
      .filter(({ name }) => names.includes(name))
      .map(composeNetworkName)
      .join(', ');
  const still =
    passesOn === true ? ['# or, where it has to be on both:', 'sysctls:', '  net.ipv4.ip_forward: "0"'] : [];
  return {
    mark,
    severity: crossingSeverity(container),
    objects: [container, ...sharers.map((each) => each.container)].map(containerObject),
    explanation: `${container.label} is on ${listed(outside)} too${passesOn === true ? ', and its kernel passes on packets of others' : ''}.${said}`,
    evidence: { external: outside, ...(passesOn === undefined ? {} : { forwarding: passesOn }), ...evidence },
    remedy: serviceRemedy(
      container,
      passesOn === true
        ? 'Keep on both sides only what has to be, and where it has to be, let its kernel pass on nothing.'
        : 'Keep on both sides only what has to be, with nothing else in it.',
      [`networks: [${named([network.name])}]  # without ${named(outside)}`, ...still],
      `with fewer networks, or run docker network disconnect ${shellWord(outside[0]!)} ${shellWord(container.name)}`,
    ),
  };
}

/** What its kernel passed on is proof, and what internal-relay weighed as it happened; that it speaks on both sides is none. */
function markOf(inside: Inside, id: string, label: string, facts: AssuranceFacts): Marked {
  const { forwards } = inside.namespaces.get(id) ?? {};
  const passed = (forwards?.ipv4 ?? 0) + (forwards?.ipv6 ?? 0);
  if (passed > 0) {
    return {
      mark: 'used',
      said: ` It has passed on ${counted(passed, 'packet')} of others since it started.`,
      evidence: { forwardedPackets: passed },
    };
  }
  const relayed = markedBy(relaySigns(facts, inside.network.name, label));
  if (relayed !== undefined) return relayed;
  const asked = (inside.talks ?? []).filter(({ resp, answered }) => resp.service === label && answered > 0);
  if (asked.length === 0) return UNMARKED;
  const flows = asked.reduce((sum, talk) => sum + talk.flows, 0);
  return {
    mark: 'possible',
    said: ` ${listed(asked.map(origText))} spoke with it ${counted(flows, 'time')}; whether it passed that on flows do not tell.`,
    evidence: { flowsToIt: flows },
  };
}
