/**
 * Connections that left and were answered, where no way that carries packets stands open: it has been shut since, or it is one
 * that nobody here knows. Silence about it would be a wall that is believed in.
 */

import type { WayOut } from '../../../../model/audit.ts';
import { shellWord } from '../../../../model/shell.ts';
import { listed, networkObject } from '../../lib/verdicts.ts';
import { markOf, placeText, talksToOutside } from '../marks.ts';
import { answeredPlaces, egressSigns, markedBy } from '../signs.ts';
import { defineWay } from '../way.ts';

/** What goes by these is seen on the network as flows to the outside. */
const CARRIERS = ['firewall-rules', 'member-route', 'gateway-mode', 'lan-parent'];

export default defineWay({
  id: 'unexplained-egress',
  title: 'by a way that is none of these: something left and was answered',
  needs: [],
  look: (inside, _facts, wanted, found) => {
    const { traffic } = wanted;
    // That no flows are known stands in the basis of all marks.
    if (!traffic.ok) return undefined;
    const answered = talksToOutside(inside).filter((talk) => talk.answered > 0);
    // A connection that goes on is no flow yet, and a finding outlives the flows that it was made of.
    const told = egressSigns(wanted, inside.network.name);
    const carriers = [...new Set(found.filter(carries).map(({ way }) => way))];
    if (answered.length === 0 && told.length === 0) {
      return { shut: { reason: 'nothing that is known was answered from outside' } };
    }
    if (carriers.length > 0)
      return { shut: { reason: `what is known to have left went by ${listed(carriers)}` } };
    const { mark, said, evidence } = answered.length > 0 ? markOf(answered) : markedBy(told)!;
    const places = [...new Set([...answered.map(placeText), ...told.flatMap(answeredPlaces)])];
    return {
      shut: { reason: '' },
      open: [
        {
          mark,
          severity: 'high',
          objects: [networkObject(inside.network)],
          explanation: `Members of ${inside.network.name} reached ${listed(places)}, and no way that is open now explains it: it has been shut since, or is one that is not known here.${said}`,
          evidence: { ...evidence, places, isPartial: traffic.value.isPartial },
          remedy: {
            what: 'Look at the flows and at what the network was then.',
            commands: [`bridgewatch flows --network ${shellWord(inside.network.name)} --since 7d`],
          },
        },
      ],
    };
  },
});

/** Who is on two networks passes on packets only where its kernel counted some. */
function carries({ way, mark }: WayOut): boolean {
  return CARRIERS.includes(way) || (way === 'dual-homed-member' && mark === 'used');
}
