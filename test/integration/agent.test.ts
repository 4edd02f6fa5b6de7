/**
 * The main job, end to end: the agent as a user starts it, on a real engine with real containers, into a real
 * InfluxDB. One lab and one shop for the whole file; the tests go on from where the one before them ended.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LearnedEdgeRecord, LearnedServiceRecord } from '../../src/cli/lib/records.ts';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import type { PublicFinding, PublicFlow } from '../../src/model/serialize.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { SHOP, startShop } from '../lab/app.ts';
import { dnsTunnel, isolationBroken, noRoute, straight, viaGateway } from '../lab/attacks.ts';
import { BUSYBOX_IMAGE } from '../lab/images.ts';
import { type InfluxRow, type InfluxServer, startInflux } from '../lab/influx.ts';
import { startHostResolver, startInternet, TUNNEL_ZONE, WEB_NAME } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type RunningProcess, start, waitFor } from '../lab/run.ts';
import { INTERNET } from '../lab/world.ts';
import { type AgentProcess, complaints, startAgentProcess, WARN } from './agent-process.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(['dnsmasq', 'iodine', 'iodined', 'influxd', 'setpriv']) ??
  (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: the agent on a real engine: ${obstacle}`);

/** So that a shop which has sold for some seconds has settled, and one that has sold for half a minute is known. */
const IMPATIENT = `listeners:
  poll_ms: 500
analyzers:
  new-listener:
    settle_secs: 5
  new-edge:
    learn_secs: 30
`;
const STACK_TRACE = /^\s+at .+:\d+/m;

