import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/resolver-on-loopback.ts';
import { container, engine, network, outcomes } from '../support.ts';

const facts = (version: string, servers: string[] | undefined, networks = ['data']) => ({
  engine: engine({ version }),
  networks: [network('data', { internal: true }), network('front')],
  containers: [container('a', { networks })],
  nameServers: [{ containerId: 'id-a', servers }],
});
const LOCAL = ['127.0.0.11', '127.0.0.1'];

describe('resolver-on-loopback', () => {
  it.each([
    ['20.10.24', 'fail medium a'],
    ['23.0.10', 'fail medium a'],
    ['23.0.11', 'pass a'],
    ['24.0.9', 'fail medium a'],
    ['25.0.4', 'fail medium a'],
    ['25.0.5', 'pass a'],
    ['28.5.0', 'pass a'],
  ])('of engine %s', (version, expected) => {
    expect(outcomes(check, facts(version, LOCAL))).toEqual([expected]);
  });

  it('takes the embedded resolver itself for none of the host', () => {
    expect(outcomes(check, facts('20.10.24', ['127.0.0.11', '198.51.100.153']))).toEqual(['pass a']);
  });

  it('is about containers on internal networks only', () => {
    expect(outcomes(check, facts('20.10.24', LOCAL, ['data', 'front']))).toEqual(['not-applicable']);
  });

  it('is unknown where the resolvers are, unless the engine is mended anyway', () => {
    expect(outcomes(check, facts('20.10.24', undefined))).toEqual(['unknown a']);
    expect(outcomes(check, facts('28.5.0', undefined))).toEqual(['pass a']);
  });
});
