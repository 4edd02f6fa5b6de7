import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/gateway-mode.ts';
import { network, outcomes } from '../support.ts';

const mode = (value: string, family = 4) => ({
  networks: [network('n', { options: { [`com.docker.network.bridge.gateway_mode_ipv${family}`]: value } })],
});

describe('gateway-mode', () => {
  it.each([
    [mode('nat-unprotected'), 'fail high n'],
    [mode('routed', 6), 'fail medium n'],
    [mode('nat'), 'pass n'],
    [mode('isolated'), 'pass n'],
    [{ networks: [network('n')] }, 'pass n'],
    [{ networks: [network('n', { driver: 'overlay' })] }, 'not-applicable'],
  ])('weighs %#', (facts, expected) => {
    expect(outcomes(check, facts)).toEqual([expected]);
  });
});
