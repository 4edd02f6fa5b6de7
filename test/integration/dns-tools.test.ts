/**
 * Real DNS tunnels out of real containers, against the live agent: each tool connects and moves data, is told in time
 * and with the right name, over the bridge and over 127.0.0.11 alike; and those who only ask much are left alone.
 * What was asked, and when, is read from tcpdump in the container, not from the agent.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicFinding } from '../../src/model/serialize.ts';
import { parseMicros } from '../../src/model/time.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { importTools, TOOLS_IMAGE } from '../lab/images.ts';
import { startHostResolver, startInternet } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type Question, startWitness } from '../lab/questions.ts';
import { waitFor } from '../lab/run.ts';
import {
  CLIENT_TOOLS,
  ECHO_BYTES,
  SERVER_TOOLS,
  startEcho,
  startServer,
  startTunnel,
  type TunnelTool,
} from '../lab/tunnel-tools.ts';
import { INTERNET, LOOPBACK_RESOLVER } from '../lab/world.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(['dnsmasq', 'tcpdump', ...CLIENT_TOOLS, ...SERVER_TOOLS]) ??
  (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: real DNS tunnels: ${obstacle}`);

/** From its start, a tunnel may have asked so often, said so much and lasted so long before it is told. */
const MOST_QUESTIONS = 40;
const MOST_NAME_BYTES = 1024;
const MOST_MS = 45_000;
/** A tunnel that stands and carries nothing. */
const MOST_IDLE_QUESTIONS = 15;

const TYPES = ['NULL', 'TXT', 'CNAME', 'MX', 'SRV', 'A'] as const;
const iodine = (type: (typeof TYPES)[number], lazy: boolean): TunnelTool => ({
  program: 'iodine',
  type,
  lazy,
});

const CARRYING: readonly [id: string, tool: TunnelTool][] = [
  ...TYPES.map((type): [string, TunnelTool] => [`iodine-${type.toLowerCase()}`, iodine(type, true)]),
  ['iodine-null-polling', iodine('NULL', false)],
  ['iodine-a-polling', iodine('A', false)],
  ['dns2tcp-txt', { program: 'dns2tcp', type: 'TXT' }],
  ['dns2tcp-key', { program: 'dns2tcp', type: 'KEY' }],
];
const RAW: TunnelTool = { program: 'iodine', type: 'NULL', lazy: true, raw: true };

/**
 * bridge: no embedded resolver, the questions go to a resolver beyond it. embedded: to 127.0.0.11, and from there to the
 * host's loopback, over no bridge; on an ordinary network, since newer engines take no outside names from internal ones.
 */
const WAYS = {
  bridge: { link: 'eth0', network: ['--network', 'bridge', '--dns', INTERNET.resolver.v4] },
  embedded: { link: 'lo', network: ['--network', 'ordinary'] },
} as const;
type Way = keyof typeof WAYS;

/** Names as a build machine and a browser ask for them: many domains, few names of each. */
const BENIGN_DOMAINS = (
  'debian.org ubuntu.com docker.io docker.com cloudflare.com npmjs.org pypi.org pythonhosted.org github.com githubusercontent.com ' +
  'gitlab.com golang.org crates.io rubygems.org packagist.org maven.org apache.org gnu.org kernel.org letsencrypt.org ' +
  'amazonaws.com cloudfront.net azureedge.net windows.net googleapis.com gstatic.com akamaiedge.net fastly.net sentry.io datadoghq.com ' +
  'stripe.com slack.com mozilla.org mozilla.net nodesource.com hashicorp.com grafana.com influxdata.com elastic.co redis.io'
).split(' ');
const BENIGN_HOSTS = ['www', 'api', 'cdn', 'static', 'deb', 'auth', 'registry-1', 'd1qx5y2k7w3zpv'];
const PACKAGE_SERVER = 'deb.debian.org';