describe.skipIf(obstacle !== undefined)('the agent on a real engine', () => {
  let lab: Lab;
  let influx: InfluxServer;
  let influxProcess: RunningProcess;
  let engine: RunningProcess;
  let agent: AgentProcess;
  const agents: AgentProcess[] = [];

  beforeAll(async () => {
    lab = await createLab();
    engine = lab.engine!.process;
    await startInternet(lab);
    await startHostResolver(lab);
    influx = await startInflux(lab);
    influxProcess = influx.process;
    agent = await startAgent('agent', influx.url);
    await startShop(lab);
  });

  afterAll(async () => {
    for (const each of agents) each.close();
    await lab?.stop();
  });

  /** As long as a test has not said otherwise, it lists what nobody talks with. */
  function threatList(address = '198.51.100.254'): string {
    const path = join(lab.dir, 'listed.txt');
    writeFileSync(`${path}.new`, `${address} # said by the lab\n`);
    renameSync(`${path}.new`, path);
    return `threat_lists:\n  lists: [{ path: ${path}, name: lab }]\n`;
  }

  async function startAgent(name: string, influxUrl?: string, ...args: string[]): Promise<AgentProcess> {
    const config = `${IMPATIENT}${threatList()}`;
    const started = await startAgentProcess(lab, name, { influxUrl, args, config });
    agents.push(started);
    return started;
  }

  const run = (name: string, network: string, ...command: string[]): Promise<string> =>
    lab.docker(['run', '--rm', '--name', name, '--network', network, BUSYBOX_IMAGE, ...command]);
  const coverage = (of: AgentProcess, network: string, state: 'covered' | 'uncovered') =>
    of.stored('coverage').filter((record) => record.network === network && record.state === state);
  const covers = (of: AgentProcess, network: string, times = 1) =>
    waitFor(`${network} to be covered`, () => coverage(of, network, 'covered').length >= times, {
      everyMs: 10,
    });
  const findingOf = (of: AgentProcess, message: string, subject: string): PublicFinding | undefined =>
    of
      .findings()
      .find((finding) => finding.message === message && finding.subject.workload?.name === subject);
  /** What `doctor` says, by what it looked at. */
  const doctor = async (of: AgentProcess, ...args: string[]) => {
    const { code, stdout } = await of.command('doctor', '--json', ...args);
    const diagnoses = parseLines<Diagnosis>(stdout);
    return { code, about: (check: string) => diagnoses.find((each) => each.check === check) };
  };
  const health = async (of: AgentProcess) => {
    const { code, about } = await doctor(of, '--health');
    return { code, outcome: about('agent')?.outcome, detail: about('agent')?.detail ?? '' };
  };
  /** The heartbeat is two seconds apart, so that what has just happened is told with the next one. */
  const healthWhen = (of: AgentProcess, outcome: 'ok' | 'warn', saying: string) =>
    waitFor(`the health check to be ${outcome} and say ${saying}`, async () => {
      const answer = await health(of);
      return answer.outcome === outcome && answer.detail.includes(saying) ? answer : undefined;
    });
  const findingRows = (): Promise<InfluxRow[]> =>
    influx.query('SELECT * FROM "bridgewatch_finding"', 'bridgewatch').catch(() => []);
  const heldBack = (): PublicFinding | undefined =>
    agent.findings().find(({ analyzer, network }) => analyzer === 'blocked-burst' && network === 'walled');
  /** A short-lived container on an internal network sends one ping to the internet. */
  const leak = (name: string, network: string) =>
    run(name, network, 'sh', '-c', `ping -c 1 -W 1 ${INTERNET.attacker.v4} || true`);

  describe('networks', () => {
    it('is covered within a second of its creation', async () => {
      const tookMs: number[] = [];
      for (const name of ['first', 'second', 'third']) {
        await lab.docker(['network', 'create', name]);
        const created = performance.now();
        await covers(agent, name);
        tookMs.push(performance.now() - created);
      }

      expect(Math.max(...tookMs)).toBeLessThan(1000);
    });

    it('loses its tap without an error when it is removed', async () => {
      const before = agent.log.length;

      await lab.docker(['network', 'rm', 'first', 'second', 'third']);
      await waitFor('the three to be let go', () =>
        ['first', 'second', 'third'].every(
          (name) => coverage(agent, name, 'uncovered').at(-1)?.reason === 'the network was removed',
        ),
      );

      expect(complaints(agent.log.slice(before))).toEqual([]);
      expect(agent.process.running()).toBe(true);
      expect(await healthWhen(agent, 'ok', 'lives')).toMatchObject({ code: 0 });
    });

    it('sees traffic on a bridge that comes back under the same name', async () => {
      const bridge = ['--opt', 'com.docker.network.bridge.name=br-again'];
      const pings = async (network: string) =>
        await influx.query(
          `SELECT * FROM "bridgewatch_traffic" WHERE "network" = '${network}' AND "protocol" = 'icmp'`,
          'bridgewatch',
        );
      for (const name of ['before', 'after']) {
        await lab.docker(['network', 'create', ...bridge, name]);
        await covers(agent, name);
        const gateway = await lab.docker([
          ...['network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', name],
        ]);
        await run(`pinger-${name}`, name, 'ping', '-c', '1', gateway);
        await lab.docker(['network', 'rm', name]);
      }

      for (const name of ['before', 'after']) {
        const [row] = await waitFor(`the ping on ${name}`, async () => {
          const rows = await pings(name);
          return rows.length > 0 ? rows : undefined;
        });
        expect(row).toMatchObject({ orig: `pinger-${name}`, resp: 'gateway', direction: 'host' });
        expect(coverage(agent, name, 'covered')[0]).toMatchObject({ interface: 'br-again' });
      }
    });
  });

  describe('a shop that only sells', () => {
    const between = (from: string, to: string, port: number): PublicFlow[] =>
      agent
        .stored('flow')
        .filter(
          ({ orig, resp }) =>
            (orig.workload?.composeService ?? orig.scope) === from &&
            (resp.workload?.composeService ?? resp.scope) === to &&
            resp.port === port,
        );

    it('has flows with names at both ends, direction, bytes and state', async () => {
      await waitFor('ten orders', () => between('api', 'database', 5432).length >= 10, { timeoutMs: 60_000 });

      expect(between('api', 'database', 5432)[0]).toMatchObject({
        network: { name: SHOP.dataNetwork.name, internal: true },
        orig: { scope: 'container', workload: { composeProject: 'shop', name: SHOP.api } },
        resp: { scope: 'container', workload: { composeProject: 'shop', name: SHOP.database } },
        protocol: 'tcp',
        direction: 'east-west',
        connState: 'SF',
        coverage: 'whole',
      });
      for (const flow of between('api', 'database', 5432)) {
        expect(flow.origBytes).toBeGreaterThan(0);
        expect(flow.respBytes).toBeGreaterThan(0);
      }
      expect(between('proxy', 'api', 8080)[0]).toMatchObject({
        network: { name: SHOP.publicNetwork.name },
        direction: 'east-west',
      });
      const outward = agent.stored('flow').find(({ resp }) => resp.ip === INTERNET.web.v4);
      expect(outward).toMatchObject({
        orig: { workload: { composeService: 'api' } },
        direction: 'egress',
        resp: { port: 80 },
      });
      const inward = agent
        .stored('flow')
        .find(({ resp }) => resp.workload?.composeService === 'proxy' && resp.port === 80);
      expect(inward).toMatchObject({ network: { name: SHOP.publicNetwork.name } });
      expect(['ingress', 'host']).toContain(inward!.direction);
    });

    it('is printed by `flows`, and its traffic is summed in InfluxDB', async () => {
      const { stdout, code } = await agent.command('flows', '--workload', 'shop/database');

      expect(code).toBe(0);
      expect(stdout).toMatch(/shop_data +shop\/api@data -> shop\/database@data:5432 +tcp( +\S+)? +SF/);
      const [sum] = await influx.query(
        `SELECT sum("orig_bytes") AS "sent" FROM "bridgewatch_traffic" WHERE "orig" = 'shop/api' AND "resp" = 'shop/database'`,
        'bridgewatch',
      );
      expect(sum!['sent']).toBeGreaterThan(0);
    });

    it('causes no finding but that its published port is used', async () => {
      const orders = between('api', 'database', 5432).length;
      await waitFor('ten more orders', () => between('api', 'database', 5432).length >= orders + 10, {
        timeoutMs: 60_000,
      });

      const [exposure, ...others] = agent.findings();
      expect(others).toEqual([]);
      expect(exposure).toMatchObject({
        analyzer: 'published-exposure',
        message: 'from-internet',
        severity: 'low',
        subject: { workload: { composeService: 'proxy' } },
      });
      expect(new Set((await findingRows()).map(({ id }) => id))).toEqual(new Set([exposure!.id]));
      const { stdout } = await agent.command('events', '--json');
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as PublicFinding).id),
      ).toEqual([exposure!.id]);
    });
  });

  it('knows an address that the host was given later as the host', async () => {
    const address = '198.51.100.77';
    await lab.exec('host', ['ip', 'address', 'add', `${address}/32`, 'dev', 'lo']);

    const rows = await waitFor(
      'traffic to it to be with the host',
      async () => {
        await run('visitor', SHOP.publicNetwork.name, 'ping', '-c', '1', '-W', '1', address);
        const found = await influx.query(
          `SELECT * FROM "bridgewatch_traffic" WHERE "orig" = 'visitor' AND "direction" = 'host'`,
          'bridgewatch',
        );
        return found.length > 0 ? found : undefined;
      },
      { timeoutMs: 30_000 },
    );

    expect(rows[0]).toMatchObject({ resp: 'host', protocol: 'icmp' });
  });

  it('reads its lists again at SIGHUP, and tells who talks with what has come to stand there', async () => {
    const readings = () => agent.log.filter(({ msg }) => msg === 'a threat list was read');
    threatList(INTERNET.attacker.v4);
    agent.process.child.kill('SIGHUP');
    await waitFor('the list to be read again', () => readings().length === 2);
    expect(readings()[1]).toMatchObject({ list: 'lab', added: 1, removed: 1 });

    await run('caller', SHOP.publicNetwork.name, 'ping', '-c', '1', '-W', '1', INTERNET.attacker.v4);

    const found = await waitFor('the finding', () => findingOf(agent, 'talked', 'caller'));
    expect(found).toMatchObject({
      analyzer: 'threat-list',
      severity: 'high',
      evidence: { indicator: INTERNET.attacker.v4, list: 'lab', listedFor: 'said by the lab' },
    });
    // Tests that follow try the same address.
    threatList();
    agent.process.child.kill('SIGHUP');
    await waitFor('the list to be read once more', () => readings().length === 3);
  });

  describe('a database that tries to get out', () => {
    it('is a row in InfluxDB within three seconds of its first packet', async () => {
      const attack = straight.run(lab);
      const influxql = `SELECT "id", "explanation", "first_seen" FROM "bridgewatch_finding" WHERE "message" = 'attempted-on-the-wire' AND "status" = 'open'`;
      const row = await waitFor(
        'the row',
        async () => (await influx.query(influxql, 'bridgewatch').catch(() => []))[0],
        { everyMs: 20 },
      );
      const arrivedMs = Date.now();
      await attack;

      expect(arrivedMs - Date.parse(row['first_seen'] as string)).toBeLessThan(3000);
      expect(row['explanation']).toContain('shop/database on internal network shop_data');
      expect(row['explanation']).toContain(INTERNET.web.v4);
      expect(findingOf(agent, 'attempted-on-the-wire', SHOP.database)?.id).toBe(row['id']);
    });

    it('is found over IPv6 as over IPv4', async () => {
      const subnets = ['--subnet', '172.30.66.0/24', '--subnet', '2001:db8:66::/64'];
      await lab.docker(['network', 'create', '--internal', '--ipv6', ...subnets, 'vault6']);
      await covers(agent, 'vault6');

      // Until the gateway's address has passed duplicate address detection, about 2 s, no packet can leave.
      await run('leak-6', 'vault6', 'sh', '-c', `ping6 -c 5 -W 1 ${INTERNET.attacker.v6} || true`);

      const found = await waitFor('the finding', () => findingOf(agent, 'attempted-on-the-wire', 'leak-6'));
      expect(found.evidence['destinations']).toEqual([`${INTERNET.attacker.v6}/icmp6`]);
      expect(found.subject).toMatchObject({ scope: 'container', attribution: { confidence: 'certain' } });
    });

    it('is told also when there is no route, and so no packet', async () => {
      await noRoute.run(lab);

      const found = await waitFor('the finding', () =>
        findingOf(agent, 'attempted-without-route', SHOP.database),
      );
      expect(found).toMatchObject({
        network: SHOP.dataNetwork.name,
        attack: [{ technique: 'T1048' }, { technique: 'T1071' }],
      });
      await waitFor(
        'all three attempts',
        () => findingOf(agent, 'attempted-without-route', SHOP.database)?.evidence['attempts'] === 3,
      );
    });

    it('is told when it reaches the host', async () => {
      await viaGateway.run(lab);

      const found = await waitFor('the finding', () => {
        const finding = findingOf(agent, 'reached-host', SHOP.database);
        return finding?.severity === 'high' ? finding : undefined;
      });
      expect(found.peers[0]).toMatchObject({ ip: SHOP.dataNetwork.gateway, scope: 'gateway' });
      expect(found.evidence).toMatchObject({ answeredCount: 1, ports: [SHOP.hostServicePort] });
    });

    it('is told as critical when an answer comes back', async () => {
      expect(await isolationBroken.run(lab)).toMatchObject({ answered: true });

      const found = await waitFor('the finding', () => findingOf(agent, 'succeeded', SHOP.database));
      expect(found).toMatchObject({ severity: 'critical', confidence: 'certain' });
      expect(found.evidence).toMatchObject({ answeredDestinations: [`${INTERNET.web.v4}:80/tcp`] });
      expect(found.communityIds.length).toBeGreaterThan(0);
      const { stdout } = await agent.command('events', '--severity', 'critical');
      expect(stdout).toMatch(/CRITICAL {2}\w+ {2}shop_data {2}internal-egress: shop\/database/);
    });

    it('is told by the firewall that holds back its many attempts', async () => {
      await lab.docker(['network', 'create', '--internal', 'walled']);
      await covers(agent, 'walled');
      const probe = `for p in $(seq 1 150); do nc -w 1 ${INTERNET.web.v4} $p </dev/null & done; wait`;
      await lab.docker([
        // Its shell is process 1 and hears no SIGTERM: an engine that stops would wait 10 s for it.
        ...['run', '--detach', '--stop-timeout', '0', '--name', 'prober', '--network', 'walled'],
        ...[BUSYBOX_IMAGE, 'sh', '-c'],
        `${probe}; ${probe}; sleep 600`,
      ]);

      const found = await waitFor('the finding', () => heldBack(), { timeoutMs: 20_000 });
      const records = agent.stored('blocked').filter(({ from }) => from?.name === 'walled');
      expect(records[0]).toMatchObject({ family: 'ipv4', reason: 'internal', verdict: 'drop' });
      expect(records[0]!.rule).toMatch(/^-A DOCKER-ISOLATION-STAGE-1 ! -d .* -i br-\w+ -j DROP$/);
      expect(found.evidence).toMatchObject({ from: 'walled', packetsThreshold: 200 });
      expect(found.evidence['packetsInMinute']).toBeGreaterThanOrEqual(200);
      const { about } = await doctor(agent);
      expect(about('firewall counters')).toMatchObject({ outcome: 'ok' });
    });

    it('is told when it tunnels in DNS, within 40 questions and 45 s', async () => {
      expect(await dnsTunnel.run(lab)).toMatchObject({ answered: true });

      const found = await waitFor('the finding', () =>
        agent.findings().find(({ analyzer }) => analyzer === 'dns-tunnel'),
      );
      expect(found.subject.workload?.name).toBe(SHOP.database);
      const opened = agent.history(found.id)[0]!;
      await waitFor('the questions to be stored', () => agent.stored('dns').length > 400);
      const questions = agent.stored('dns').filter(({ query }) => query.endsWith(TUNNEL_ZONE));
      const before = questions.filter(({ time }) => time <= opened.lastSeen);
      expect(before.length).toBeGreaterThan(0);
      expect(before.length).toBeLessThanOrEqual(40);
      expect(Date.parse(opened.lastSeen) - Date.parse(questions[0]!.time)).toBeLessThan(45_000);
    });
  });

  describe('a port that a process opens later', () => {
    const listeners = (name: string, port: number) =>
      agent
        .stored('listener')
        .filter(({ subject }) => subject.workload?.name === name && subject.port === port)
        .map(({ change, address, loopback, process }) => ({ change, address, loopback, process }));

    it('is listed with its process, as those are that were open from the start', async () => {
      const shell = ['nc', '-l', '-p', '4444', '-e', 'sh'];
      await lab.docker(['exec', '--detach', SHOP.database, ...shell]);
      const opened = await waitFor('the listener', () => listeners(SHOP.database, 4444)[0]);

      expect(opened).toEqual({ change: 'opened', address: '::', loopback: false, process: 'nc' });
      expect(listeners(SHOP.database, 5432)).toHaveLength(1);
      expect(agent.stored('listener').filter(({ address }) => address === '127.0.0.11')).toEqual([]);
      const { stdout } = await agent.command('events', '--all', 'kind:listener port:4444');
      expect(stdout).toContain('listener opened  shop/database listens on [::]:4444/tcp (nc)');
    });

    it('is a finding where it is a shell, with who was answered by it', async () => {
      const found = await waitFor('the finding', () => findingOf(agent, 'remote-shell', SHOP.database));
      expect(found).toMatchObject({
        severity: 'high',
        confidence: 'certain',
        network: SHOP.dataNetwork.name,
        evidence: { port: 4444, protocol: 'tcp', process: 'nc', connections: 0 },
      });
      // /bin may be a link to /usr/bin in the image.
      expect(found.evidence['program']).toMatch(/\/bin\/busybox$/);
      await lab.docker(['exec', SHOP.api, 'sh', '-c', 'echo exit | nc -w 2 database 4444']);
      const used = await waitFor('its use', () => {
        const now = findingOf(agent, 'remote-shell', SHOP.database);
        return now?.evidence['connections'] === 1 ? now : undefined;
      });

      expect(used.peers[0]?.workload?.name).toBe(SHOP.api);
      await waitFor('its end', () => listeners(SHOP.database, 4444).at(-1)?.change === 'closed');
      expect(agent.findings().filter(({ analyzer }) => analyzer === 'new-listener')).toHaveLength(1);
    });
  });

  it('who made the firewall hold back so much is named once the attempts are over', async () => {
    const found = await waitFor('the name', () =>
      // It is told at ten ports, and again with each round of flows that end.
      heldBack()?.evidence['portsOnOneHost'] === 32 ? heldBack() : undefined,
    );

    expect(found).toMatchObject({
      message: 'probes',
      severity: 'medium',
      subject: { workload: { name: 'prober' } },
    });
  });

  describe('when InfluxDB is away', () => {
    let proxy: LearnedServiceRecord;

    it('and a service has become known to the detectors', async () => {
      const learned = async () => {
        const { stdout } = await agent.command('learned', 'shop/proxy', '--json');
        return parseLines<LearnedServiceRecord | LearnedEdgeRecord>(stdout);
      };
      // Kept once a minute.
      const known = await waitFor(
        'the proxy to be known',
        async () => {
          const rows = await learned();
          return rows[0]?.kind === 'learned' && rows[0].state === 'monitor' ? rows : undefined;
        },
        { timeoutMs: 90_000, everyMs: 500 },
      );

      proxy = known[0] as LearnedServiceRecord;
      expect(known.slice(1)).toMatchObject([{ kind: 'learned-edge', target: 'shop/api', port: '8080/tcp' }]);
    });

    it('findings reach it afterwards, each record once, though the agent was killed meanwhile', async () => {
      await lab.docker(['network', 'create', '--internal', 'vault']);
      await covers(agent, 'vault');
      await influxProcess.stop('SIGTERM', 20_000);

      await leak('leak-1', 'vault');
      await waitFor('the first finding', () => findingOf(agent, 'attempted-on-the-wire', 'leak-1'));
      await agent.kill();
      const killed = performance.now();
      const dead = await waitFor(
        'the health check to fail',
        async () => {
          const answer = await health(agent);
          return answer.code === 0 ? undefined : answer;
        },
        { timeoutMs: 30_000, everyMs: 500 },
      );
      expect(dead).toMatchObject({ code: 1, outcome: 'fail' });
      expect(dead.detail).toMatch(/last sign of life \d+ s ago/);
      expect(performance.now() - killed).toBeLessThan(20_000);

      agent = await startAgent('agent', influx.url);
      await covers(agent, 'vault', 2);
      await leak('leak-2', 'vault');
      await waitFor('the second finding', () => findingOf(agent, 'attempted-on-the-wire', 'leak-2'));
      expect(await healthWhen(agent, 'warn', influx.url)).toMatchObject({ code: 0 });

      influxProcess = lab.spawn('host', ['influxd', '-config', join(lab.dir, 'influx/influxdb.conf')]);
      const told = agent.findings().map(({ id, explanation, subject }) => ({
        id,
        explanation,
        statuses: agent.history(id).map(({ status }) => status),
        // The shop goes on selling, and what is said of that goes on as well.
        isOver: ['leak-1', 'leak-2'].includes(subject.workload?.name ?? ''),
      }));
      const rowsOf = (rows: readonly InfluxRow[], wanted: string) => rows.filter(({ id }) => id === wanted);
      const rows = await waitFor(
        'all of it in InfluxDB',
        async () => {
          const all = await findingRows();
          return told.every(({ id, statuses }) => rowsOf(all, id).length >= statuses.length)
            ? all
            : undefined;
        },
        { timeoutMs: 60_000 },
      );
      expect(told.filter(({ isOver }) => isOver)).toHaveLength(2);
      for (const { id, explanation, statuses, isOver } of told) {
        const written = rowsOf(rows, id).map(({ status }) => status);
        expect(isOver ? written : written.slice(0, statuses.length), explanation).toEqual(statuses);
      }
    });

    it('what was learned outlives the kill: what is new is told at once, and nothing else', async () => {
      const told = () =>
        agent
          .findings()
          .filter(
            ({ analyzer, subject }) => analyzer === 'new-edge' && subject.workload?.name === SHOP.proxy,
          );
      expect(told()).toEqual([]);

      await lab.docker(['exec', SHOP.proxy, 'wget', '-q', '-O', '/dev/null', `http://${WEB_NAME}/`]);

      const [found] = await waitFor('the finding', () => (told().length > 0 ? told() : undefined));
      expect(found).toMatchObject({
        message: 'new-place',
        evidence: { state: 'monitor', knownEdges: 1, learnedSince: proxy.since },
      });
    });
  });

  describe('when the engine goes away', () => {
    let waiting: AgentProcess;

    it('says so and keeps running', async () => {
      await engine.stop('SIGTERM', 30_000);

      const lost = await waitFor('the record', () =>
        agent.stored('inventory').find((record) => record.object === 'engine' && record.change === 'removed'),
      );
      expect(String(lost.detail['reason'])).toContain('docker.sock');
      expect(agent.log.some(({ msg }) => msg === 'no Docker engine; waiting for it')).toBe(true);
      expect(agent.process.running()).toBe(true);
      expect(await healthWhen(agent, 'warn', 'docker.sock')).toMatchObject({ code: 0 });
    });

    it('an agent that starts now waits for it', async () => {
      waiting = await startAgent('waiting');

      const line = await waitFor('the word', () =>
        waiting.log.find(({ msg }) => msg === 'no Docker engine; waiting for it'),
      );
      expect(line['reason']).toContain('/var/run/docker.sock');
      expect(waiting.process.running()).toBe(true);
    });

    it('taps come back with it, and addresses have the names of who holds them now', async () => {
      const sinceMs = Date.now();
      engine = start(engine.argv, { env: lab.env });
      await waitFor(
        'dockerd to answer',
        () => lab.docker(['version', '--format', '{{.Server.Version}}']).catch(() => undefined),
        { timeoutMs: 60_000 },
      );
      // In another order than before, so that they get each other's addresses.
      for (const name of [SHOP.api, SHOP.database, SHOP.proxy]) await lab.docker(['start', name]);
      const ends =
        '{{with index .NetworkSettings.Networks "shop_data"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}';
      const addresses = async (name: string) =>
        (await lab.docker(['inspect', '--format', ends, name])).split(' ');
      const [api, database] = await Promise.all([addresses(SHOP.api), addresses(SHOP.database)]);

      for (const each of [agent, waiting]) {
        const known = await waitFor('the engine to be known again', () =>
          each.stored('inventory').find(
            (record) =>
              record.object === 'engine' &&
              record.change === 'added' &&
              // The record's time is the wall clock's.
              Date.parse(record.time) > sinceMs,
          ),
        );
        const flow = await waitFor(
          'an order',
          () =>
            each
              .stored('flow')
              // What began before the list was there has its last holder as a candidate only.
              .find(({ resp, start: began }) => resp.port === 5432 && began > known.time),
          { timeoutMs: 60_000 },
        );
        expect(flow).toMatchObject({
          network: { name: SHOP.dataNetwork.name },
          orig: { workload: { composeService: 'api' } },
          resp: { workload: { composeService: 'database' } },
        });
        expect(api).toContain(flow.orig.ip);
        expect(database).toContain(flow.resp.ip);
      }
      expect([...agent.log, ...waiting.log].filter(({ level }) => level > WARN)).toEqual([]);
    });
  });

  describe('when it is told to stop', () => {
    it('stores the flows that are still open, and ends with 0 within five seconds', async () => {
      const port = 7777;
      const talk = (command: string) => ['sh', '-c', `(echo hello; sleep 300) | ${command}`];
      await lab.docker(['network', 'create', 'calls']);
      await covers(agent, 'calls');
      const container = ['run', '-d', '--network', 'calls', '--name'];
      await lab.docker([...container, 'callee', BUSYBOX_IMAGE, ...talk(`nc -l -p ${port}`)]);
      // 0A is LISTEN, 01 ESTABLISHED (include/net/tcp_states.h); busybox listens on [::].
      const hasSocket = async (state: '0A' | '01') => {
        const sockets = await lab.docker(['exec', 'callee', 'cat', '/proc/net/tcp6']);
        return new RegExp(`:${port.toString(16).toUpperCase()} \\S+ ${state} `).test(sockets);
      };
      await waitFor('the callee to listen', () => hasSocket('0A'));
      await lab.docker([...container, 'caller', BUSYBOX_IMAGE, ...talk(`nc callee ${port}`)]);
      await waitFor('the call', () => hasSocket('01'));
      const heartbeat = `${agent.storePath}.health`;
      expect(existsSync(heartbeat)).toBe(true);
      // The last packets are still on their way through the kernel's ring (capture.read_timeout_ms).
      await waitFor('the call to be summed up', async () => {
        const rows = await influx.query(
          `SELECT * FROM "bridgewatch_traffic" WHERE "resp_port" = '${port}'`,
          'bridgewatch',
        );
        return rows.length > 0;
      });

      const asked = performance.now();
      agent.process.child.kill('SIGTERM');
      const code = await agent.process.exited;

      expect(code).toBe(0);
      expect(performance.now() - asked).toBeLessThan(5000);
      expect(existsSync(heartbeat)).toBe(false);
      // From here on nobody watches, and the record says so.
      expect(coverage(agent, 'calls', 'uncovered')).toMatchObject([{ reason: 'the agent stopped' }]);
      const call = agent.stored('flow').find(({ resp }) => resp.port === port);
      expect(call).toMatchObject({
        reason: 'shutdown',
        connState: 'S1',
        orig: { workload: { name: 'caller' } },
        resp: { workload: { name: 'callee' } },
      });
      const stopped = await health(agent);
      expect(stopped).toMatchObject({ code: 1, outcome: 'fail' });
      expect(stopped.detail).toContain('is it running');
    });
  });

  describe('other circumstances', () => {
    it('the portable backend covers the same and finds the same, and doctor says what it cannot know', async () => {
      const portable = await startAgent('portable', undefined, '--capture-backend', 'portable');
      await covers(portable, 'vault');
      expect(coverage(portable, 'vault', 'covered')[0]!.reason).toContain('portable');

      await leak('leak-3', 'vault');
      const found = await waitFor('the finding', () =>
        findingOf(portable, 'attempted-on-the-wire', 'leak-3'),
      );
      expect(found.evidence['destinations']).toEqual([`${INTERNET.attacker.v4}/icmp`]);

      const { code, about } = await doctor(portable, '--capture-backend', 'portable');
      expect(code).toBe(0);
      expect(about('capture backend')).toMatchObject({ outcome: 'warn' });
      expect(about('capture backend')?.detail).toMatch(/What it cannot know: .*drop counters/);
      expect(about('network shop_data')).toMatchObject({ outcome: 'ok' });
      expect(about('network host')).toMatchObject({ outcome: 'warn' });
      expect(about('kernel counters')?.detail).toContain('OutNoRoutes');
      await portable.process.stop();
      expect(await portable.process.exited).toBe(0);
    });

    it('outlives the reader of its stdout, and keeps what it finds', async () => {
      const unheard = await startAgent('unheard', undefined);
      await covers(unheard, 'vault');

      unheard.process.child.stdout?.destroy();
      await leak('leak-4', 'vault');

      await waitFor('the finding', () => findingOf(unheard, 'attempted-on-the-wire', 'leak-4'));
      await waitFor('a word', () => unheard.log.some(({ msg }) => msg.startsWith('nobody reads stdout')));
      expect(unheard.process.running()).toBe(true);
      await unheard.process.stop();
      expect(await unheard.process.exited).toBe(0);
    });

    it('a station that is killed is started again, and stores what was found meanwhile, once', async () => {
      const bereft = await startAgent('bereft');
      await covers(bereft, 'vault');
      const stationPid = () => {
        const heartbeat = `${bereft.storePath}.health`;
        return existsSync(heartbeat)
          ? parseLines<{ pid: number }>(readFileSync(heartbeat, 'utf8'))[0]!.pid
          : 0;
      };
      const killed = await waitFor('a sign of life', stationPid);
      expect(killed).not.toBe(bereft.process.child.pid);

      process.kill(killed, 'SIGKILL');
      await leak('leak-5', 'vault');

      const found = await waitFor('the finding', () => findingOf(bereft, 'attempted-on-the-wire', 'leak-5'));
      expect(bereft.log.filter(({ msg }) => msg.startsWith('the station ended'))).toHaveLength(1);
      expect(bereft.process.running()).toBe(true);
      await waitFor('another station', () => ![0, killed].includes(stationPid()));
      await bereft.process.stop();
      expect(await bereft.process.exited).toBe(0);
      const opened = bereft.history(found.id).filter(({ status }) => status === 'open');
      expect(opened).toHaveLength(1);
    });

    it('a wrong socket: says where it looked, and goes on looking', async () => {
      const socket = '/var/run/no-such.sock';
      const lost = await startAgent('lost', undefined, '--socket', socket);

      const line = await waitFor('the word', () =>
        lost.log.find(({ msg }) => msg === 'no Docker engine; waiting for it'),
      );
      expect(line['reason']).toContain(socket);
      expect(line.level).toBe(WARN);
      expect(lost.process.running()).toBe(true);
      const map = await lost.command('map', '--socket', socket);
      expect(map.code).toBe(3);
      expect(map.stderr).toContain(socket);
      expect(map.stderr).not.toMatch(STACK_TRACE);
      await lost.process.stop();
      expect(await lost.process.exited).toBe(0);
    });

    it('without capabilities it ends at once, and says what it needs', async () => {
      const store = join(lab.dir, 'powerless.db');
      // Root by name only: `nobody` may not be able to read this checkout.
      const powerless = ['setpriv', '--inh-caps=-all', '--bounding-set=-all'];

      const answer = await lab.exec('host', [...powerless, ...agentCommand('run', '--db', store)], {
        cwd: REPOSITORY,
        accept: 'any',
        timeoutMs: 20_000,
      });

      expect(answer.code).toBe(3);
      expect(answer.stderr).toContain('CAP_NET_RAW');
      expect(answer.stderr).toMatch(/run (it )?as root/);
      expect(answer.stderr).not.toMatch(STACK_TRACE);
      expect(answer.stderr.trim().split('\n')).toHaveLength(1);
    });
  });
});

function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
