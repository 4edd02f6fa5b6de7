/** `iptables: false`, `ip6tables: false`: the engine makes no rules, so nothing of what it promises is kept. */
import { defineCheck, type Verdict } from '../check.ts';
import { isAtLeast } from '../lib/engine-version.ts';
import { daemonJson, ENGINE, HOST, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'engine-firewall',
  title: 'The engine keeps its networks apart in the firewall',
  group: 'engine',
  severity: 'high',
  argument:
    'Isolation between networks, `internal` and published addresses are all firewall rules of the engine: without them every container reaches every other, and on an internal network the outside. High. Without rules for IPv6 the same for IPv6 where a network has it: before engine 27 they were made only where `ip6tables` was set.',
  needs: ['engine', 'settings', 'networks'],
  cis: ['2.4'],
  run: ({ engine, settings, networks }) => {
    const verdicts: Verdict[] = [];
    if (settings.iptables === false) {
      verdicts.push({
        outcome: 'fail',
        objects: [HOST],
        explanation:
          'The engine makes no firewall rules (`iptables: false`): networks are not kept apart, and `internal` holds nothing.',
        evidence: { iptables: false },
        remedy: {
          what: `Take it out of ${settings.configFile}, start the engine again, and put rules of your own into DOCKER-USER.`,
          daemonJson: daemonJson({ iptables: true }),
        },
      });
    }
    const withIpv6 = networks.filter(({ driver, hasIpv6 }) => driver === 'bridge' && hasIpv6);
    const isNew = isAtLeast(engine.version, '27.0.0');
    const hasRules = settings.ip6tables ?? isNew;
    if (withIpv6.length > 0 && hasRules !== true) {
      const names = withIpv6.map(({ name }) => name);
      verdicts.push({
        outcome: hasRules === undefined ? 'unknown' : 'fail',
        objects: withIpv6.map(({ id, name }) => ({ kind: 'network' as const, id, name })),
        explanation:
          hasRules === undefined
            ? `${listed(names)} has IPv6, and whether engine ${engine.version} makes rules for it is not known from its version.`
            : `${listed(names)} has IPv6, and the engine makes no rules for it: nothing keeps it apart, and every port is open to whoever has a route.`,
        evidence: {
          networks: names,
          ...(settings.ip6tables === undefined ? {} : { ip6tables: settings.ip6tables }),
        },
        remedy: {
          what: 'Have rules made for IPv6 too (before engine 27 also `experimental`).',
          daemonJson: daemonJson(
            isNew === true ? { ip6tables: true } : { experimental: true, ip6tables: true },
          ),
        },
      });
    }
    return verdicts.length > 0
      ? verdicts
      : [
          {
            outcome: 'pass',
            objects: [ENGINE],
            explanation: 'It makes its own rules, for every family that its networks have.',
            evidence: { iptables: settings.iptables ?? true },
          },
        ];
  },
});
