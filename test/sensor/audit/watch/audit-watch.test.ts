/** The audits of a running agent over a host that changes: real checks, a real findings manager, a clock that is not real. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditRunRecord } from '../../../../src/model/audit-run.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import type { PastFinding } from '../../../../src/model/past-finding.ts';
import type { Micros } from '../../../../src/model/time.ts';
import { summedUp } from '../../../../src/sensor/audit/audit.ts';
import { checks } from '../../../../src/sensor/audit/checks.ts';
import { auditConfig } from '../../../../src/sensor/audit/config.ts';
import { AuditWatch } from '../../../../src/sensor/audit/watch/audit-watch.ts';
import { runIsolated } from '../../../../src/sensor/audit/watch/isolated-checks.ts';
import { auditSubject } from '../../../../src/sensor/audit/watch/subject.ts';
import { DockerError } from '../../../../src/sensor/docker/docker-error.ts';
import { findingsConfig } from '../../../../src/sensor/findings/config.ts';
import { FindingManager } from '../../../../src/sensor/findings/manager.ts';
import { auditFacts, network, type SomeFacts, service, T0 } from '../support.ts';

const HOUR_SECS = 3600;
const FRONT = network('shop_front');
const web = service('shop', 'web', { networks: ['shop_front'], capDrop: ['ALL'] });
const rootWeb = { ...web, isPrivileged: true, capDrop: [] };
const rootDb = service('shop', 'db', { networks: ['shop_front'], isPrivileged: true });
const known = new Set(['privileged', 'host-pid', 'published-unused', 'data-tier-not-internal']);
const CHANGE = { type: 'network-removed', time: T0, network: FRONT } as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Given {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly past?: readonly PastFinding[];
}

function world({ options = {}, past }: Given = {}) {
  const began = performance.now();
  const now = (): Micros => T0 + Math.round((performance.now() - began) * 1000);
  const findings: Finding[] = [];
  const runs: AuditRunRecord[] = [];
  const log: string[] = [];
  let isFailing = false;
  const manager = new FindingManager({
    config: findingsConfig.parse({}),
    onFinding: (finding) => findings.push(finding),
    onLoss: () => {},
    ...(past === undefined ? {} : { past }),
  });
  const host: { facts: SomeFacts; problem?: string; isEngineThere: boolean } = {
    facts: { networks: [FRONT], containers: [web] },
    isEngineThere: true,
  };
  const say = (fields: object, text: string) => void log.push(`${text} ${JSON.stringify(fields)}`);
  const watch = new AuditWatch({
    config: auditConfig.parse(options),
    findings: manager,
    subjectOf: (object) => auditSubject(object, () => undefined),
    isEngineThere: () => host.isEngineThere,
    emit: (run) => {
      if (isFailing) throw new Error('no room');
      runs.push(run);
    },
    log: { info: say, warn: say, error: say } as never,
    past,
    checks: checks.filter(({ id }) => known.has(id)),
    audit: async (ids) => {
      if (host.problem !== undefined) throw new DockerError('DOCKER_NOT_ANSWERING', host.problem);
      const facts = auditFacts(host.facts);
      const chosen = checks.filter(({ id }) => ids.includes(id));
      const { results, bugs } = runIsolated(chosen, facts);
      return { audit: summedUp(facts, results), bugs };
    },
    now,
  });
  /** Packet time goes along. */
  const pass = async (secs: number) => {
    await vi.advanceTimersByTimeAsync(secs * 1000);
    manager.tick(now());
  };
  const change = async (facts: SomeFacts) => {
    host.facts = { networks: [FRONT], ...facts };
    watch.onInventory(CHANGE);
    await pass(120);
  };
  /** The next record cannot be sent. */
  const failNext = () => {
    isFailing = true;
    setTimeout(() => {
      isFailing = false;
    }, 30_000);
  };
  const told = () =>
    findings.map(
      ({ status, message, subject, reason }) => `${status} ${message} ${subject.workload?.name}: ${reason}`,
    );
  return { watch, host, findings, runs, log, pass, change, told, failNext };
}

