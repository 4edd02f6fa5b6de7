import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/overlay-encryption.ts';
import { network, outcomes } from '../support.ts';

const overlay = (fields: Parameters<typeof network>[1] = {}) => ({
  networks: [network('o', { driver: 'overlay', ...fields })],
});

describe('overlay-encryption', () => {
  it('fails without the option, and passes with it', () => {
    expect(outcomes(check, overlay())).toEqual(['fail medium o']);
    expect(outcomes(check, overlay({ options: { encrypted: '' } }))).toEqual(['pass o']);
  });

  it("leaves out Swarm's ingress, and other drivers", () => {
    expect(outcomes(check, overlay({ isIngress: true }))).toEqual(['not-applicable']);
    expect(outcomes(check, { networks: [network('b')] })).toEqual(['not-applicable']);
  });
});
