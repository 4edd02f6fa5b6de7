import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/engine-firewall.ts';
import { engine, network, outcomes, settings } from '../support.ts';

const ipv6 = [network('n', { hasIpv6: true })];

describe('engine-firewall', () => {
  it('fails where the engine makes no rules', () => {
    expect(outcomes(check, { settings: settings({ iptables: false }) })).toEqual(['fail high host']);
    expect(outcomes(check, { settings: settings({ iptables: true }) })).toEqual(['pass engine']);
  });

  it('wants ip6tables set for networks with IPv6 before engine 27', () => {
    const old = engine({ version: '26.1.4' });

    expect(outcomes(check, { engine: old, networks: ipv6 })).toEqual(['fail high n']);
    expect(outcomes(check, { engine: old, networks: ipv6, settings: settings({ ip6tables: true }) })).toEqual(
      ['pass engine'],
    );
    expect(outcomes(check, { engine: old, networks: [network('n')] })).toEqual(['pass engine']);
    expect(outcomes(check, { engine: engine({ version: '27.0.0' }), networks: ipv6 })).toEqual([
      'pass engine',
    ]);
    expect(outcomes(check, { networks: ipv6, settings: settings({ ip6tables: false }) })).toEqual([
      'fail high n',
    ]);
  });

  it('is unknown where daemon.json cannot be read, or the version tells nothing', () => {
    expect(outcomes(check, { settings: undefined })).toEqual(['unknown']);
    expect(outcomes(check, { engine: engine({ version: 'dev' }), networks: ipv6 })).toEqual(['unknown n']);
  });
});
