import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-ipv6.ts';
import type { Ruleset } from '../../../../src/sensor/host/firewall/ruleset.ts';
import { back, facts, first, front, saved, web, withIpv6 } from '../lib/firewall/saved.ts';
import { failure, outcomes, port, results, settings } from '../support.ts';

const V4 = '-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 80 -j DROP';
const both = [
  { ...front, hasIpv6: true, subnets: [...front.subnets, 'fd30:1::/64'] },
  { ...back, hasIpv6: true, subnets: [...back.subnets, 'fd30:2::/64'] },
];

/** Rules of both families, edited each for itself. */
function world(v4: readonly string[], v6: readonly string[], containers = [withIpv6(web)]) {
  const edit = (rules: readonly string[]) => (text: string) =>
    rules.reduce((edited, rule) => first(rule)(edited), text);
  const firewall: Ruleset[] = [...saved('engine-27', edit(v4)), ...saved('engine-27-ipv6', edit(v6))];
  return { ...facts('engine-27'), networks: both, containers, firewall };
}

describe('firewall-ipv6', () => {
  it('passes where neither family is restricted, or both are', () => {
    expect(outcomes(check, world([], []))).toEqual(['pass web']);
    expect(outcomes(check, world([V4], [V4]))).toEqual(['pass web']);
    expect(outcomes(check, world([], [V4]))).toEqual(['pass web']);
  });

  it('fails where only IPv4 is restricted', () => {
    const failed = failure(check, world([V4], []));

    expect(failed).toMatchObject({ severity: 'medium', networks: ['front'] });
    expect(failed.evidence).toMatchObject({ port: '[::]:8080->80/tcp', ipv4: [V4] });
    expect(failed.explanation).toMatch(/ip6tables has no rule for it/);
  });

  it('fails where docker-proxy takes what comes over IPv6, and passes where INPUT holds that back', () => {
    const held = '-A INPUT -i eth0 -p tcp -m tcp --dport 8080 -j REJECT';

    expect(failure(check, world([V4], [], [web])).explanation).toMatch(/docker-proxy takes it on the host/);
    expect(outcomes(check, world([V4], [V4], [web]))).toEqual(['fail medium web']);
    expect(outcomes(check, world([V4], [held], [web]))).toEqual(['pass web']);
    expect(
      outcomes(check, { ...world([V4], [], [web]), settings: settings({ userlandProxy: false }) }),
    ).toEqual(['not-applicable']);
  });

  it('takes the address of one that was shut out for no restriction of the port', () => {
    expect(outcomes(check, world(['-A DOCKER-USER -s 198.51.100.66/32 -j DROP'], []))).toEqual(['pass web']);
  });

  it('is unknown where the rules for IPv6 were not read, or rules ask what is not modelled', () => {
    const some = '-A DOCKER-USER -i eth0 -m set ! --match-set friends src -j DROP';
    const unread = { ...world([V4], []), firewall: saved('engine-27', first(V4)) };

    expect(outcomes(check, unread)).toEqual(['unknown web']);
    expect(results(check, world([V4], [some]))).toMatchObject([
      { outcome: 'unknown', evidence: { rules: [some] } },
    ]);
    expect(outcomes(check, world([some], []))).toEqual(['unknown web']);
    expect(outcomes(check, world([], [some]))).toEqual(['pass web']);
  });

  it('is about nothing that is published on one family', () => {
    const only4 = { ...web, published: [port('0.0.0.0', 8080, 80)] };

    expect(outcomes(check, world([V4], [], [only4]))).toEqual(['not-applicable']);
  });
});
