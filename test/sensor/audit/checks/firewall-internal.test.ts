import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-internal.ts';
import { accepting, all, facts, first, type Saved, without } from '../lib/firewall/saved.ts';
import { failure, outcomes, results, settings } from '../support.ts';

const EVERY: readonly Saved[] = ['engine-27', 'engine-27-ipv6', 'engine-28', 'engine-29-nft'];

describe('firewall-internal', () => {
  it.each(EVERY)('passes as %s holds its internal network, whatever the policy is', (name) => {
    expect(outcomes(check, facts(name))).toEqual(['pass data']);
    expect(outcomes(check, facts(name, accepting))).toEqual(['pass data']);
  });

  it.each([
    [
      'engine-27',
      /-A DOCKER-ISOLATION-STAGE-1 ! -d/,
      '-A DOCKER-ISOLATION-STAGE-1 ! -d 172.30.3.0/24 -i br-data -j DROP',
    ],
    ['engine-28', /-A DOCKER-INTERNAL ! -s/, '-A DOCKER-INTERNAL ! -s 172.30.3.0/24 -o br-data -j DROP'],
    ['engine-28', /-A DOCKER-FORWARD -j DOCKER-INTERNAL/, '-A DOCKER-FORWARD -j DOCKER-INTERNAL'],
  ] as const)('is open where rules of %s are gone: %s', (name, gone, missing) => {
    const failed = failure(check, facts(name, without(gone)));

    expect(failed).toMatchObject({ severity: 'high', networks: ['data'], evidence: { missing: [missing] } });
  });

  it('is held by the policy alone where no other rule accepts', () => {
    const egress = /-A DOCKER-ISOLATION-STAGE-1 ! -d/;
    const published = /-A DOCKER -d/;

    // What is published on another network is reached by containers too: that rule asks for no interface.
    expect(failure(check, facts('engine-27', without(egress))).explanation).toContain('out to front');
    expect(outcomes(check, facts('engine-27', without(egress, published)))).toEqual(['fail low data']);
    expect(outcomes(check, facts('engine-27', all(without(egress, published), accepting)))).toEqual([
      'fail high data',
    ]);
  });

  it('is open where nft has lost the drop on the way out', () => {
    const failed = failure(check, facts('engine-29-nft', without(/INTERNAL NETWORK EGRESS/)));

    expect(failed.evidence['missing']).toEqual(['filter-forward-out__br-data: oifname != br-data drop']);
    expect(failed.explanation).toMatch(/over IPv4 packets get out to .*eth0/);
  });

  it('is open behind a rule that accepts before the drops are asked', () => {
    const rule = '-A DOCKER-USER -i br-data -o eth0 -p udp -m udp --dport 53 -j ACCEPT';
    const failed = failure(check, facts('engine-28', first(rule)));

    expect(failed.explanation).toContain(rule);
    expect(failed.evidence).toEqual({ rules: [rule] });
  });

  it('is unknown where that rule asks what is not modelled', () => {
    const rule = '-A DOCKER-USER -m set --match-set friends dst -j ACCEPT';

    expect(results(check, facts('engine-27', first(rule)))).toMatchObject([
      { outcome: 'unknown', evidence: { rules: [rule] } },
    ]);
  });

  it('is about nothing where no network is internal, or the engine makes no rules', () => {
    expect(outcomes(check, { ...facts('engine-27'), networks: [] })).toEqual(['not-applicable']);
    expect(outcomes(check, { ...facts('engine-27'), settings: settings({ iptables: false }) })).toEqual([
      'not-applicable data',
    ]);
  });
});
