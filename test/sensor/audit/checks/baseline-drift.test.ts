import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/baseline-drift.ts';
import { stateOf } from '../../../../src/sensor/audit/drift/state.ts';
import { notKnown } from '../../../../src/sensor/audit/facts.ts';
import { runChecks } from '../../../../src/sensor/audit/run-checks.ts';
import { auditFacts, failure, network, outcomes, REASON, service, T0 } from '../support.ts';

const NETWORKS = [network('shop_data', { internal: true })];
const CONTAINERS = [service('shop', 'db', { networks: ['shop_data'] })];
const baseline = { file: 'kept.json', savedAt: T0, state: stateOf(NETWORKS, CONTAINERS) };
const now = (networks = NETWORKS, containers = CONTAINERS) => ({ baseline, networks, containers });

describe('baseline-drift', () => {
  it('passes for a host that is as it was saved, with replicas more or fewer', () => {
    expect(outcomes(check, now())).toEqual(['pass host']);
    expect(outcomes(check, now(NETWORKS, [...CONTAINERS, { ...CONTAINERS[0]!, id: 'another' }]))).toEqual([
      'pass host',
    ]);
  });

  it('fails for a network that lost internal, with both sides and since when', () => {
    const found = failure(check, now([network('shop_data')]));

    expect(found).toMatchObject({
      severity: 'high',
      topic: 'isInternal',
      explanation:
        'Not as saved on 2026-11-23 14:00:00Z: shop_data is not internal: its members reach beyond it.',
      evidence: { file: 'kept.json', field: 'isInternal', before: true, after: false },
      objects: [{ kind: 'network', name: 'shop_data', id: 'id-shop_data' }],
      networks: ['shop_data'],
      remedy: { commands: ['bridgewatch audit --save kept.json'] },
    });
  });

  it('names each replica of a service that changed, once for all', () => {
    const privileged = ['1', '2'].map((id) => ({ ...CONTAINERS[0]!, id, isPrivileged: true }));

    expect(outcomes(check, now(NETWORKS, privileged))).toEqual(['fail high shop/db,shop/db']);
  });

  it('counts what is gone against the host, each apart', () => {
    expect(outcomes(check, now([], []))).toEqual(['fail low host', 'fail informational host']);
  });

  it('keeps changes of one object apart by their topic', () => {
    const options = { encrypted: '', parent: 'eth0' };
    const facts = auditFacts(now([network('shop_data', { internal: true, options })]));

    expect(runChecks([check], facts).map(({ topic }) => topic)).toEqual([
      'options parent',
      'options encrypted',
    ]);
  });

  it('says nothing against who has saved no state, and is unknown where one was named and cannot be read', () => {
    const facts = auditFacts(now());
    const unasked = { ...notKnown('no saved state was given', 'Keep one.'), isUnasked: true as const };

    expect(runChecks([check], { ...facts, baseline: unasked })).toMatchObject([
      { outcome: 'not-applicable', explanation: 'There is nothing to compare: no saved state was given.' },
    ]);
    expect(outcomes(check, { ...now(), baseline: undefined })).toEqual(['unknown']);
    expect(runChecks([check], auditFacts({ baseline: undefined }))[0]?.explanation).toContain(REASON);
  });
});
