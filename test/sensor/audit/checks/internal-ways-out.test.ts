import { describe, expect, it } from 'vitest';
import { auditScores } from '../../../../src/model/audit.ts';
import { ways } from '../../../../src/sensor/audit/assurance/ways.ts';
import { auditFacts as summedUp } from '../../../../src/sensor/audit/audit.ts';
import check from '../../../../src/sensor/audit/checks/internal-ways-out.ts';
import { checks } from '../../../../src/sensor/audit/checks.ts';
import { auditFacts, container, network, outcomes, results } from '../support.ts';

const data = network('data', { internal: true });
const LISTENER = { protocol: 'tcp', ip: '0.0.0.0', port: 22, isEngines: false } as const;

describe('internal-ways-out', () => {
  it('is about internal networks', () => {
    expect(outcomes(check, { networks: [network('front')] })).toEqual(['not-applicable']);
    expect(outcomes(check, { networks: [data] })).toEqual(['pass data']);
  });

  it('fails for a way that no other check tells of, by the network that has it', () => {
    const options = { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' };
    const quiet = network('quiet', { internal: true, options });

    expect(outcomes(check, { networks: [data, quiet], listeners: [LISTENER] })).toEqual([
      'fail low data',
      'pass quiet',
    ]);
    expect(results(check, { networks: [data], listeners: [LISTENER] })[0]).toMatchObject({
      topic: 'host-service',
      networks: ['data'],
      evidence: { way: 'host-service', mark: 'possible', listeners: ['0.0.0.0 22/tcp'] },
    });
  });

  it('says nothing of what other checks count, so that one mistake costs once', () => {
    const containers = [
      container('both', { networks: ['data', 'front'], isPrivileged: true, pidMode: 'host' }),
      container('vpn', { networks: ['data'], capAdd: ['NET_ADMIN'], capDrop: ['NET_RAW'] }),
    ];
    const facts = auditFacts({ networks: [data, network('front')], containers });
    const audit = summedUp(facts, checks);
    const [assurance] = audit.assurances;

    expect(assurance!.ways.map(({ way }) => way)).toEqual(
      expect.arrayContaining(['dual-homed-member', 'commanding-member', 'host-processes']),
    );
    expect(outcomes(check, { networks: [data, network('front')], containers })).toEqual(['pass data']);
    const own = audit.results.filter((result) => result.check !== check.id);
    expect(auditScores(audit.results, ['data'])).toEqual(auditScores(own, ['data']));
  });

  it('leaves each way to a check that there is', () => {
    const ids = checks.map(({ id }) => id);

    expect(ways.flatMap(({ toldBy }) => toldBy ?? []).filter((id) => !ids.includes(id))).toEqual([]);
    expect(new Set(ways.map(({ id }) => id)).size).toBe(ways.length);
  });

  it('is unknown of what it cannot read, and asks for no flows', () => {
    const blind = results(check, { networks: [data], listeners: undefined, traffic: undefined });

    expect(blind.map(({ outcome, explanation }) => [outcome, explanation])).toEqual([
      ['unknown', 'Of the way host-service: who listens on the host: the cupboard is shut.'],
    ]);
  });
});
