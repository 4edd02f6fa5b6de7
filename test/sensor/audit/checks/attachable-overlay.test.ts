import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/attachable-overlay.ts';
import { network, outcomes } from '../support.ts';

const overlay = (isAttachable: boolean) => ({
  networks: [network('o', { driver: 'overlay', isAttachable })],
});

describe('attachable-overlay', () => {
  it('fails where any container may join, and passes where only services may', () => {
    expect(outcomes(check, overlay(true))).toEqual(['fail low o']);
    expect(outcomes(check, overlay(false))).toEqual(['pass o']);
  });

  it('is not applicable to bridges, which any container joins', () => {
    expect(outcomes(check, { networks: [network('b', { isAttachable: true })] })).toEqual(['not-applicable']);
  });
});
