import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/container-resolvers.ts';
import { container, failure, network, outcomes } from '../support.ts';

const facts = (dns: string[], servers: string[] | undefined, networks = ['front']) => ({
  networks: [network('data', { internal: true }), network('front')],
  containers: [container('a', { dns, networks })],
  nameServers: [{ containerId: 'id-a', servers }],
});

describe('container-resolvers', () => {
  it('fails for a public resolver that was given to a container, graver on an internal network', () => {
    expect(outcomes(check, facts(['1.1.1.1'], ['127.0.0.11', '1.1.1.1']))).toEqual(['fail low a']);
    expect(outcomes(check, facts(['1.1.1.1'], ['127.0.0.11', '1.1.1.1'], ['data']))).toEqual([
      'fail medium a',
    ]);
  });

  it.each(['10.1.1.1', '172.16.0.1', '172.31.0.1', '192.168.1.1', '100.64.0.1', 'fd00::53', '127.0.0.1'])(
    'passes for %s, which is of the site',
    (ip) => {
      expect(outcomes(check, facts([ip], ['127.0.0.11', ip]))).toEqual(['pass a']);
    },
  );

  it.each(['172.15.0.1', '172.32.0.1', '100.128.0.1', '2001:db8::53'])('fails for %s, which is not', (ip) => {
    expect(outcomes(check, facts([ip], [ip]))).toEqual(['fail low a']);
  });

  it('passes for what the host asks itself, and says what was read where it fails', () => {
    expect(outcomes(check, facts([], ['127.0.0.11', '9.9.9.9']))).toEqual(['pass a']);
    expect(failure(check, facts(['9.9.9.9'], ['127.0.0.11', '9.9.9.9'])).evidence).toEqual({
      dns: ['9.9.9.9'],
      servers: ['127.0.0.11', '9.9.9.9'],
    });
  });

  it('is unknown, by name, where its resolvers are not known', () => {
    expect(outcomes(check, facts([], undefined))).toEqual(['unknown a']);
  });
});
