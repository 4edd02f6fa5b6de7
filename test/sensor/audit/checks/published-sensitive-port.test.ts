import { describe, expect, it } from 'vitest';
import type { Talk } from '../../../../src/model/traffic-history.ts';
import check from '../../../../src/sensor/audit/checks/published-sensitive-port.ts';
import { container, failure, history, outcomes, port, service } from '../support.ts';
import { LAN, talk } from '../talks.ts';

const one = (...published: ReturnType<typeof port>[]) => ({ containers: [container('a', { published })] });

describe('published-sensitive-port', () => {
  it.each([
    ['a database on any address', port('0.0.0.0', 15432, 5432), 'fail high a'],
    ['a database on any IPv6 address', port('::', 15432, 5432), 'fail high a'],
    ['a database on one address', port('198.51.100.2', 5432), 'fail medium a'],
    ['a database on loopback', port('127.0.0.1', 5432), 'pass a'],
    ['a database on IPv6 loopback', port('::1', 5432), 'pass a'],
    ['the Docker API', port('0.0.0.0', 2375), 'fail critical a'],
    ['a login', port('0.0.0.0', 2222, 22), 'fail medium a'],
    ['the port of a database on the host only', port('0.0.0.0', 3306, 80), 'fail high a'],
    ['a web server', port('0.0.0.0', 8080, 80), 'pass a'],
    ['UDP on a port that is sensitive over TCP', port('0.0.0.0', 5432, 5432, 'udp'), 'pass a'],
  ])('weighs %s', (_name, published, expected) => {
    expect(outcomes(check, one(published))).toEqual([expected]);
  });

  it('is as grave as the gravest of several', () => {
    expect(outcomes(check, one(port('0.0.0.0', 2222, 22), port('0.0.0.0', 2375)))).toEqual([
      'fail critical a',
    ]);
  });

  it('names service and port, and gives lines for its Compose file', () => {
    const published = [port('0.0.0.0', 5432), port('::', 5432)];
    const found = failure(check, { containers: [service('shop', 'db', { published })] });

    expect(found.explanation).toContain(
      'shop/db publishes PostgreSQL (0.0.0.0:5432->5432/tcp and [::]:5432->5432/tcp)',
    );
    expect(found.remedy?.compose).toContain('    ports:\n      - "127.0.0.1:5432:5432"\n    # or no');
    expect(found.cis).toContain('5.14');
  });

  describe('where flows are stored', () => {
    const traffic = (orig: Talk['orig'], fields: Partial<Talk> = {}) =>
      history({
        talks: [talk({ resp: { scope: 'container', service: 'a' }, respPort: 5432, orig, ...fields })],
      });
    const internet = { scope: 'internet', ip: '198.51.100.7' };
    const db = one(port('0.0.0.0', 5432), port('::', 5432));

    it('is a step graver for a port where somebody of the Internet was answered, and says who', () => {
      const found = failure(check, { ...db, traffic: traffic(internet) });

      expect(found.severity).toBe('critical');
      expect(found.explanation).toContain(
        'on every address of this host, and it was reached from the Internet by 198.51.100.7 (3 flows, 2.0 KiB).',
      );
      expect(found.evidence).toMatchObject({ internetAddresses: ['198.51.100.7'], internetFlows: 3 });
    });

    it.each([
      ['nobody was answered', traffic(internet, { answered: 0 })],
      ['another port of the host was asked', traffic(internet, { publishedPort: 5433 })],
      ['only this host came', traffic({ scope: 'host', ip: '127.0.0.1' }, { nat: 'docker-proxy' })],
    ])('is as grave as ever, without a word of it, where %s', (_name, flows) => {
      expect(failure(check, { ...db, traffic: flows })).toMatchObject({
        severity: 'high',
        explanation: expect.not.stringContaining('reached'),
      });
    });

    it('tells of the LAN, which is no step', () => {
      expect(failure(check, { ...db, traffic: traffic(LAN) })).toMatchObject({
        severity: 'high',
        explanation: expect.stringContaining('from the LAN by 10.0.0.5'),
      });
    });

    it('makes no step for logins, and none above critical', () => {
      const ssh = traffic(internet, { respPort: 22 });
      const docker = traffic(internet, { respPort: 2375 });

      expect(outcomes(check, { ...one(port('0.0.0.0', 2222, 22)), traffic: ssh })).toEqual(['fail medium a']);
      expect(outcomes(check, { ...one(port('0.0.0.0', 2375)), traffic: docker })).toEqual([
        'fail critical a',
      ]);
    });

    it('answers all the same where they cannot be read', () => {
      expect(outcomes(check, { ...db, traffic: undefined })).toEqual(['fail high a']);
    });
  });
});
