import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/userland-proxy.ts';
import { container, failure, outcomes, port, settings } from '../support.ts';

describe('userland-proxy', () => {
  it('fails where it is on, also by default, and passes where it is off', () => {
    expect(outcomes(check, { settings: settings({ userlandProxy: true }) })).toEqual([
      'fail informational engine',
    ]);
    expect(outcomes(check)).toEqual(['fail informational engine']);
    expect(outcomes(check, { settings: settings({ userlandProxy: false }) })).toEqual(['pass engine']);
  });

  it('counts what it serves, and names the file', () => {
    const containers = [container('a', { published: [port('0.0.0.0', 80), port('::', 80)] })];
    const found = failure(check, { containers, settings: settings({ configFile: '/srv/daemon.json' }) });

    expect(found.evidence['publishedPorts']).toBe(2);
    expect(found.remedy?.what).toContain('/srv/daemon.json');
  });

  it("is unknown where the engine's settings cannot be read", () => {
    expect(outcomes(check, { settings: undefined })).toEqual(['unknown']);
  });
});
