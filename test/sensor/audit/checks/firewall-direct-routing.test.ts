import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-direct-routing.ts';
import { accepting, back, facts, first, front, type Saved, without } from '../lib/firewall/saved.ts';
import { failure, outcomes, results, type SomeFacts, settings } from '../support.ts';

/** Names of the networks that pass, where nothing else is answered. */
function passed(some: SomeFacts): string[] {
  const told = results(check, some);
  expect(told.map(({ outcome }) => outcome)).toEqual(told.map(() => 'pass'));
  return told.flatMap(({ networks }) => networks).sort();
}

const EVERY: readonly Saved[] = ['engine-27', 'engine-27-ipv6', 'engine-28', 'engine-29-nft'];

describe('firewall-direct-routing', () => {
  it.each(EVERY)('passes as %s leaves its networks', (name) => {
    expect(passed(facts(name))).toEqual(['back', 'bridge', 'front']);
  });

  it('fails where a rule lets everybody in to a network, and names it', () => {
    const rule = '-A DOCKER-USER -i eth0 -o br-back -j ACCEPT';
    const failed = failure(check, facts('engine-28', first(rule)));

    expect(failed).toMatchObject({ severity: 'high', networks: ['back'], evidence: { rules: [rule] } });
    expect(failed.remedy?.commands).toEqual(['iptables -D DOCKER-USER -i eth0 -o br-back -j ACCEPT']);
  });

  it('is milder where the rule is for some addresses or ports', () => {
    for (const which of ['-s 10.0.0.0/8', '-i eth0 -p tcp -m tcp --dport 443']) {
      expect(
        outcomes(check, facts('engine-27', first(`-A DOCKER-USER ${which} -o br-back -j ACCEPT`))),
      ).toContain('fail low back');
    }
  });

  it('passes over rules for replies, for other interfaces, and for what DNAT has rewritten', () => {
    for (const which of [
      '-m conntrack --ctstate RELATED,ESTABLISHED',
      '-i br-front -o eth0',
      '-m conntrack --ctstate DNAT',
    ]) {
      expect(passed(facts('engine-28', first(`-A FORWARD ${which} -j ACCEPT`)))).toEqual([
        'back',
        'bridge',
        'front',
      ]);
    }
  });

  it('leaves the policy to firewall-forward', () => {
    expect(outcomes(check, facts('engine-27', accepting))).not.toContain('fail high front');
  });

  it('fails from engine 28 on where the drops of the raw table are gone, unless direct routing is allowed', () => {
    const gone = without(/-A PREROUTING -d 172/);

    expect(outcomes(check, { ...facts('engine-28', gone), settings: settings() })).toContain(
      'fail medium front',
    );
    expect(
      outcomes(check, { ...facts('engine-28', gone), settings: settings({ allowDirectRouting: true }) }),
    ).not.toContain('fail medium front');
    expect(outcomes(check, facts('engine-29-nft', without(/DROP DIRECT ACCESS/)))).toContain(
      'fail medium front',
    );
  });

  it('tells a rule in the raw table that comes before its drops, unless the network trusts an interface', () => {
    const rule = '-A PREROUTING -d 172.30.1.2/32 -i eth0 -j ACCEPT';
    const world = { ...facts('engine-28', first(rule, 'raw')), settings: settings() };
    const trusted = 'com.docker.network.bridge.trusted_host_interfaces';
    const networks = world.networks!.map((each) => ({ ...each, options: { [trusted]: 'eth0' } }));

    expect(failure(check, world)).toMatchObject({ severity: 'medium', networks: ['front'] });
    expect(failure(check, world).evidence['rules']).toContain(rule);
    expect(passed({ ...world, networks })).toEqual(['back', 'bridge', 'front']);
  });

  it('looks at each family by itself: a network can be routed in one of them', () => {
    const networks = [front, back].map((each) => ({
      ...each,
      subnets: [...each.subnets, `fd30:${each.name.length}::/64`],
      options: { 'com.docker.network.bridge.gateway_mode_ipv6': 'routed' },
    }));
    const world = facts('engine-28', first('-A DOCKER-USER -i eth0 -o br-back -j ACCEPT'));

    expect(outcomes(check, { ...world, networks })).toContain('fail high back');
  });

  it('is unknown where a rule asks what is not modelled', () => {
    const rule = '-A DOCKER-USER -o br-back -m set --match-set friends src -j ACCEPT';

    expect(results(check, facts('engine-27', first(rule)))).toContainEqual(
      expect.objectContaining({
        outcome: 'unknown',
        networks: ['back'],
        evidence: { rules: [rule], family: 'IPv4' },
      }),
    );
  });

  it('is about nothing where the engine makes no rules', () => {
    expect(outcomes(check, { ...facts('engine-27'), settings: settings({ iptables: false }) })).toEqual([
      'not-applicable',
    ]);
  });
});
