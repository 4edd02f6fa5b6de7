/** A member that commands its network namespace: it gives itself a route or another's address, and listens to all. */
import { counted } from '../../../../model/readable.ts';
import { commandingCapabilities, leadsToHost } from '../../lib/capabilities.ts';
import { containerObject, listed, serviceRemedy } from '../../lib/verdicts.ts';
import type { Inside, Member } from '../inside.ts';
import { heldBack, type Marked, markOf, talksOf, talksToOutside, UNMARKED, withoutRoute } from '../marks.ts';
import { type AssuranceFacts, defineWay, type OpenWay } from '../way.ts';

export default defineWay({
  id: 'commanding-member',
  title: 'by a route that a member gives itself (privileged, NET_ADMIN and what includes it)',
  toldBy: 'net-admin',
  needs: ['containers'],
  look: (inside, _facts, wanted) => ({
    open: inside.members.flatMap((member) => openWay(inside, member, wanted)),
    shut: { reason: 'no member may change its routes' },
  }),
});

function openWay(inside: Inside, member: Member, facts: AssuranceFacts): OpenWay[] {
  const { container, owner } = member;
  const has = container.isPrivileged ? ['all (privileged)'] : commandingCapabilities(container);
  if (has.length === 0) return [];
  const isGrave = container.isPrivileged || has.some(leadsToHost);
  const { mark, said, evidence } = marked(inside, member, facts);
  const where = container === owner ? '' : ` in the network namespace of ${owner.label}`;
  return [
    {
      mark,
      severity: isGrave ? 'high' : 'medium',
      objects: [containerObject(container)],
      explanation: `${container.label} has ${listed(has)}${where}: it can give itself a route out, pose as its neighbours and listen to them${isGrave ? ', and leave for the host' : '; the firewall alone holds it then'}.${said}`,
      evidence: { capAdd: container.capAdd, privileged: container.isPrivileged, ...evidence },
      remedy: serviceRemedy(
        container,
        'Take the capability away, or give it a network of its own, away from what is to stay in.',
        container.isPrivileged
          ? ['privileged: false', 'cap_drop: [ALL]']
          : [
              `cap_add: [${container.capAdd.filter((name) => !has.includes(name)).join(', ')}]  # without ${has.join(', ')}`,
            ],
        container.isPrivileged
          ? 'without --privileged'
          : `without ${has.map((name) => `--cap-add ${name}`).join(' and ')}`,
      ),
    },
  ];
}

/** Flows have names; counters have none, and are everybody's who might have been it. */
function marked(inside: Inside, member: Member, facts: AssuranceFacts): Marked {
  const seen = talksToOutside(inside);
  const own = talksOf(member.owner.label, seen);
  if (own.length > 0) return markOf(own);
  const sends = withoutRoute(inside, member);
  if (sends > 0) {
    return {
      mark: 'attempted',
      said: ` It tried to send outside ${counted(sends, 'time')}, and found no route.`,
      evidence: { sendsWithoutRoute: sends },
    };
  }
  const { packets, chains } = heldBack(inside, facts);
  // Where flows tell who it was, it was not this one.
  if (packets === 0 || seen.length > 0) return UNMARKED;
  const isAlone = inside.members.every(({ owner }) => owner === member.owner);
  return {
    mark: 'attempted',
    said: ` The firewall dropped ${counted(packets, 'packet')} for the outside (${listed(chains)})${isAlone ? '' : '; which member sent them its counters do not say'}.`,
    evidence: { packetsDropped: packets, chains },
  };
}
