import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/internal-and-external.ts';
import { container, failure, network, outcomes, service } from '../support.ts';

const networks = [
  network('shop_data', { internal: true, labels: { 'com.docker.compose.network': 'data' } }),
  network('front'),
];
const both = (fields: Parameters<typeof container>[1] = {}) => ({
  networks,
  containers: [container('a', { networks: ['shop_data', 'front'], ...fields })],
});

describe('internal-and-external', () => {
  it.each([
    [{}, 'fail low a'],
    [{ capAdd: ['NET_ADMIN'] }, 'fail medium a'],
    [{ sysctls: { 'net.ipv4.ip_forward': '1' } }, 'fail medium a'],
    [{ sysctls: { 'net.ipv4.ip_forward': '0' } }, 'fail low a'],
    [{ isPrivileged: true }, 'fail high a'],
    [{ networks: ['shop_data'] }, 'pass a'],
    [{ networks: ['front'] }, 'not-applicable'],
  ])('weighs %j', (fields, expected) => {
    expect(outcomes(check, both(fields))).toEqual([expected]);
  });

  it('writes the networks as the Compose file calls them', () => {
    const containers = [service('shop', 'api', { networks: ['shop_data', 'front'] })];

    expect(failure(check, { networks, containers }).remedy?.compose).toContain(
      'networks: [data]  # without front',
    );
  });
});
