import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/shared-network-namespace.ts';
import { container, failure, outcomes } from '../support.ts';

const owner = container('vpn', { networks: ['back'] });
const joined = (fields: Parameters<typeof container>[1] = {}) => ({
  containers: [owner, container('app', { networkMode: `container:${owner.id}`, ...fields })],
});

describe('shared-network-namespace', () => {
  it("names the owner, and counts against the owner's networks", () => {
    const found = failure(check, joined());

    expect(found.explanation).toContain('app shares the network namespace of vpn');
    expect(found.networks).toEqual(['back']);
  });

  it('is graver where the one that joins commands the routes', () => {
    expect(outcomes(check, joined())).toEqual(['fail low app', 'pass vpn']);
    expect(outcomes(check, joined({ capAdd: ['NET_ADMIN'] }))).toEqual(['fail medium app', 'pass vpn']);
  });
});
