import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/lan-driver.ts';
import { container, failure, network, outcomes } from '../support.ts';

const lan = (fields: Parameters<typeof network>[1] = {}) =>
  network('lan', { driver: 'macvlan', options: { parent: 'eth0' }, ...fields });

describe('lan-driver', () => {
  it.each([
    [{}, 'fail low lan'],
    [{ driver: 'ipvlan' }, 'fail low lan'],
    [{ internal: true }, 'pass lan'],
    [{ options: {} }, 'pass lan'],
    [{ options: { parent: 'dm-0a1b2c3d4e5f' } }, 'pass lan'],
    [{ driver: 'bridge' }, 'not-applicable'],
  ])('weighs %j', (fields, expected) => {
    expect(outcomes(check, { networks: [lan(fields)] })).toEqual([expected]);
  });

  it('says who is there, and behind which interface', () => {
    const containers = [container('cam', { networks: ['lan'] })];

    expect(failure(check, { networks: [lan()], containers }).evidence).toEqual({
      parent: 'eth0',
      containers: ['cam'],
    });
  });
});
