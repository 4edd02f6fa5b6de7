import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/privileged.ts';
import { container, outcomes } from '../support.ts';

describe('privileged', () => {
  it('fails for those that are, and passes for those that are not', () => {
    const containers = [container('a', { isPrivileged: true }), container('b'), container('c')];

    expect(outcomes(check, { containers })).toEqual(['fail high a', 'pass b,c']);
  });

  it('is not applicable where nothing runs, and unknown where containers cannot be listed', () => {
    expect(outcomes(check)).toEqual(['not-applicable']);
    expect(outcomes(check, { containers: undefined })).toEqual(['unknown']);
  });
});
