/**
 * Real attacks beside ordinary work, against the live agent: each attack is told in time with the right name, and
 * nobody who only works is accused above low. The tables become docs/detection-results.md.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { table } from '../../docs/markdown.ts';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { make as makeSlowScan } from '../cases/port-scan-slow/make.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { importBusybox, importTools, TOOLS_IMAGE } from '../lab/images.ts';
import { startInternet } from '../lab/internet.ts';
import {
  FRONT,
  INTRUDER_FILES,
  INTRUDER_TOOLS,
  INTRUSIONS,
  type Intrusion,
  type Targets,
} from '../lab/intrusions.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import {
  isAbout,
  isAboveLow,
  makeNetworks,
  startTargets,
  startWork,
  TARGETS,
  WORK_TOOLS,
} from '../lab/neighbourhood.ts';
import { type RunningProcess, waitFor } from '../lab/run.ts';
import { HOST_WORK, WORKLOADS } from '../lab/workloads.ts';
import { ROUTER_ADDRESS } from '../lab/world.ts';
import { type AgentProcess, complaints, startAgentProcess } from './agent-process.ts';

const TOOLS = [...INTRUDER_TOOLS, ...WORK_TOOLS];
const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle = labObstacle(TOOLS) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: real attacks: ${obstacle}`);

/** From the start of an attack to its finding; mostly it is one second. */
const MOST_SECS = 10;
/** How long it is waited for, so that one that comes late is told apart from one that does not come. */
const PATIENCE_MS = 60_000;
/** A machine of two cores that does much else meanwhile may leave the agent without one for a while. */
const ROOMY = 'capture:\n  buffer_bytes: 67108864\ndns:\n  container_buffer_bytes: 8388608\n';
const BEGINS = 'the attack begins';
/**
 * Who is broken into has run for a while. In the first moments of a container whose address was another's a second ago,
 * nobody can say whose packets these are, and the agent does not.
 */
const LIVED_A_WHILE = `sleep "$0"; echo ${BEGINS} >&2; exec "$@"`;
const LIVED_SECS = 2;
const RESULTS = '../../docs/detection-results.md';

/** Hours do not fit into a test: replayed from a capture file. */
const SLOW_SCAN = {
  title: 'a port each six minutes, for two hours (from a capture)',
  scanner: '172.30.0.3',
  after: { most: 20, what: 'probes', evidence: 'portCount' },
} as const;

const EVERYBODY = [...WORKLOADS, ...HOST_WORK, ...TARGETS];

/** Under way, or over. */
interface Attack {
  readonly server: RunningProcess | undefined;
  /** Findings that were there before. */
  readonly known: ReadonlySet<string>;
  readonly startedMs: number;
  /** Settles when a command that is in no container has ended. */
  readonly over: Promise<unknown>;
}

interface Told {
  readonly finding: PublicFinding;
  /** From the attack's first moment to its finding in the database. */
  readonly secs: number;
}