describe('the audits of a running agent', () => {
  it('find nothing on a host that is as it should be, and say that they looked', async () => {
    const { watch, runs, findings, pass } = world();
    watch.start();
    await pass(10);

    expect(findings).toEqual([]);
    expect(runs).toMatchObject([
      {
        trigger: 'start',
        containers: 1,
        networks: 1,
        findings: 0,
        failures: { high: 0, critical: 0 },
        unknown: [],
        scores: [{ score: 100 }, { network: 'shop_front', score: 100 }],
      },
    ]);
  });

  it('open a finding for a container that comes to be wrong, and close it when it is put right', async () => {
    const { watch, change, pass, findings, told, runs } = world();
    watch.start();
    await pass(10);
    await change({ containers: [rootWeb] });
    await change({ containers: [web] });

    expect(told()).toEqual([
      'open privileged shop/web: first report',
      'closed privileged shop/web: mended: the audit passes it now',
    ]);
    expect(findings[0]).toMatchObject({
      analyzer: 'audit',
      title: 'No container is privileged',
      severity: 'high',
      confidence: 'certain',
      network: 'shop_front',
      evidence: { privileged: true, remedyCompose: expect.stringContaining('privileged: false') },
      explanation: expect.stringContaining('What helps: Give it the capabilities'),
      attack: [],
      key: 'privileged container shop/web',
    });
    expect(runs.map(({ trigger, findings: standing }) => `${trigger} ${standing}`)).toEqual([
      'start 0',
      'change 1',
      'change 0',
    ]);
  });

  it('keep it while nothing is heard, tell it once a day, and reopen it when it is wrong again', async () => {
    const { watch, host, change, pass, told, findings } = world();
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    for (let hour = 0; hour < 25; hour++) await pass(HOUR_SECS);
    await change({ containers: [] });
    await change({ containers: [rootWeb] });

    expect(told()).toEqual([
      'open privileged shop/web: first report',
      'update privileged shop/web: still so at the latest audit',
      'closed privileged shop/web: gone: no container of that name',
      'reopened privileged shop/web: it is so again, 2 min after it was closed',
    ]);
    expect(new Set(findings.map(({ id }) => id)).size).toBe(1);
  });

  it('tell it once a day on a host where something changes each hour, too', async () => {
    const { watch, host, change, pass, told } = world();
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    for (let hour = 0; hour < 49; hour++) {
      await pass(HOUR_SECS);
      await change({ containers: [rootWeb] });
    }

    expect(told().filter((line) => line.startsWith('update'))).toHaveLength(2);
  });

  it('are not ended by what goes wrong in telling of one: it is said, and made again', async () => {
    const { watch, pass, log, runs, failNext } = world();
    failNext();
    watch.start();
    await pass(10);
    const before = runs.length;
    await pass(60);

    expect([before, runs.length]).toEqual([0, 1]);
    expect(log[0]).toContain('the host cannot be audited; it is tried again each minute');
  });

  it('are one finding a container: the other goes on when one is mended', async () => {
    const { watch, host, change, pass, told } = world();
    host.facts = { networks: [FRONT], containers: [rootWeb, rootDb] };
    watch.start();
    await pass(10);
    await change({ containers: [web, rootDb] });

    expect(told().slice(2)).toEqual(['closed privileged shop/web: mended: the audit passes it now']);
  });

  it('close nothing that could not be looked at', async () => {
    const { watch, host, change, pass, told, runs } = world();
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    await pass(10);
    await change({ containers: undefined });

    expect(told()).toEqual(['open privileged shop/web: first report']);
    expect(runs[1]).toMatchObject({
      findings: 1,
      unknown: [
        {
          checks: expect.arrayContaining(['privileged', 'host-pid']),
          reason: expect.stringMatching(/^Not known/),
        },
      ],
    });
  });

  it('tell nothing milder than was asked for, but count it', async () => {
    const { watch, host, pass, findings, runs } = world({ options: { min_severity: 'critical' } });
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    await pass(10);

    expect(findings).toEqual([]);
    expect(runs[0]).toMatchObject({ findings: 0, failures: { high: 1 } });
  });

  it('run no check that is left out, and none whose facts nobody gathers here, and say so', async () => {
    const { watch, host, pass, findings, runs, log } = world({
      options: { leave_out: ['privileged', 'privilegd'] },
    });
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    await pass(10);

    expect(findings.map(({ message }) => message)).not.toContain('privileged');
    expect(runs[0]?.leftOut).toEqual(expect.arrayContaining(['privileged', 'published-unused']));
    expect(log).toEqual(['audit.leave_out names no check {"id":"privilegd","meant":"privileged"}']);
  });

  it('say once that the engine does not answer, try again, and say when it does', async () => {
    const { watch, host, pass, runs, log } = world();
    host.problem = 'no answer';
    watch.start();
    await pass(200);
    const problems = watch.problems();
    delete host.problem;
    await pass(60);

    expect(problems).toEqual(['the host cannot be audited: no answer (DOCKER_NOT_ANSWERING)']);
    expect(log).toEqual([
      'the host cannot be audited; it is tried again each minute {"reason":"no answer (DOCKER_NOT_ANSWERING)"}',
      'the host can be audited again {}',
    ]);
    expect(runs.map(({ trigger }) => trigger)).toEqual(['start']);
    expect(watch.problems()).toEqual([]);
    expect(watch.metrics().find(({ name }) => name === 'bridgewatch_audit_runs_total')?.samples).toEqual([
      { labels: { outcome: 'done' }, value: 1 },
      { labels: { outcome: 'failed' }, value: 4 },
    ]);
  });

  it('say nothing of an engine that is known to be away', async () => {
    const { watch, host, pass, log } = world();
    Object.assign(host, { problem: 'no socket', isEngineThere: false });
    watch.start();
    await pass(200);

    expect([log, watch.problems()]).toEqual([[], []]);
  });

  it('go on under their ids after a restart, and forget what was mended meanwhile', async () => {
    const past = (key: string, id: string): PastFinding => ({
      ...{ id, analyzer: 'audit', key, count: 1, severity: 'high', wasOpen: true },
      ...{ firstSeen: T0 - 9_000_000_000, lastSeen: T0 - 9_000_000_000 },
    });
    const { watch, host, pass, findings, change } = world({
      past: [
        past('privileged container shop/web', 'aaaaaaaaaaaaaaaa'),
        past('privileged container shop/db', 'bbbbbbbbbbbbbbbb'),
      ],
    });
    host.facts = { networks: [FRONT], containers: [rootWeb] };
    watch.start();
    await pass(10);
    expect(findings).toMatchObject([{ id: 'aaaaaaaaaaaaaaaa', status: 'reopened' }]);

    await pass(30 * HOUR_SECS);
    await change({ containers: [rootWeb, rootDb] });
    expect(findings.at(-1)).toMatchObject({ status: 'open', key: 'privileged container shop/db' });
    expect(findings.at(-1)!.id).not.toBe('bbbbbbbbbbbbbbbb');
  });

  it('are not stopped by a check that has a bug: it answers unknown, and the others answer', () => {
    const broken = {
      ...checks.find(({ id }) => id === 'host-pid')!,
      run: () => {
        throw new TypeError('of the check');
      },
    };
    const { results, bugs } = runIsolated(
      [broken, checks.find(({ id }) => id === 'privileged')!],
      auditFacts({ containers: [rootWeb] }),
    );

    expect(results.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual([
      'host-pid unknown',
      'privileged fail',
    ]);
    expect(bugs).toEqual([{ check: 'host-pid', error: expect.stringContaining('TypeError: of the check') }]);
  });
});
