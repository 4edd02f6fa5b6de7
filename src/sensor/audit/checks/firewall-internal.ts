/** Whether the loaded rules hold internal networks in, and the outside out. */
import { defineCheck, type Verdict } from '../check.ts';
import { missingRules } from '../lib/firewall/expected.ts';
import { type InternalDrops, internalDrops } from '../lib/firewall/internal-drops.ts';
import { bridgesOf } from '../lib/firewall/networks.ts';
import { NO_RULES, ruledFamilies } from '../lib/firewall/scope.ts';
import { LOOK_AT_THEM, shown, WRITE_AGAIN } from '../lib/firewall/words.ts';
import { networkObject } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'firewall-internal',
  title: 'The loaded rules hold internal networks in',
  group: 'segmentation',
  severity: 'high',
  argument:
    '`internal` is two rules that drop what goes out and what comes in. Where they are gone or never reached the network is like any other, and who relies on it does not see it: high. Where only the policy of FORWARD still holds it, one more rule that accepts would open it: low.',
  needs: ['engine', 'networks', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, firewall }, { settings, host }) => {
    const ruled = ruledFamilies(engine, settings, firewall);
    const internal = networks.filter(({ internal, driver }) => internal && driver === 'bridge');
    if (internal.length === 0) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'No network is internal.' }];
    }
    const rulesets = firewall.filter(({ family }) => ruled.has(family));
    return internal.map((network): Verdict => {
      // Of a family without rules of the engine's nothing is asked: engine-firewall tells that.
      const subnets = network.subnets.filter((subnet) => ruled.has(subnet.includes(':') ? 'ipv6' : 'ipv4'));
      const objects = [networkObject(network)];
      if (subnets.length === 0) return { outcome: 'not-applicable', objects, explanation: NO_RULES };
      const asked = { ...network, subnets };
      const drops = internalDrops(rulesets, asked, { networks, ...(host.ok ? { host: host.value } : {}) });
      const missing = bridgesOf([asked]).flatMap((place) => missingRules(rulesets, place));
      const evidence = {
        rules: shown(drops.rules),
        ...(missing.length === 0 ? {} : { missing: shown(missing) }),
      };
      return { objects, evidence, ...answerOf(network.name, drops, missing.length > 0) };
    });
  },
});

const DROP_FIRST =
  'Take the rule away. Where another program needs it (a VPN, the ingress of a Swarm), drop what the network sends and gets in a rule before it.';

function answerOf(
  name: string,
  { state, reason, rules, isHeldByPolicy }: InternalDrops,
  isGone: boolean,
): Omit<Verdict, 'objects' | 'evidence'> {
  if (state === 'open') {
    const why = isGone
      ? 'rules of the engine that hold it are gone'
      : `${rules[0] ?? 'no rule at all'} comes before those of the engine`;
    return {
      outcome: 'fail',
      explanation: `${name} is internal, and ${reason}: ${why}.`,
      remedy: isGone ? WRITE_AGAIN : { what: DROP_FIRST },
    };
  }
  if (state === 'unknown') {
    return {
      outcome: 'unknown',
      explanation: `${name} is internal, and ${reason}: that is not known.`,
      remedy: { what: LOOK_AT_THEM },
    };
  }
  if (!isHeldByPolicy) return { outcome: 'pass', explanation: 'Nothing goes out or comes in.' };
  return {
    outcome: 'fail',
    severity: 'low',
    explanation: `Rules of the engine that hold ${name} are gone: only the policy of FORWARD still drops what goes out or comes in.`,
    remedy: WRITE_AGAIN,
  };
}
