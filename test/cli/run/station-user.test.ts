import { describe, expect, it } from 'vitest';
import { diagnoseStationUser } from '../../../src/cli/run/station-user.ts';

describe('what doctor says of the process of the station', () => {
  it('is as whom it runs', () => {
    expect(diagnoseStationUser({ user: { name: 'keeper', uid: 4711, gid: 4712 } })).toEqual({
      check: 'station',
      outcome: 'ok',
      detail: 'a process of its own, as keeper (uid 4711), without capabilities',
    });
    expect(diagnoseStationUser({})).toMatchObject({
      outcome: 'ok',
      detail: expect.stringContaining('as the user of the agent'),
    });
  });

  it('is a warning where it has to stay root', () => {
    const notice = 'the station keeps the user root, without capabilities: no user keeper or nobody';
    expect(diagnoseStationUser({ notice })).toEqual({ check: 'station', outcome: 'warn', detail: notice });
  });
});
