/** A member that is on another internal network too, from which a way leads on to the outside. */
import { containerObject, listed } from '../../lib/verdicts.ts';
import type { Inside, Member } from '../inside.ts';
import { defineWay, type OpenWay } from '../way.ts';

export default defineWay({
  id: 'next-internal-network',
  title: 'over another internal network, whose members are on a network with a way out',
  needs: ['containers'],
  look: (inside) => ({
    open: inside.members
      .filter(({ container, owner, outside }) => container === owner && outside.length === 0)
      .flatMap((member) => openWay(inside, member)),
    shut: { reason: 'no member is on another internal network that leads outside' },
  }),
});

function openWay(inside: Inside, { container, beside }: Member): OpenWay[] {
  const { network, networks, containers } = inside;
  const internal = new Set(networks.filter((each) => each.internal).map(({ name }) => name));
  const doors = new Set<string>();
  const through = beside.filter((first) => {
    // Through every internal network that can be reached from there without coming back through here.
    const seen = new Set([network.name]);
    const waiting = [first];
    let leadsOut = false;
    while (waiting.length > 0) {
      const name = waiting.pop()!;
      if (seen.has(name)) continue;
      seen.add(name);
      for (const each of containers) {
        if (!each.networks.includes(name) || each.networks.includes(network.name)) continue;
        if (each.networks.some((other) => !internal.has(other))) {
          doors.add(each.label);
          leadsOut = true;
        }
        waiting.push(...each.networks.filter((other) => internal.has(other)));
      }
    }
    return leadsOut;
  });
  if (through.length === 0) return [];
  return [
    {
      mark: 'possible' as const,
      severity: 'informational',
      objects: [containerObject(container)],
      explanation: `${container.label} is on ${listed(through)} as well, from where ${listed([...doors])} ${doors.size === 1 ? 'leads' : 'lead'} outside: two programs would have to pass something on.`,
      evidence: { networks: through, doors: [...doors] },
      remedy: {
        what: 'Nothing, where both have to talk with it; else take it off one of the two.',
      },
    },
  ];
}
