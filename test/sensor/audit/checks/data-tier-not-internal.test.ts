import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/data-tier-not-internal.ts';
import { container, failure, network, outcomes, service } from '../support.ts';

const networks = [network('data', { internal: true }), network('front')];
const one = (fields: Parameters<typeof container>[1]) => ({ networks, containers: [container('a', fields)] });

describe('data-tier-not-internal', () => {
  it('fails for a store on a network with a way out, and passes on internal ones', () => {
    expect(outcomes(check, one({ image: 'postgres:17', networks: ['front'] }))).toEqual(['fail medium a']);
    expect(outcomes(check, one({ image: 'postgres:17', networks: ['data', 'front'] }))).toEqual([
      'fail medium a',
    ]);
    expect(outcomes(check, one({ image: 'postgres:17', networks: ['data'] }))).toEqual(['pass a']);
    expect(outcomes(check, one({ image: 'postgres:17', networkMode: 'host' }))).toEqual(['fail medium a']);
  });

  it.each([
    [
      'an image behind a registry, with a digest',
      { image: 'r.example:5000/x/mariadb@sha256:ab' },
      'fail medium a',
    ],
    ['a port', { image: 'own/thing', exposed: ['6379/tcp'] }, 'fail medium a'],
    ['a label', { image: 'own/thing', labels: { 'bridgewatch.tier': 'data' } }, 'fail medium a'],
    [
      'a label that says otherwise',
      { image: 'redis', labels: { 'bridgewatch.tier': 'web' } },
      'not-applicable',
    ],
    ['an exporter', { image: 'prom/mysql-exporter' }, 'not-applicable'],
    ['a console', { image: 'mongo-express', exposed: ['8081/tcp'] }, 'not-applicable'],
    ['a web server', { image: 'nginx', exposed: ['80/tcp'] }, 'not-applicable'],
  ])('knows what is a store, and what is none, by %s', (_name, fields, expected) => {
    expect(outcomes(check, one({ ...fields, networks: ['front'] }))).toEqual([expected]);
  });

  it('gives the lines of an internal network', () => {
    const containers = [service('shop', 'db', { image: 'postgres', networks: ['front'] })];

    expect(failure(check, { networks, containers }).remedy?.compose).toBe(
      'services:\n  db:\n    networks: [data]  # instead of front\nnetworks:\n  data:\n    internal: true',
    );
  });
});
