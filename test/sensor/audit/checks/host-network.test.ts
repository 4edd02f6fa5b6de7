import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/host-network.ts';
import { container, failure, outcomes } from '../support.ts';

describe('host-network', () => {
  it("fails on the host's network, and counts against the host", () => {
    const containers = [container('a', { networkMode: 'host' }), container('b', { networks: ['back'] })];

    expect(outcomes(check, { containers })).toEqual(['fail medium a', 'pass b']);
    expect(failure(check, { containers }).networks).toEqual([]);
  });
});