describe.skipIf(obstacle !== undefined)('real attacks beside ordinary work', () => {
  let lab: Lab;
  let agent: AgentProcess;
  let targets: Targets;
  const under = new Map<string, Attack>();
  const told = new Map<string, Told>();
  let slowScanIsTold = false;

  beforeAll(async () => {
    lab = await createLab();
    await startInternet(lab);
    await importBusybox(lab);
    await importTools(lab, TOOLS, INTRUDER_FILES);
    await makeNetworks(lab);
    agent = await startAgentProcess(lab, 'agent', { config: ROOMY });
    targets = await startTargets(lab);
    await startWork(lab, targets);
    for (const intrusion of INTRUSIONS) if (intrusion.isSlow) await begin(intrusion);
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  /** Who is named as the one who does it. */
  function isFrom(
    { id, from = 'container' }: Intrusion,
    { subject, peers }: Pick<PublicFinding, 'subject' | 'peers'>,
  ): boolean {
    switch (from) {
      case 'container':
        return subject.workload?.name === intruderOf(id);
      case 'wan':
        return [subject, ...peers].some(({ ip }) => ip === ROUTER_ADDRESS);
      case 'host':
        return [subject, ...peers].some(({ scope }) => scope === 'gateway' || scope === 'host');
    }
  }

  async function begin(intrusion: Intrusion): Promise<Attack> {
    const server = await intrusion.prepare?.(lab);
    const known = new Set(agent.findings().map(({ id }) => id));
    const { id, from = 'container', labels = {}, livedSecs = LIVED_SECS } = intrusion;
    const command = intrusion.command(targets);
    const startedMs = Date.now();
    const over = from === 'container' ? Promise.resolve() : lab.exec(from, command, { accept: 'any' });
    const attack = { server, known, startedMs, over };
    under.set(id, attack);
    if (from !== 'container') return attack;
    await lab.docker([
      ...['run', '--detach', '--name', intruderOf(id), '--network', FRONT.name, '--cap-add', 'NET_ADMIN'],
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      ...[TOOLS_IMAGE, 'sh', '-c', LIVED_A_WHILE, String(livedSecs), ...command],
    ]);
    return attack;
  }

  /** When the tool was started, in milliseconds since the epoch: as the engine says, where it is in a container. */
  async function beginningOf({ id, from = 'container' }: Intrusion): Promise<number> {
    const { startedMs } = under.get(id)!;
    if (from !== 'container') return startedMs;
    const { stderr } = await lab.exec('host', ['docker', 'logs', '--timestamps', intruderOf(id)]);
    const line = stderr.split('\n').find((each) => each.includes(BEGINS));
    return new Date(line?.split(' ')[0] ?? '').getTime();
  }

  /** So that an attack that never happened is not taken for one that was missed. */
  async function saidBy({ id, from = 'container' }: Intrusion): Promise<string> {
    if (from !== 'container') return 'not known';
    const { stdout, stderr } = await lab.exec('host', ['docker', 'logs', intruderOf(id)], { accept: 'any' });
    return `${stdout}\n${stderr}`.trim();
  }

  function seenOf(intrusion: Intrusion): string {
    const flows = agent
      .stored('flow')
      .filter(({ orig, resp }) => isFrom(intrusion, { subject: orig, peers: [resp] }))
      .map(({ orig, resp, protocol, connState, service, network, reason }) =>
        [network?.name, orig.ip, resp.ip, resp.port, protocol, connState, service, reason].join(' '),
      );
    const spoofs = agent
      .stored('spoof')
      .map(({ ip, mac, mismatch, layer }) => `${mismatch} ${layer} ${ip} ${mac}`);
    return [...flows.slice(-10), ...spoofs.slice(-5)].join('\n');
  }

  it.each(INTRUSIONS.map((intrusion) => [intrusion.title, intrusion] as const))(
    '%s: is told',
    async (_, intrusion) => {
      const { server, known, over } = under.get(intrusion.id) ?? (await begin(intrusion));
      const isIt = (each: PublicFinding): boolean =>
        !known.has(each.id) && intrusion.found.includes(each.analyzer) && isFrom(intrusion, each);
      try {
        const finding = await waitFor('the finding', () => agent.findings().find(isIt), {
          timeoutMs: PATIENCE_MS,
          explain: () =>
            agent
              .findings()
              .filter(({ id }) => !known.has(id))
              .map(({ analyzer, explanation }) => `${analyzer}: ${explanation}`)
              .join('\n'),
        });
        const foundMs = Date.now();
        const secs = (foundMs - (await beginningOf(intrusion))) / 1000;
        told.set(intrusion.id, { finding: agent.history(finding.id)[0]!, secs });
      } catch (error) {
        throw new Error(
          `${String(error)}\nits tool said: ${await saidBy(intrusion)}\nthe agent saw:\n${seenOf(intrusion)}`,
        );
      } finally {
        await over;
        await server?.stop('SIGKILL');
      }
    },
  );

  it.each(INTRUSIONS.flatMap(({ title, after, id }) => (after === undefined ? [] : [{ title, after, id }])))(
    '$title: is told after $after.most $after.what or fewer',
    ({ id, after }) => {
      expect(told.get(id)?.finding.evidence[after.evidence]).toBeLessThanOrEqual(after.most);
    },
  );

  it(`${SLOW_SCAN.title}: is told`, async () => {
    const file = join(lab.dir, 'slow-scan.pcap');
    writeFileSync(file, makeSlowScan());
    const { stdout } = await agent.command('analyze', file, '--json', '--network', 'data=172.30.0.0/24');
    const findings = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as PublicFinding)
      .filter(({ kind, analyzer }) => kind === 'finding' && analyzer === 'port-scan');

    expect(findings[0]?.subject.ip).toBe(SLOW_SCAN.scanner);
    expect(findings[0]?.evidence['portCount']).toBeLessThanOrEqual(SLOW_SCAN.after.most);
    slowScanIsTold = true;
  });

  it('nobody who only works is accused above low', () => {
    expect(EVERYBODY.flatMap(({ id }) => accusations(id))).toEqual([]);
  });

  it('no packet was lost meanwhile, and nothing is wrong with the agent', () => {
    // What a detector passes over in a load test is told as well, and is no lost packet.
    expect(agent.stored('loss').filter(({ source }) => source !== 'analyzer-window')).toEqual([]);
    expect(complaints(agent.log)).toEqual([]);
  });

  it(`all are told within ${MOST_SECS} s, but those that take their time`, () => {
    const all = [...told].map(([id, { secs, finding }]) => {
      const { after, isSlow } = INTRUSIONS.find((each) => each.id === id)!;
      // When a slow one is looked at says nothing of when it was told.
      const time = isSlow ? '' : ` ${secs.toFixed(1)} s`;
      const count = after === undefined ? '' : ` ${String(finding.evidence[after.evidence])} ${after.what}`;
      return `${id}${time}${count}`;
    });
    console.log(`told after: ${all.join(', ')}`);
    const late = INTRUSIONS.filter(({ id, isSlow }) => !isSlow && (told.get(id)?.secs ?? 0) > MOST_SECS);

    expect(late.map(({ id }) => `${id}: ${told.get(id)?.secs} s`)).toEqual([]);
  });

  it('is what docs/detection-results.md says: else run this with `--update`', async () => {
    await expect(results()).toMatchFileSnapshot(RESULTS);
  });

  function results(): string {
    const attacks = INTRUSIONS.map(({ id, title, found, after, isSlow }) => [
      title,
      found.map((analyzer) => `[${analyzer}](analyzers/${analyzer}.md)`).join(' or '),
      told.has(id) ? 'found' : 'NOT FOUND',
      limitText(after, isSlow),
    ]);
    const slow = [
      SLOW_SCAN.title,
      '[port-scan](analyzers/port-scan.md)',
      slowScanIsTold ? 'found' : 'NOT FOUND',
      limitText(SLOW_SCAN.after, true),
    ];
    const workloads = EVERYBODY.map(({ id, title }) => [
      id,
      title,
      accusations(id).length === 0 ? 'nothing above low' : 'ACCUSED',
    ]);
    return [
      '<!-- Generated by `npx vitest run --project integration test/integration/detections.test.ts --update`. -->',
      '',
      '# What is found, and who is accused',
      '',
      'Real tools in real containers on a real engine, with the agent beside them as it is run on a host; each attack comes from a',
      'container of its own, while all the ordinary work below goes on. Found means: told with the right name. What half an hour',
      'without an attack brings stands in [soak.md](soak.md).',
      '',
      '## Attacks',
      '',
      table([['attack', 'to be found by', 'result', 'told after at most'], ...attacks, slow]),
      '',
      '## Ordinary work',
      '',
      table([['container', 'what it does', 'accused of'], ...workloads]),
      '',
    ].join('\n');
  }

  function accusations(id: string): string[] {
    return agent
      .findings()
      .filter((finding) => isAbout(id, finding) && isAboveLow(finding) && !isTold(finding))
      .map(({ analyzer, severity, explanation }) => `${id}: ${severity} ${analyzer}: ${explanation}`);
  }

  /** The host attacks as well, and works. */
  function isTold({ id }: PublicFinding): boolean {
    return [...told.values()].some(({ finding }) => finding.id === id);
  }

  function limitText(after: Intrusion['after'], isSlow: boolean | undefined): string {
    const secs = isSlow ? [] : [`${MOST_SECS} s`];
    return [...(after === undefined ? [] : [`${after.most} ${after.what}`]), ...secs].join(', ');
  }
});

function intruderOf(id: string): string {
  return `intruder-${id}`;
}
