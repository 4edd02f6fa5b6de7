import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { EchoTally } from '../../../src/model/echo.ts';
import type { LossRecord } from '../../../src/model/record.ts';
import type {
  AnalyzerContext,
  AnalyzerDefinition,
  FlowGlance,
  Handlers,
} from '../../../src/sensor/analysis/analyzer.ts';
import { type AnalyzerFailure, AnalyzerRunner, type Wants } from '../../../src/sensor/analysis/runner.ts';
import { address, askEvent, flow, network, noRoute, question, secs } from '../../support/records.ts';

type Context = AnalyzerContext<'seen', { what: string }>;

function analyzer(
  id: string,
  create: (ctx: Context) => Handlers,
  extra: Partial<AnalyzerDefinition> = {},
): AnalyzerDefinition {
  return {
    id,
    title: id,
    attack: [],
    severity: 'low',
    confidence: 'low',
    maturity: 'stable',
    config: z.strictObject({}),
    evidence: z.object({ what: z.string() }),
    messages: { seen: '{subject}: {what}' },
    create,
    ...extra,
  } as AnalyzerDefinition;
}

function run(...definitions: AnalyzerDefinition[]) {
  const reports: string[] = [];
  const losses: LossRecord[] = [];
  const failures: AnalyzerFailure[] = [];
  const runner = new AnalyzerRunner({
    analyzers: definitions.map((definition) => ({ definition, config: {} })),
    findings: {
      report: (definition, report) => reports.push(`${definition.id} ${report.key}`),
      isOpen: (id, key) => reports.includes(`${id} ${key}`),
    },
    onLoss: (loss) => losses.push(loss),
    onFailure: (failure) => failures.push(failure),
    maxFailures: 3,
  });
  return { runner, reports, losses, failures };
}

const orig = address('172.30.0.10', 'container');
const resp = address('198.51.100.7', 'internet');
const inside = flow({ orig, resp, network: network({ internal: true }) });
const ordinary = flow({ orig, resp, network: network() });
const nowhere = flow({ orig, resp });

const NOTHING: Wants = {
  flowStart: 'none',
  flowAnswered: 'none',
  flowRecognized: 'none',
  flowActive: 'none',
  flowEnd: 'none',
  dns: false,
  dnsQuery: false,
  notDns: false,
  noRoute: false,
  neighborRequest: false,
  routerClaim: false,
  echo: false,
  login: false,
  burst: false,
};

const NO_ECHO: Omit<EchoTally, 'time' | 'flow'> = {
  requests: 0,
  replies: 0,
  alteredReplies: 0,
  unaskedReplies: 0,
  oddPayloads: 0,
  oddBytes: 0,
  payloadSizes: 0,
  repeatedSequences: 0,
};

