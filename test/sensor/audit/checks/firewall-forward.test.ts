import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-forward.ts';
import { accepting, all, facts, first, type Saved, without } from '../lib/firewall/saved.ts';
import { failure, outcomes, results, settings } from '../support.ts';

const EVERY: readonly Saved[] = ['engine-27', 'engine-27-ipv6', 'engine-28'];

describe('firewall-forward', () => {
  it.each(EVERY)('passes as %s leaves FORWARD, which drops', (name) => {
    expect(outcomes(check, facts(name))).toEqual(['pass host']);
  });

  it('fails where the policy accepts and lets others in to containers, as up to engine 27', () => {
    const failed = failure(check, facts('engine-27', accepting));

    expect(failed).toMatchObject({ severity: 'medium', networks: ['bridge', 'front', 'back'] });
    expect(failed.evidence['rules']).toContain('-P FORWARD ACCEPT');
    expect(failed.remedy?.commands).toEqual(['iptables -P FORWARD DROP']);
  });

  it('is milder where the rules of the engine drop before the policy is asked', () => {
    expect(outcomes(check, facts('engine-28', accepting))).toEqual(['fail low host']);
    expect(outcomes(check, facts('engine-29-nft'))).toEqual(['fail low host']);
  });

  it('passes where a last rule drops instead of the policy', () => {
    const last = (text: string) =>
      text.replace('-A DOCKER-USER', '-A FORWARD -j REJECT\n[0:0] -A DOCKER-USER');

    expect(outcomes(check, facts('engine-27', all(accepting, last)))).toEqual(['pass host']);
  });

  it('fails where the chains of the engine are gone, or FORWARD does not lead there', () => {
    const gone = failure(check, {
      ...facts('engine-28'),
      firewall: [{ family: 'ipv4', backend: 'iptables-nft', tables: [] }],
    });

    expect(gone).toMatchObject({ severity: 'high', networks: expect.arrayContaining(['data', 'front']) });
    expect(gone.explanation).toMatch(/chains for IPv4 are gone/);
    expect(failure(check, facts('engine-28', without(/-A FORWARD -j DOCKER-FORWARD/))).explanation).toMatch(
      /FORWARD does not lead to the engine's chains/,
    );
  });

  it('is unknown where a rule before the policy asks what is not modelled', () => {
    const rule = '-A FORWARD -m physdev ! --physdev-is-bridged -j DROP';

    expect(results(check, facts('engine-28', all(accepting, first(rule))))).toMatchObject([
      { outcome: 'unknown', evidence: { rules: [rule] } },
    ]);
  });

  it('is about nothing without bridge networks, and where the engine makes no rules', () => {
    expect(outcomes(check, { ...facts('engine-27', accepting), networks: [] })).toEqual(['not-applicable']);
    expect(
      outcomes(check, { ...facts('engine-27', accepting), settings: settings({ iptables: false }) }),
    ).toEqual(['not-applicable']);
  });
});
