import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/network-options.ts';
import { failure, network, outcomes } from '../support.ts';

const one = (driver: string, options: Record<string, string>) => ({
  networks: [network('n', { driver, options })],
});

describe('network-options', () => {
  it.each([
    ['overlay', 'encryption', 'fail high n'],
    ['overlay', 'Encrypted', 'fail high n'],
    ['overlay', 'com.docker.network.encrypted', 'fail high n'],
    ['overlay', 'encrypted', 'pass n'],
    ['bridge', 'com.docker.network.bridge.enable-icc', 'fail medium n'],
    ['bridge', 'com.docker.network.bridge.enable_icc', 'pass n'],
    ['bridge', 'org.example.owner', 'pass n'],
    ['macvlan', 'parnet', 'fail medium n'],
    ['weave', 'encripted', 'pass n'],
  ])('of %s: %s', (driver, option, expected) => {
    expect(outcomes(check, one(driver, { [option]: '' }))).toEqual([expected]);
  });

  it('says what was meant, with the value that was given', () => {
    const found = failure(check, one('bridge', { 'com.docker.network.bridge.enable-icc': 'false' }));

    expect(found.remedy?.compose).toContain('com.docker.network.bridge.enable_icc: "false"');
  });

  it('is not applicable without options', () => {
    expect(outcomes(check, { networks: [network('n')] })).toEqual(['not-applicable']);
  });
});
