import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/default-bridge.ts';
import { container, DOCKER0, failure, outcomes } from '../support.ts';

const on = (name: string) => container(name, { networks: ['bridge'] });
const facts = (...containers: ReturnType<typeof on>[]) => ({ networks: [DOCKER0], containers });

describe('default-bridge', () => {
  it('is low for one alone and medium for two, told once', () => {
    expect(outcomes(check, facts(on('a')))).toEqual(['fail low a']);
    expect(outcomes(check, facts(on('a'), on('b'), container('c', { networks: ['back'] })))).toEqual([
      'fail medium a,b',
      'pass c',
    ]);
  });

  it('counts against the network', () => {
    expect(failure(check, facts(on('a'))).networks).toEqual(['bridge']);
  });

  it('is not applicable where there is none, or nothing runs', () => {
    expect(outcomes(check, { containers: [on('a')] })).toEqual(['not-applicable']);
    expect(outcomes(check, facts())).toEqual(['not-applicable']);
  });
});
