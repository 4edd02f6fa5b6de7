import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/published-any-address.ts';
import { container, failure, outcomes, port } from '../support.ts';

const one = (...published: ReturnType<typeof port>[]) => ({ containers: [container('a', { published })] });

describe('published-any-address', () => {
  it('tells both families, the one that docker-bench does not look at too', () => {
    expect(failure(check, one(port('0.0.0.0', 80), port('::', 80))).evidence['families']).toEqual([
      'IPv4',
      'IPv6',
    ]);
    expect(failure(check, one(port('::', 80))).evidence).toMatchObject({
      families: ['IPv6'],
      ports: ['[::]:80->80/tcp'],
    });
  });

  it('passes for chosen addresses, and for no port at all', () => {
    expect(outcomes(check, one(port('198.51.100.2', 80)))).toEqual(['pass a']);
    expect(outcomes(check, one())).toEqual(['pass a']);
  });

  it('says how to bind it, each port once', () => {
    const found = failure(check, one(port('0.0.0.0', 8080, 80), port('::', 8080, 80)));

    expect(found.remedy?.what).toContain('with -p 127.0.0.1:8080:80');
  });
});
