import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/net-raw.ts';
import { container, failure, outcomes } from '../support.ts';

const pair = (a: Parameters<typeof container>[1], b: Parameters<typeof container>[1] = {}) => ({
  containers: [
    container('a', { networks: ['back'], ...a }),
    container('b', { networks: ['back'], capDrop: ['ALL'], ...b }),
  ],
});

describe('net-raw', () => {
  it('fails once for all that did not give it back', () => {
    expect(outcomes(check, pair({}))).toEqual(['fail low a', 'pass b']);
    expect(outcomes(check, pair({}, { capDrop: [] }))).toEqual(['fail low a,b']);
  });

  it.each([
    [{ capDrop: ['NET_RAW'] }, 'pass a,b'],
    [{ capDrop: ['ALL'] }, 'pass a,b'],
    [{ capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] }, 'pass a,b'],
  ])('passes with %j', (fields, expected) => {
    expect(outcomes(check, pair(fields))).toEqual([expected]);
  });

  it('sees what was added again, and what is privileged', () => {
    expect(outcomes(check, pair({ capDrop: ['ALL'], capAdd: ['NET_RAW'] }))).toEqual([
      'fail low a',
      'pass b',
    ]);
    expect(outcomes(check, pair({ capDrop: ['ALL'], isPrivileged: true }))).toEqual(['fail low a', 'pass b']);
  });

  it('is about no container without neighbours', () => {
    expect(outcomes(check, { containers: [container('a', { networks: ['back'] })] })).toEqual([
      'not-applicable',
    ]);
  });

  it('counts against every network of theirs', () => {
    expect(failure(check, pair({ networks: ['back', 'front'] })).networks).toEqual(['back', 'front']);
  });
});
