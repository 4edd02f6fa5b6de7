import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/address-overlap.ts';
import { engine, failure, network, outcomes, route } from '../support.ts';

const facts = (...routes: ReturnType<typeof route>[]) => ({
  networks: [network('n', { subnets: ['172.30.0.0/24', 'fd00:30::/64'] })],
  host: { routes },
});

describe('address-overlap', () => {
  it.each([
    ['a part of it', route('172.30.0.128/25', 'tun0')],
    ['more than it', route('172.16.0.0/12', 'eth0')],
    ['it in the other family', route('fd00:30::/48', 'wg0')],
  ])('fails where another route has %s', (_name, other) => {
    expect(outcomes(check, facts(other))).toEqual(['fail medium n']);
  });

  it("passes for its own bridge's route, for the way to everywhere, and for others", () => {
    const routes = [
      route('172.30.0.0/24', 'br-n'),
      route('0.0.0.0/0', 'eth0'),
      route('172.31.0.0/16', 'eth0'),
    ];

    expect(outcomes(check, facts(...routes))).toEqual(['pass n']);
  });

  it('says which route, and gives a pool', () => {
    const found = failure(check, facts(route('172.16.0.0/12', 'eth0')));

    expect(found.evidence['routes']).toEqual(['172.16.0.0/12 eth0']);
    expect(found.remedy?.daemonJson).toContain('default-address-pools');
  });

  it('weighs a pool that the next network may get its addresses from as low', () => {
    const pools = (...addressPools: string[]) => ({
      ...facts(route('10.1.0.0/16', 'tun0')),
      engine: engine({ addressPools }),
    });

    expect(outcomes(check, pools('10.0.0.0/8'))).toEqual(['pass n', 'fail low engine']);
    expect(outcomes(check, pools('10.2.0.0/16'))).toEqual(['pass n']);
  });

  it('is unknown where the routes are those of another namespace', () => {
    expect(outcomes(check, { networks: [network('n')], host: undefined })).toEqual(['unknown']);
  });
});