describe('analyzer runner', () => {
  it('wants nothing when there is nobody to hear it', () => {
    expect(run().runner.wants).toEqual(NOTHING);
  });

  it('wants what any analyzer handles, as widely as the widest interest', () => {
    const { wants } = run(
      analyzer('a', () => ({ onFlowStart: () => {}, onDns: () => {} }), { flows: 'internal-networks' }),
      analyzer('b', () => ({ onFlowStart: () => {}, onFlowEnd: () => {}, onNoRoute: () => {} })),
      analyzer('c', () => ({ onFlowActive: () => {}, onDnsQuery: () => {} }), { flows: 'none' }),
    ).runner;

    expect(wants).toEqual({
      ...NOTHING,
      flowStart: 'all',
      flowEnd: 'all',
      dns: true,
      dnsQuery: true,
      noRoute: true,
    });
  });

  it('calls an analyzer only for flows it is interested in, and follows when that changes', () => {
    const heard: string[] = [];
    let context: Context | undefined;
    const { runner } = run(
      analyzer(
        'a',
        (ctx) => {
          context = ctx;
          return {
            onFlowStart: ({ network: where }) =>
              heard.push(where === undefined ? 'nowhere' : `${where.internal}`),
          };
        },
        { flows: 'internal-networks' },
      ),
    );
    const all = () => [inside, ordinary, nowhere].forEach((each) => void runner.flowStart(each));

    all();
    context!.setFlowInterest('all');
    const widened = runner.wants.flowStart;
    all();
    context!.setFlowInterest('none');
    all();

    expect(heard).toEqual(['true', 'true', 'false', 'nowhere']);
    expect([widened, runner.wants.flowStart]).toEqual(['all', 'none']);
  });

  describe('asked about a flow that has no record yet', () => {
    const glance: FlowGlance = {
      event: 'start',
      protocol: 'tcp',
      origWords: [0, 0, 0xffff, 0xac1e_000a],
      respWords: [0, 0, 0xffff, 0xc633_6407],
      respPort: 443,
      opening: undefined,
      service: undefined,
      serverName: undefined,
      isInternal: false,
      mayHaveContainer: true,
      mayCross: true,
      respScope: 'internet',
    };
    const choosing = (id: string, isChosen: boolean, readsContent?: boolean) =>
      analyzer(
        id,
        () => ({
          choosesFlow: () => isChosen,
          ...(readsContent === undefined ? {} : { readsContent: () => readsContent }),
          onFlowStart: () => {},
        }),
        { flows: 'chosen' },
      );

    it('chooses it when one of those who listen to the event does', () => {
      const { runner } = run(choosing('a', false), choosing('b', true));

      expect(runner.wants.flowStart).toBe('chosen');
      expect(runner.choosesFlow('flowStart', glance)).toBe(true);
      expect(runner.choosesFlow('flowEnd', glance)).toBe(false);
      expect(run(choosing('a', false)).runner.choosesFlow('flowStart', glance)).toBe(false);
    });

    it('asks each of them, for they count what they decline', () => {
      const asked: string[] = [];
      const counting = (id: string) =>
        analyzer(id, () => ({ choosesFlow: () => asked.push(id) > 0, onFlowStart: () => {} }), {
          flows: 'chosen',
        });
      run(counting('a'), counting('b')).runner.choosesFlow('flowStart', glance);

      expect(asked).toEqual(['a', 'b']);
    });

    it('chooses those of internal networks for whoever wants these', () => {
      const inner = analyzer('a', () => ({ onFlowStart: () => {} }), { flows: 'internal-networks' });
      const { runner } = run(inner, choosing('b', false));

      expect(runner.choosesFlow('flowStart', glance)).toBe(false);
      expect(runner.choosesFlow('flowStart', { ...glance, isInternal: true })).toBe(true);
    });

    it('has its bytes read only for who says so, or wants its records anyway', () => {
      const inner = analyzer('a', () => ({ onFlowEnd: () => {} }), { flows: 'internal-networks' });
      const all = analyzer('a', () => ({ onFlowEnd: () => {} }), { flows: 'all' });
      const deaf = analyzer('a', () => ({ onDns: () => {} }), { flows: 'all' });
      const watch = (reads: boolean) =>
        analyzer('a', () => ({ onLogin: () => {}, readsContent: () => reads }), { flows: 'none' });

      expect(run(choosing('a', true)).runner.readsContent(glance)).toBe(false);
      expect(run(choosing('a', true, false), deaf).runner.readsContent(glance)).toBe(false);
      expect(run(choosing('a', false, true)).runner.readsContent(glance)).toBe(true);
      expect(run(inner).runner.readsContent(glance)).toBe(false);
      expect(run(inner).runner.readsContent({ ...glance, isInternal: true })).toBe(true);
      expect(run(all).runner.readsContent(glance)).toBe(true);
      expect(run(watch(true)).runner.readsContent(glance)).toBe(true);
      expect(run(watch(false)).runner.readsContent(glance)).toBe(false);
    });

    it('goes on when an analyzer fails at it', () => {
      const broken = analyzer(
        'broken',
        () => ({
          choosesFlow: () => {
            throw new Error('a bug');
          },
          onFlowStart: () => {},
        }),
        { flows: 'chosen' },
      );
      const { runner, failures } = run(broken, choosing('b', true));

      expect(runner.choosesFlow('flowStart', glance)).toBe(true);
      expect(failures).toMatchObject([{ analyzer: 'broken', handler: 'choosesFlow' }]);
    });

    it('refuses an analyzer that wants to choose and cannot', () => {
      expect(() => run(analyzer('a', () => ({ onFlowStart: () => {} }), { flows: 'chosen' }))).toThrow(
        'analyzer a: asks for chosen flows and has no choosesFlow',
      );
    });
  });

  it('delivers each event to each handler', () => {
    const heard: string[] = [];
    const note = (name: string) => () => heard.push(name) as unknown as undefined;
    const { runner } = run(
      analyzer('a', () => ({
        onFlowStart: note('start'),
        onFlowAnswered: note('answered'),
        onFlowRecognized: note('recognized'),
        onFlowActive: note('active'),
        onFlowEnd: note('end'),
        onDns: note('dns'),
        onDnsQuery: note('query'),
        onNoRoute: note('no-route'),
        onEcho: note('echo'),
        onLogin: note('login'),
        onTick: note('tick'),
      })),
    );
    const asked = askEvent({ labels: ['a', 'b'] });

    runner.flowStart(ordinary);
    runner.flowAnswered(ordinary);
    runner.flowRecognized(ordinary);
    runner.flowActive(ordinary);
    runner.flowEnd(ordinary);
    runner.dns(question({ labels: ['a'] }));
    if (asked.on === 'dns-query') runner.dnsQuery(asked.query);
    runner.noRoute(noRoute({ subject: orig }));
    runner.echo({ ...NO_ECHO, time: secs(0), flow: ordinary });
    runner.login({ time: secs(0), flow: ordinary, method: 'ftp-pass' });
    runner.tick(secs(1));

    const ofFlows = ['start', 'answered', 'recognized', 'active', 'end'];
    expect(heard).toEqual([...ofFlows, 'dns', 'query', 'no-route', 'echo', 'login', 'tick']);
  });

  it('ticks at most once a second of packet time, and never backwards', () => {
    const ticks: number[] = [];
    const { runner } = run(analyzer('a', () => ({ onTick: (now) => ticks.push(now) })));

    for (const second of [1, 1.5, 1.999, 2, 1.2, 4.5, 5.4]) runner.tick(secs(second));

    expect(ticks).toEqual([1, 2, 4.5].map(secs));
  });

  it('ticks by the new clock at once when the clock was set back, and analyzers hear of it first', () => {
    const heard: string[] = [];
    const second = (time: number) => (time - secs(0)) / 1e6;
    const { runner } = run(
      analyzer('a', () => ({
        onTick: (now) => void heard.push(`tick ${second(now)}`),
        onClockSet: ({ from, to }) => void heard.push(`set ${second(from)} ${second(to)}`),
      })),
    );
    runner.tick(secs(5000));
    runner.clockSet({ from: secs(5000), to: secs(1000) });
    for (const at of [1000, 1000.5, 1001]) runner.tick(secs(at));

    expect(heard).toEqual(['tick 5000', 'set 5000 1000', 'tick 1000', 'tick 1001']);
  });

  it('tells of the first failure and of the last, and the others go on', () => {
    const heard: string[] = [];
    const { runner, failures } = run(
      analyzer('broken', () => ({
        onFlowStart: () => {
          throw new Error('a bug');
        },
        onDns: () => heard.push('broken still hears') as unknown as undefined,
      })),
      analyzer('sound', () => ({ onFlowStart: () => heard.push('sound') as unknown as undefined })),
    );

    for (let i = 0; i < 5; i++) runner.flowStart(ordinary);
    runner.dns(question({ labels: ['a'] }));

    expect(heard).toEqual(['sound', 'sound', 'sound', 'sound', 'sound']);
    expect(failures).toMatchObject([
      { analyzer: 'broken', handler: 'onFlowStart', failures: 1, disabled: false },
      { analyzer: 'broken', handler: 'onFlowStart', failures: 3, disabled: true },
    ]);
    expect(runner.wants.dns).toBe(false);
  });

  it('adds up evictions and tells them as loss, at most every ten seconds and at the end', () => {
    const { runner, losses } = run(
      analyzer('a', (ctx) => {
        const map = ctx.boundedMap<number>({ name: 'hosts', maxKeys: 1 });
        return { onFlowStart: ({ uid }) => void map.ensure(uid, () => 1) };
      }),
    );
    const next = () => runner.flowStart(flow({ orig, resp }));

    runner.tick(secs(0));
    for (let i = 0; i < 4; i++) next();
    runner.tick(secs(9));
    const before = losses.length;
    next();
    runner.tick(secs(10));
    next();
    runner.finish(secs(11));

    expect(before).toBe(0);
    expect(losses).toMatchObject([
      { source: 'analyzer-window', where: 'a.hosts', count: 4, first: secs(0), last: secs(9) },
      { where: 'a.hosts', count: 1, time: secs(11) },
    ]);
  });

  it('adds up what an analyzer says it lost, by what that was', () => {
    const { runner, losses } = run(
      analyzer('a', (ctx) => ({
        onFlowStart: () => {
          ctx.lost('flows');
          ctx.lost('names', 3);
        },
      })),
    );
    runner.tick(secs(5));
    runner.flowStart(ordinary);
    runner.flowStart(ordinary);
    runner.finish(secs(6));

    expect(losses).toMatchObject([
      { source: 'analyzer-window', where: 'a.flows', count: 2, first: secs(5) },
      { source: 'analyzer-window', where: 'a.names', count: 6 },
    ]);
  });

  it('tells an analyzer whether its finding is open', () => {
    const answers: boolean[] = [];
    const { runner } = run(
      analyzer('a', (ctx) => ({
        onFlowStart: ({ start }) => {
          answers.push(ctx.isOpen('k'));
          ctx.report({ message: 'seen', time: start, key: 'k', subject: orig, evidence: { what: 'x' } });
        },
      })),
    );

    runner.flowStart(ordinary);
    runner.flowStart(ordinary);

    expect(answers).toEqual([false, true]);
  });

  it('refuses an analyzer whose sentence names what its evidence does not have', () => {
    const wrong = analyzer('wrong', () => ({}), {
      messages: { seen: '{subject} did {things} on {network}' },
    });

    expect(() => run(wrong)).toThrow(
      'analyzer wrong: message seen names {things}, which its evidence does not have',
    );
  });
});
