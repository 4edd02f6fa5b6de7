import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/swarm-autolock.ts';
import { engine, outcomes, results } from '../support.ts';

const DAY = 86_400;
const inSwarm = engine({ swarm: { state: 'active', isManager: true } });
const swarm = (autoLock: boolean, days = 90) => ({
  engine: inSwarm,
  swarm: { autoLock, nodeCertExpirySecs: days * DAY },
});

describe('swarm-autolock', () => {
  it('fails without autolock and passes with it', () => {
    expect(outcomes(check, swarm(false))).toEqual(['fail low engine']);
    expect(outcomes(check, swarm(true))).toEqual(['pass engine']);
  });

  it('bears certificates of 90 days, and not of 91', () => {
    expect(outcomes(check, swarm(true, 91))).toEqual(['fail low engine']);
    expect(results(check, swarm(false, 91)).map(({ outcome, topic }) => [outcome, topic])).toEqual([
      ['fail', 'autolock'],
      ['fail', 'certificates'],
    ]);
  });

  it('is unknown on a worker, and says where to ask; not applicable without a Swarm', () => {
    const worker = engine({ swarm: { state: 'active', isManager: false } });

    expect(results(check, { engine: worker })[0]).toMatchObject({
      outcome: 'unknown',
      remedy: { what: 'Run the audit on a manager.' },
    });
    expect(outcomes(check)).toEqual(['not-applicable']);
  });
});