describe.skipIf(obstacle !== undefined)('real DNS tunnels', () => {
  let lab: Lab;
  let agent: AgentProcess;
  const tunnelled = new Set<string>();

  beforeAll(async () => {
    lab = await createLab({ nameserver: LOOPBACK_RESOLVER });
    const ids = [...CARRYING.map(([id]) => id), 'idle-lazy', 'idle-polling', 'raw'];
    const zones = ids.flatMap((id) =>
      Object.keys(WAYS).map((way) => [zoneOf(id, way), INTERNET.attacker.v4]),
    );
    await startInternet(lab, { zones: Object.fromEntries(zones), domains: BENIGN_DOMAINS });
    await startHostResolver(lab);
    await startEcho(lab);
    await importTools(lab, CLIENT_TOOLS);
    await lab.docker(['network', 'create', 'ordinary']);
    agent = await startAgentProcess(lab, 'agent');
    await startContainer('neighbour', WAYS.embedded.network, asMuchAsItCan());
    await startContainer('updater', WAYS.embedded.network, asAptDoes());
  });

  afterAll(async () => {
    agent?.close();
    await lab?.stop();
  });

  async function startContainer(name: string, network: readonly string[], script?: string): Promise<void> {
    const command = script === undefined ? ['sleep', 'infinity'] : ['sh', '-c', script];
    await lab.docker([
      ...['run', '--detach', '--init', '--name', name, ...network, '--cap-add', 'NET_ADMIN'],
      ...['--device', '/dev/net/tun', TOOLS_IMAGE, ...command],
    ]);
  }

  const tunnelFindings = (container: string): PublicFinding[] =>
    agent
      .findings()
      .filter(({ analyzer, subject }) => analyzer === 'dns-tunnel' && subject.workload?.name === container);

  interface Told {
    /** Up to the moment that the finding names as its last. */
    readonly before: readonly Question[];
    readonly tookMs: number;
    readonly finding: PublicFinding;
  }

  /** One container, one tool, one zone; ends when the agent has told of it, or not in time. */
  async function tunnel(id: string, tool: TunnelTool, way: Way, carries: boolean): Promise<Told> {
    const container = `${id}-${way}`;
    const zone = zoneOf(id, way);
    tunnelled.add(container);
    await startContainer(container, WAYS[way].network);
    const server = await startServer(lab, tool, zone);
    const witness = await startWitness(lab, container, WAYS[way].link);
    const startedMs = Date.now();
    const client = startTunnel(lab, tool, container, zone);
    try {
      if (carries) expect(await client.echo(), client.output()).toBe(ECHO_BYTES);
      const finding = await waitFor(`a finding of ${container}`, () => tunnelFindings(container)[0], {
        timeoutMs: MOST_MS,
        explain: () => `${witness.questions(zone).length} questions; the tool said:\n${client.output()}`,
      });
      const tookMs = Date.now() - startedMs;
      const toldAt = parseMicros(agent.history(finding.id)[0]!.lastSeen)!;
      const before = witness.questions(zone).filter(({ time }) => time <= toldAt);
      return { before, tookMs, finding };
    } finally {
      await client.stop();
      await witness.stop();
      await server.stop('SIGKILL');
    }
  }

  function expectInTime({ before, tookMs, finding }: Told, zone: string, mostQuestions: number): void {
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThanOrEqual(mostQuestions);
    expect(nameBytes(before, zone)).toBeLessThanOrEqual(MOST_NAME_BYTES);
    expect(tookMs).toBeLessThan(MOST_MS);
    expect(finding.subject.attribution.confidence).toBe('certain');
  }

  describe.each(['bridge', 'embedded'] as const)('over the %s resolver', (way) => {
    it.each(CARRYING)('%s carries data, and is told in time', async (id, tool) => {
      const told = await tunnel(id, tool, way, true);

      expectInTime(told, zoneOf(id, way), MOST_QUESTIONS);
      expect(told.finding.explanation).toContain(domainOf(id, way));
    });

    it.each([
      ['idle-lazy', true],
      ['idle-polling', false],
    ] as const)('%s iodine is told within its first questions', async (id, lazy) => {
      const told = await tunnel(id, iodine('NULL', lazy), way, false);

      expectInTime(told, zoneOf(id, way), MOST_IDLE_QUESTIONS);
    });

    it('iodine in raw mode is told, when its packets are no DNS any more', async () => {
      const told = await tunnel('raw', RAW, way, true);

      expectInTime(told, zoneOf('raw', way), MOST_QUESTIONS);
      expect(told.finding.explanation).toContain(INTERNET.attacker.v4);
    });
  });

  describe('those who only ask much', () => {
    const askedBy = (container: string) =>
      agent.stored('dns').filter(({ client }) => client.workload?.name === container);
    const findingsOf = (container: string) =>
      agent
        .findings()
        .filter(({ subject }) => subject.workload?.name === container)
        .map(({ analyzer, explanation }) => `${analyzer}: ${explanation}`);

    it('a neighbour with hundreds of outside names is accused of nothing', async () => {
      const asked = await waitFor(
        'all of its names',
        () => {
          const names = new Set(askedBy('neighbour').map(({ query }) => query));
          return names.size >= BENIGN_HOSTS.length * BENIGN_DOMAINS.length ? names : undefined;
        },
        { timeoutMs: 60_000, everyMs: 500 },
      );

      expect(asked).toContain('registry-1.docker.io');
      expect(findingsOf('neighbour')).toEqual([]);
    });

    it('a package manager at work is accused of nothing', async () => {
      await waitFor(
        'three rounds',
        () => askedBy('updater').filter(({ qtype }) => qtype === 'SRV').length >= 3,
        {
          everyMs: 500,
        },
      );

      expect(findingsOf('updater')).toEqual([]);
    });

    it('the tunnels are the only ones', () => {
      const accused = agent.findings().filter(({ analyzer }) => analyzer === 'dns-tunnel');

      const innocent = accused.filter(({ subject }) => !tunnelled.has(subject.workload?.name ?? ''));
      expect(innocent.map(({ explanation }) => explanation)).toEqual([]);
    });
  });

  it('a name that came through 127.0.0.11 stands on the flow to its address', async () => {
    const named = () =>
      agent
        .stored('flow')
        .find(({ orig, resp }) => orig.workload?.name === 'updater' && resp.names.includes(PACKAGE_SERVER));

    const flow = await waitFor('a flow with the name', named, { everyMs: 500 });

    expect(flow).toMatchObject({ direction: 'egress', resp: { scope: 'internet', port: 80 } });
    const asked = agent.stored('dns').filter(({ query }) => query === PACKAGE_SERVER);
    expect(new Set(asked.map(({ vantage }) => vantage))).toEqual(new Set(['container']));
  });
});

/** A domain for each below one that exists, as an intruder registers it: none is judged by what another said. */
function domainOf(id: string, way: string): string {
  return `${id}-${way}-example.net`;
}

function zoneOf(id: string, way: string): string {
  return `t.${domainOf(id, way)}`;
}

/** What distinct names say below the zone: all that can carry data. */
function nameBytes(questions: readonly Question[], zone: string): number {
  const names = new Set(questions.map(({ name }) => name.slice(0, -(zone.length + 1))));
  return [...names].reduce((sum, name) => sum + name.length, 0);
}

function asMuchAsItCan(): string {
  return `while :; do
for host in ${BENIGN_HOSTS.join(' ')}; do for domain in ${BENIGN_DOMAINS.join(' ')}; do
nslookup $host.$domain >/dev/null 2>&1; sleep 0.05
done; done; done`;
}

function asAptDoes(): string {
  return `while :; do
nslookup -type=srv _http._tcp.${PACKAGE_SERVER} >/dev/null 2>&1
for n in 1 2 3 4 5 6 7 8; do timeout 5 wget -q -O /dev/null http://${PACKAGE_SERVER}/; done
sleep 2; done`;
}
