import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/host-pid.ts';
import { container, outcomes } from '../support.ts';

describe('host-pid', () => {
  it.each([
    [{ pidMode: 'host' }, 'fail medium a'],
    [{ pidMode: 'host', capAdd: ['SYS_PTRACE'] }, 'fail high a'],
    [{ pidMode: 'host', isPrivileged: true }, 'fail high a'],
    [{ pidMode: 'container:b' }, 'pass a'],
    [{}, 'pass a'],
  ])('weighs %j', (fields, expected) => {
    expect(outcomes(check, { containers: [container('a', fields)] })).toEqual([expected]);
  });
});
