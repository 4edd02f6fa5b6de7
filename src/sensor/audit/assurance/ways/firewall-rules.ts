/**
 * Straight through the bridge: the rules of `internal` are all that drops what members send outside, where they have a
 * route or make one. By what is loaded now, not by what the engine was told: rules go in a reload, and others come before.
 */
import { type InternalDrops, internalDrops } from '../../lib/firewall/internal-drops.ts';
import { listed, networkObject } from '../../lib/verdicts.ts';
import type { Inside } from '../inside.ts';
import { bridgeAttempts, markOf, talksToOutside } from '../marks.ts';
import { egressSigns, markedBy } from '../signs.ts';
import { type AssuranceFacts, defineWay, type OpenWay, type WayAnswer } from '../way.ts';

export default defineWay({
  id: 'firewall-rules',
  title: 'straight through the bridge, past firewall rules that are gone or shadowed',
  toldBy: 'firewall-internal',
  needs: ['firewall', 'networks'],
  isAbout: ({ driver }) => driver === 'bridge',
  look: (inside, { firewall, networks }, wanted): WayAnswer => {
    const { host } = wanted;
    const drops = internalDrops(firewall, inside.network, {
      networks,
      ...(host.ok ? { host: host.value } : {}),
    });
    // Those of other networks, which hold what would go there, say less.
    const own = drops.rules.filter((text) => text.includes(inside.network.bridge ?? ''));
    const rules = listed(own.length > 0 ? own : drops.rules, 3);
    const attempts = bridgeAttempts(inside, wanted);
    const shut = {
      reason: drops.isHeldByPolicy
        ? `only the policy of FORWARD holds some of it (${rules})`
        : `the rules stand (${rules})`,
      ...(attempts === undefined ? {} : { attempts }),
    };
    switch (drops.state) {
      case 'held':
        return { shut };
      case 'unknown':
        return {
          shut,
          notKnown: [
            {
              reason: `${drops.reason ?? 'its rules are not understood'}${drops.rules.length === 0 ? '' : `: ${listed(drops.rules, 3)}`}`,
              remedy:
                'Run the audit as root on the host, and look at these rules: `iptables-save -c`, `nft list ruleset`.',
            },
          ],
        };
      case 'open':
        return { shut, open: [openWay(inside, drops, wanted)] };
    }
  },
});

function openWay(inside: Inside, drops: InternalDrops, facts: AssuranceFacts): OpenWay {
  const { network } = inside;
  const byFlows = markOf(talksToOutside(inside));
  const { mark, said, evidence } =
    byFlows.mark === 'used' ? byFlows : (markedBy(egressSigns(facts, network.name)) ?? byFlows);
  return {
    mark,
    severity: 'high',
    objects: [networkObject(network)],
    explanation: `The firewall does not hold ${network.name}: ${drops.reason}${drops.rules.length === 0 ? '' : ` (${listed(drops.rules, 3)})`}.${said}`,
    evidence: { rules: drops.rules, ...evidence },
    remedy: {
      what: 'Take away the rule that lets it through; where rules of the engine are gone, start the engine again: it makes them anew.',
      commands: ['systemctl restart docker'],
    },
  };
}
