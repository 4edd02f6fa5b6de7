import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/engine-cves.ts';
import { engine, network, outcomes, results } from '../support.ts';

const found = (version: string, fields = {}, networks: ReturnType<typeof network>[] = []) =>
  results(check, { engine: engine({ version, ...fields }), networks })
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ evidence, severity }) => `${evidence['cve']} ${severity}`);
const sealed = [network('data', { internal: true })];

describe('engine-cves', () => {
  it('knows where each was mended, by both lines of releases', () => {
    expect(found('25.0.4', {}, sealed)).toContain('CVE-2024-29018 medium');
    expect(found('25.0.5', {}, sealed).join()).not.toContain('CVE-2024-29018');
    expect(found('23.0.11', {}, sealed).join()).not.toContain('CVE-2024-29018');
    expect(found('24.0.9', {}, sealed)).toContain('CVE-2024-29018 medium');
  });

  it('weighs one that nothing here needs as informational', () => {
    expect(found('25.0.4')).toContain('CVE-2024-29018 informational');
  });

  it('asks whether firewalld is there, where the engine tells', () => {
    expect(found('28.3.2', { firewallBackend: 'iptables+firewalld' })).toEqual(['CVE-2025-54388 medium']);
    expect(found('28.3.2', { firewallBackend: 'iptables' })).toEqual(['CVE-2025-54388 informational']);
    expect(found('28.3.2')).toEqual(['CVE-2025-54388 low']);
    expect(found('28.3.3')).toEqual([]);
    expect(found('28.1.1')).toEqual([]);
  });

  it('makes a version of a distribution low: it may be mended without a new number', () => {
    const overlay = [network('o', { driver: 'overlay', options: { encrypted: '' } })];

    expect(found('20.10.23', {}, overlay)).toContain('CVE-2023-28840 high');
    expect(found('20.10.23+dfsg1', {}, overlay)).toContain('CVE-2023-28840 low');
    expect(found('20.10.24+dfsg1', {}, overlay).join()).not.toContain('CVE-2023-28840');
  });

  it('passes for a new engine, is unknown for a version that is none, and is not about Podman', () => {
    expect(outcomes(check)).toEqual(['pass engine']);
    expect(outcomes(check, { engine: engine({ version: 'dev' }) })).toEqual(['unknown engine']);
    expect(outcomes(check, { engine: engine({ version: '4.3.1', product: 'Podman Engine' }) })).toEqual([
      'not-applicable',
    ]);
  });
});
