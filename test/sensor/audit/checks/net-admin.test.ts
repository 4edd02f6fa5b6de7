import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/net-admin.ts';
import { container, failure, outcomes, service } from '../support.ts';

const one = (fields: Parameters<typeof container>[1]) => ({ containers: [container('a', fields)] });

describe('net-admin', () => {
  it.each([
    [['NET_ADMIN'], 'fail medium a'],
    [['SYS_ADMIN'], 'fail high a'],
    [['ALL'], 'fail high a'],
    [['NET_BIND_SERVICE'], 'pass a'],
    [[], 'pass a'],
  ])('weighs %j', (capAdd, expected) => {
    expect(outcomes(check, one({ capAdd }))).toEqual([expected]);
  });

  it("is graver on the host's network", () => {
    expect(outcomes(check, one({ capAdd: ['NET_ADMIN'], networkMode: 'host' }))).toEqual(['fail high a']);
  });

  it('leaves what is privileged to the check of that', () => {
    expect(outcomes(check, one({ capAdd: ['NET_ADMIN'], isPrivileged: true }))).toEqual(['not-applicable']);
  });

  it('keeps the other capabilities in the line that it gives', () => {
    const found = failure(check, { containers: [service('net', 'vpn', { capAdd: ['CHOWN', 'NET_ADMIN'] })] });

    expect(found.remedy?.compose).toContain('cap_add: [CHOWN]');
  });
});
