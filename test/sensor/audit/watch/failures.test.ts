import { describe, expect, it } from 'vitest';
import type { AuditObject, AuditResult } from '../../../../src/model/audit.ts';
import { failuresOf, readFailureKey, whyOver } from '../../../../src/sensor/audit/watch/failures.ts';

const web: AuditObject = { kind: 'container', name: 'shop/web', id: 'a'.repeat(64) };
const webToo: AuditObject = { ...web, id: 'b'.repeat(64) };
const db: AuditObject = { kind: 'container', name: 'shop/db', id: 'c'.repeat(64) };

function result(fields: Partial<AuditResult> = {}): AuditResult {
  return {
    ...{ check: 'privileged', title: 'No container is privileged', group: 'privileges', outcome: 'fail' },
    ...{ severity: 'high', objects: [web], networks: ['shop_front'], evidence: { privileged: true } },
    explanation: 'shop/web is privileged.',
    ...fields,
  };
}

const keys = (results: readonly AuditResult[]) =>
  failuresOf(results, 'medium').failures.map(({ key }) => key);

describe('failures that become findings', () => {
  it('are one for each check and object', () => {
    expect(
      keys([result(), result({ objects: [db] }), result({ check: 'net-admin', severity: 'medium' })]),
    ).toEqual([
      'privileged container shop/web',
      'privileged container shop/db',
      'net-admin container shop/web',
    ]);
  });

  it('are one for all replicas of a service, and the same for the container that takes its place', () => {
    expect(keys([result({ objects: [web, webToo] })])).toEqual(keys([result({ objects: [webToo] })]));
  });

  it('are apart where one object fails by several things', () => {
    const engine: AuditObject = { kind: 'engine', name: 'engine' };
    const cve = (topic: string) => result({ check: 'engine-cves', objects: [engine], topic });

    expect(keys([cve('CVE-2025-54388'), cve('CVE-2025-54410')])).toEqual([
      'engine-cves CVE-2025-54388 engine engine',
      'engine-cves CVE-2025-54410 engine engine',
    ]);
  });

  it('are at least as severe as asked, the gravest first', () => {
    const results = [
      result({ severity: 'low' }),
      result({ severity: 'medium', objects: [db] }),
      result({ severity: 'critical', check: 'engine-tcp', objects: [] }),
    ];

    expect(keys(results)).toEqual(['engine-tcp host host', 'privileged container shop/db']);
    expect(failuresOf(results, 'low').failures).toHaveLength(3);
  });

  it('are what fails: nothing that passed, or could not be looked at', () => {
    expect(keys([result({ outcome: 'unknown' }), result({ outcome: 'pass' })])).toEqual([]);
  });

  it('say how to mend it, in the sentence and by the line', () => {
    const [failure] = failuresOf(
      [result({ cis: ['5.5'], remedy: { what: 'Take it away.', compose: 'privileged: false' } })],
      'low',
    ).failures;

    expect(failure?.explanation).toBe('shop/web is privileged. What helps: Take it away.');
    expect(failure?.evidence).toEqual({
      privileged: true,
      cis: ['5.5'],
      remedy: 'Take it away.',
      remedyCompose: 'privileged: false',
    });
  });

  it('say the gravest where a check says several things of one object, and keep the others', () => {
    const [failure, ...others] = failuresOf(
      [
        result({ severity: 'medium', explanation: 'Port 80.' }),
        result({ explanation: 'Port 5432.', evidence: { port: 5432 } }),
      ],
      'low',
    ).failures;

    expect(others).toEqual([]);
    expect(failure).toMatchObject({
      severity: 'high',
      explanation: 'Port 5432. And 1 more of the same check: see the evidence.',
      evidence: { port: 5432, more: ['Port 80.'] },
    });
  });

  it('are bounded, the gravest kept and the others counted', () => {
    const many = Array.from({ length: 1001 }, (_, i) =>
      result({ objects: [{ kind: 'container', name: `c${i}` }], severity: i === 1000 ? 'critical' : 'high' }),
    );
    const { failures, untold } = failuresOf(many, 'low');

    expect([failures.length, untold, failures[0]?.object.name]).toEqual([1000, 1, 'c1000']);
  });

  it('are read back from their keys', () => {
    for (const object of [web, { kind: 'network', name: 'a b' }, { kind: 'project', name: 'shop' }] as const)
      for (const topic of [undefined, 'CVE-2025-54388']) {
        const given = result({ objects: [object], ...(topic === undefined ? {} : { topic }) });
        const { id: _, ...known } = { id: '', ...object };
        expect(readFailureKey(keys([given])[0]!)).toEqual({ check: 'privileged', object: known });
      }
    expect(readFailureKey('shop/db 198.51.100.7')).toBeUndefined();
  });
});

describe('why a failure is over', () => {
  const gone = { check: 'privileged', object: web };
  const why = (...results: AuditResult[]) => whyOver(gone, results, 'medium');

  it('is that it was mended, where the check passes it', () => {
    expect(why(result({ outcome: 'pass' }))).toMatch(/^mended: the audit passes/);
  });

  it('is that it is gone, where nothing has its name any more', () => {
    expect(why(result({ outcome: 'pass', objects: [db] }))).toBe('gone: no container of that name');
  });

  it('is that the check has nothing to say, where it is still there', () => {
    const elsewhere = result({ check: 'net-raw', outcome: 'pass' });
    expect(why(result({ outcome: 'not-applicable', objects: [] }), elsewhere)).toMatch(
      /^mended: the check has/,
    );
  });

  it('is that it is milder than what is told', () => {
    expect(why(result({ severity: 'low' }))).toBe('milder now: low, below audit.min_severity (medium)');
  });

  it('is not known, where the check could not look at it, or at all', () => {
    expect(why(result({ outcome: 'unknown', objects: [] }))).toBeUndefined();
    expect(why(result({ outcome: 'unknown' }), result({ outcome: 'pass', objects: [db] }))).toBeUndefined();
  });

  it('is known all the same where another object could not be looked at', () => {
    expect(why(result({ outcome: 'unknown', objects: [db] }), result({ outcome: 'pass' }))).toMatch(
      /^mended/,
    );
  });
});
