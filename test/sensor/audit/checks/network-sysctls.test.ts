import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/network-sysctls.ts';
import { container, outcomes } from '../support.ts';

const one = (sysctls: Record<string, string>, networks: string[] = ['back']) => ({
  containers: [container('a', { sysctls, networks })],
});

describe('network-sysctls', () => {
  it.each([
    ['net.ipv4.conf.all.rp_filter', '0', 'fail low a'],
    ['net.ipv4.conf.all.rp_filter', '1', 'pass a'],
    ['net.ipv4.conf.eth0.accept_redirects', '1', 'fail low a'],
    ['net.ipv4.conf.eth0.accept_redirects', '0', 'pass a'],
    ['net.ipv6.conf.all.accept_ra', '2', 'fail low a'],
    ['net.ipv4.conf.all.route_localnet', '1', 'fail low a'],
    ['net.core.somaxconn', '1024', 'pass a'],
  ])('weighs %s=%s', (name, value, expected) => {
    expect(outcomes(check, one({ [name]: value }))).toEqual([expected]);
  });

  it('is graver where forwarding joins two networks', () => {
    expect(outcomes(check, one({ 'net.ipv4.ip_forward': '1' }))).toEqual(['fail low a']);
    expect(outcomes(check, one({ 'net.ipv4.ip_forward': '1' }, ['back', 'front']))).toEqual([
      'fail medium a',
    ]);
  });
});
