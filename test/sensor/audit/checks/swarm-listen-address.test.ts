import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/swarm-listen-address.ts';
import type { HostListener } from '../../../../src/sensor/host/host-network.ts';
import { engine, failure, outcomes, REASON, REMEDY, results } from '../support.ts';

const listener = (ip: string, port: number, isEngines: boolean | undefined = true): HostListener => ({
  ...{ protocol: 'tcp' as const, ip, port, isEngines },
});
const inSwarm = (...listeners: ReturnType<typeof listener>[]) => ({
  engine: engine({ swarm: { state: 'active', isManager: true } }),
  listeners,
});

describe('swarm-listen-address', () => {
  it('fails on every address, of either family and for either port, and names which', () => {
    const found = failure(check, inSwarm(listener('::', 2377), listener('198.51.100.2', 7946)));

    expect(found.explanation).toBe('The Swarm listens on every address of this node, for management (2377).');
    expect(found.evidence['sockets']).toEqual(['[::]:2377/tcp', '198.51.100.2:7946/tcp']);
    expect(outcomes(check, inSwarm(listener('0.0.0.0', 7946)))).toEqual(['fail low engine']);
  });

  it('passes on one address', () => {
    expect(outcomes(check, inSwarm(listener('198.51.100.2', 2377), listener('198.51.100.2', 7946)))).toEqual([
      'pass engine',
    ]);
  });

  it("leaves out others' sockets, and where nobody can tell whose they are goes by the port", () => {
    const own = listener('198.51.100.2', 2377);

    expect(outcomes(check, inSwarm(own, listener('0.0.0.0', 7946, false)))).toEqual(['pass engine']);
    expect(outcomes(check, inSwarm(own, { ...listener('0.0.0.0', 7946), isEngines: undefined }))).toEqual([
      'fail low engine',
    ]);
    expect(outcomes(check, inSwarm(own, listener('0.0.0.0', 2375)))).toEqual(['pass engine']);
  });

  it('is unknown where its sockets are on other ports, and not applicable without a Swarm', () => {
    expect(results(check, inSwarm(listener('0.0.0.0', 9999)))[0]).toMatchObject({
      outcome: 'unknown',
      remedy: { what: expect.stringContaining('ss -tulpn') },
    });
    expect(outcomes(check, { listeners: [listener('0.0.0.0', 2377)] })).toEqual(['not-applicable']);
    expect(outcomes(check, { listeners: undefined })).toEqual(['not-applicable']);
    expect(results(check, { ...inSwarm(), listeners: undefined })[0]).toMatchObject({
      outcome: 'unknown',
      explanation: expect.stringContaining(REASON),
      remedy: { what: REMEDY },
    });
  });
});
