import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/default-bridge-icc.ts';
import { DOCKER0, failure, outcomes } from '../support.ts';

const ICC = 'com.docker.network.bridge.enable_icc';

describe('default-bridge-icc', () => {
  it('fails where icc is on, also by default, and passes where it is off', () => {
    expect(outcomes(check, { networks: [DOCKER0] })).toEqual(['fail low bridge']);
    expect(outcomes(check, { networks: [{ ...DOCKER0, options: { [ICC]: 'true' } }] })).toEqual([
      'fail low bridge',
    ]);
    expect(outcomes(check, { networks: [{ ...DOCKER0, options: { [ICC]: 'false' } }] })).toEqual([
      'pass bridge',
    ]);
  });

  it('says what to write into daemon.json', () => {
    expect(JSON.parse(failure(check, { networks: [DOCKER0] }).remedy!.daemonJson!)).toEqual({ icc: false });
  });

  it('is not applicable without a default bridge', () => {
    expect(outcomes(check)).toEqual(['not-applicable']);
  });
});
