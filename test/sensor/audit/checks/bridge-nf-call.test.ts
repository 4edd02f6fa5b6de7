import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/bridge-nf-call.ts';
import { failure, network, outcomes } from '../support.ts';

const apart = network('n', { options: { 'com.docker.network.bridge.enable_icc': 'false' } });
const on = { 'bridge.bridge-nf-call-iptables': 1 };

describe('bridge-nf-call', () => {
  it('fails where icc is off and the kernel does not filter within bridges', () => {
    expect(outcomes(check, { networks: [apart], switches: { 'bridge.bridge-nf-call-iptables': 0 } })).toEqual(
      ['fail high n'],
    );
    expect(failure(check, { networks: [apart] }).explanation).toContain('br_netfilter is not loaded');
    expect(outcomes(check, { networks: [apart], switches: on })).toEqual(['pass n']);
  });

  it('wants both families where the network has both', () => {
    const networks = [{ ...apart, hasIpv6: true }];

    expect(outcomes(check, { networks, switches: on })).toEqual(['fail high n']);
    expect(outcomes(check, { networks, switches: { ...on, 'bridge.bridge-nf-call-ip6tables': 1 } })).toEqual([
      'pass n',
    ]);
  });

  it('is not applicable where nobody relies on it, and unknown where the switches cannot be read', () => {
    expect(outcomes(check, { networks: [network('n')] })).toEqual(['not-applicable']);
    expect(outcomes(check, { networks: [apart], switches: undefined })).toEqual(['unknown']);
  });
});
