import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-loopback-ports.ts';
import { facts, first, onLoopback, type Saved, without } from '../lib/firewall/saved.ts';
import { engine, failure, outcomes, results, settings } from '../support.ts';

const world = (name: Saved, edit?: (text: string) => string) => ({
  ...facts(name, edit),
  containers: [onLoopback],
});

describe('firewall-loopback-ports', () => {
  it.each(['engine-28', 'engine-29-nft'] as const)('passes as %s keeps them', (name) => {
    expect(outcomes(check, world(name))).toEqual(['pass web']);
  });

  it.each([
    ['engine-28', /-A PREROUTING -d 127/],
    ['engine-29-nft', /DROP REMOTE LOOPBACK/],
  ] as const)('fails where the rule of %s is gone', (name, gone) => {
    const failed = failure(check, world(name, without(gone)));

    expect(failed).toMatchObject({ severity: 'medium', networks: ['front'] });
    expect(failed.evidence['missing']).toEqual([
      '-t raw -A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 9090 -j DROP',
    ]);
  });

  it('fails where another rule comes before it, and is unknown where that asks what is not modelled', () => {
    const accept = '-A PREROUTING -i eth0 -j ACCEPT';
    const marked = '-A PREROUTING -m physdev --physdev-is-bridged -j ACCEPT';

    expect(outcomes(check, world('engine-28', first(accept, 'raw')))).toEqual(['fail medium web']);
    expect(results(check, world('engine-28', first(marked, 'raw')))).toMatchObject([
      { outcome: 'unknown', evidence: { rules: [marked] } },
    ]);
  });

  it('is held by a rule of the operator’s as well', () => {
    const edit = (text: string) =>
      first('-A PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP', 'raw')(without(/-A PREROUTING -d 127/)(text));

    expect(outcomes(check, world('engine-28', edit))).toEqual(['pass web']);
  });

  it('is not about engines up to 27, ports on other addresses, or an engine without rules', () => {
    expect(outcomes(check, world('engine-27'))).toEqual(['not-applicable']);
    expect(outcomes(check, facts('engine-28'))).toEqual(['not-applicable']);
    expect(outcomes(check, { ...world('engine-28'), settings: settings({ iptables: false }) })).toEqual([
      'not-applicable',
    ]);
  });

  it('is unknown for a version that is none, where no rule keeps them', () => {
    const dev = { engine: engine({ version: 'dev' }) };

    expect(outcomes(check, { ...world('engine-28', without(/-A PREROUTING -d 127/)), ...dev })).toEqual([
      'unknown web',
    ]);
    expect(outcomes(check, { ...world('engine-28'), ...dev })).toEqual(['pass web']);
  });
});
