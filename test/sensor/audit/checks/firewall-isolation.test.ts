import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-isolation.ts';
import { accepting, all, back, facts, first, front, type Saved, without } from '../lib/firewall/saved.ts';
import { failure, network, outcomes, results, settings } from '../support.ts';

const EVERY: readonly Saved[] = ['engine-27', 'engine-27-ipv6', 'engine-28', 'engine-29-nft'];

describe('firewall-isolation', () => {
  it.each(EVERY)('passes as %s keeps its networks, whatever the policy is', (name) => {
    expect(outcomes(check, facts(name))).toEqual(['pass bridge,front,back']);
    expect(outcomes(check, facts(name, accepting))).toEqual(['pass bridge,front,back']);
  });

  it.each([
    [
      'engine-27',
      /-A DOCKER-ISOLATION-STAGE-1 -i br-/,
      '-A DOCKER-ISOLATION-STAGE-1 -i br-front ! -o br-front -j DOCKER-ISOLATION-STAGE-2',
    ],
    ['engine-27', /-A FORWARD -j DOCKER-ISOLATION-STAGE-1/, '-A FORWARD -j DOCKER-ISOLATION-STAGE-1'],
    ['engine-27-ipv6', /-A DOCKER-ISOLATION-STAGE-2 -o/, '-A DOCKER-ISOLATION-STAGE-2 -o br-front -j DROP'],
    ['engine-28', /-A DOCKER ! -i/, '-A DOCKER ! -i br-front -o br-front -j DROP'],
    ['engine-28', /-A DOCKER-FORWARD -j DOCKER-BRIDGE/, '-A DOCKER-FORWARD -j DOCKER-BRIDGE'],
    ['engine-29-nft', /UNPUBLISHED PORT DROP/, 'filter-forward-in__br-front: drop'],
  ] as const)('fails where rules of %s are gone: %s', (name, gone, missing) => {
    const failed = failure(check, facts(name, without(gone)));

    expect(failed).toMatchObject({ severity: 'high', networks: expect.arrayContaining(['front', 'back']) });
    expect(failed.explanation).toMatch(/rules of the engine that keep them apart are gone/);
    expect(failed.evidence['missing']).toContain(missing);
    expect(failed.remedy?.commands).toEqual(['systemctl restart docker']);
  });

  it('fails where the rules are all there, and one before them lets everything through', () => {
    for (const name of ['engine-27', 'engine-28'] as const) {
      for (const rule of [
        '-A FORWARD -j ACCEPT',
        '-A DOCKER-USER -i br-+ -j ACCEPT',
        '-A DOCKER-USER -s 172.16.0.0/12 -j ACCEPT',
      ]) {
        const failed = failure(check, facts(name, first(rule)));

        expect(failed).toMatchObject({ severity: 'high', evidence: { rules: [rule], missing: [] } });
        expect(failed.remedy?.commands).toEqual([`iptables ${rule.replace('-A', '-D')}`]);
      }
    }
  });

  it('names the networks between which it is open, and passes the others', () => {
    const rule = '-A FORWARD -i br-front -o br-back -j ACCEPT';

    expect(outcomes(check, facts('engine-28', first(rule)))).toEqual(['fail high front,back']);
    expect(failure(check, facts('engine-28', first(rule))).evidence['pairs']).toEqual(['front -> back']);
  });

  it('is milder for an exception with addresses or ports', () => {
    for (const rule of [
      '-A DOCKER-USER -s 172.30.1.2/32 -d 172.30.2.2/32 -p tcp -m tcp --dport 5432 -j ACCEPT',
      '-A DOCKER-USER -i br-front -o br-back -p udp -j ACCEPT',
    ]) {
      expect(outcomes(check, facts('engine-27', first(rule)))).toContain('fail low front,back');
    }
  });

  it('passes over rules before them that decide nothing, or about others', () => {
    const harmless = [
      '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -m limit --limit 3/min -j LOG',
      '-A FORWARD -i eth0 -j ACCEPT',
      '-A DOCKER-USER -m set --match-set banned src -j DROP',
      '-A DOCKER-USER -j RETURN',
    ];

    expect(outcomes(check, facts('engine-27', all(...harmless.map((rule) => first(rule)))))).toEqual([
      'pass bridge,front,back',
    ]);
  });

  it('is unknown where a rule before them asks what is not modelled, and says which', () => {
    const rule = '-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT';
    const [unknown] = results(check, facts('engine-28', first(rule)));

    expect(unknown).toMatchObject({ outcome: 'unknown', evidence: { rules: [rule] } });
    expect(unknown?.explanation).toContain(rule);
  });

  it('leaves out internal networks, those without NAT, and engines that make no rules', () => {
    const mode = 'com.docker.network.bridge.gateway_mode_ipv4';
    const open = { ...facts('engine-28', without(/-A DOCKER ! -i/)) };

    expect(outcomes(check, { ...open, networks: [front] })).toEqual(['not-applicable']);
    expect(outcomes(check, { ...open, networks: [front, { ...back, internal: true }] })).toEqual([
      'not-applicable',
    ]);
    expect(
      outcomes(check, {
        ...open,
        networks: [front, back].map((each) => ({ ...each, options: { [mode]: 'nat-unprotected' } })),
      }),
    ).toEqual(['not-applicable']);
    expect(outcomes(check, { ...open, settings: settings({ iptables: false }) })).toEqual(['not-applicable']);
  });

  it('is unknown for a family whose rules were not read, and not asked of one without rules', () => {
    const both = [front, back].map((each, i) => network(each.name, { ...each, subnets: [`fd30:${i}::/64`] }));

    expect(outcomes(check, { ...facts('engine-28'), networks: both })).toEqual(['unknown front,back']);
    expect(
      outcomes(check, { ...facts('engine-28'), networks: both, settings: settings({ ip6tables: false }) }),
    ).toEqual(['not-applicable']);
  });
});
