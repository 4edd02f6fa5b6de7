import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/published-privileged-port.ts';
import { container, failure, outcomes, port, service } from '../support.ts';

const one = (...published: ReturnType<typeof port>[]) => ({ containers: [container('a', { published })] });

describe('published-privileged-port', () => {
  it('fails below 1024 and passes from there, on any address and protocol', () => {
    expect(outcomes(check, one(port('0.0.0.0', 1023)))).toEqual(['fail low a']);
    expect(outcomes(check, one(port('127.0.0.1', 53, 53, 'udp')))).toEqual(['fail low a']);
    expect(outcomes(check, one(port('0.0.0.0', 1024)))).toEqual(['pass a']);
  });

  it('goes by the port of the host, not by that in the container', () => {
    expect(outcomes(check, one(port('0.0.0.0', 2222, 22)))).toEqual(['pass a']);
    expect(outcomes(check, one(port('0.0.0.0', 22, 2222)))).toEqual(['fail low a']);
  });

  it("leaves out the web's, and tells what is beside them", () => {
    expect(
      outcomes(check, one(port('0.0.0.0', 80), port('0.0.0.0', 443), port('::', 443, 443, 'udp'))),
    ).toEqual(['pass a']);
    expect(failure(check, one(port('0.0.0.0', 80), port('::', 25))).evidence['ports']).toEqual([
      '[::]:25->25/tcp',
    ]);
  });

  it('says how to move it, each port once', () => {
    const published = [port('0.0.0.0', 53, 53, 'udp'), port('::', 53, 53, 'udp')];
    const found = failure(check, { containers: [service('shop', 'dns', { published })] });

    expect(found.remedy?.compose).toBe('services:\n  dns:\n    ports:\n      - "8053:53/udp"');
  });

  it('leaves it on the address that somebody chose', () => {
    expect(failure(check, one(port('127.0.0.1', 25))).remedy?.what).toContain('with -p 127.0.0.1:8025:25');
  });

  it('passes where the engine is to choose', () => {
    expect(outcomes(check, one(port('0.0.0.0', 0, 80)))).toEqual(['pass a']);
  });
});
