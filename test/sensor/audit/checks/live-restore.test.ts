import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/live-restore.ts';
import { engine, outcomes } from '../support.ts';

describe('live-restore', () => {
  it('fails where it is off, passes where it is on, and is unknown where the engine does not tell', () => {
    const { liveRestore: _, ...silent } = engine();

    expect(outcomes(check, { engine: engine({ liveRestore: false }) })).toEqual([
      'fail informational engine',
    ]);
    expect(outcomes(check, { engine: engine({ liveRestore: true }) })).toEqual(['pass engine']);
    expect(outcomes(check, { engine: silent })).toEqual(['unknown engine']);
  });

  it('is not applicable in a Swarm, which does not work with it', () => {
    const swarm = { state: 'active', isManager: false };

    expect(outcomes(check, { engine: engine({ liveRestore: false, swarm }) })).toEqual(['not-applicable']);
  });
});
