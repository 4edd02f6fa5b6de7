/**
 * The real Dockerfile, built in the lab's engine and started as compose.yaml says, finds a breakout and writes it to
 * a real InfluxDB. What the compose file says of the agent is read from it, so that the file itself is under test.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { DiagnosisRecord } from '../../src/cli/lib/records.ts';
import type { PublicDns } from '../../src/model/serialize.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { SHOP, startShop } from '../lab/app.ts';
import { isolationBroken } from '../lab/attacks.ts';
import { importNodeBase } from '../lab/base-image.ts';
import { BUSYBOX_IMAGE } from '../lab/images.ts';
import { type InfluxServer, startInflux } from '../lab/influx.ts';
import { startInternet } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';

const IMAGE = 'bridgewatch:lab';
const CONTAINER = 'bridgewatch';
/** Room for a compiler on two busy cores; alone it takes about 40 s. */
const BUILD_TIMEOUT_MS = 400_000;

const obstacle = labObstacle(['dnsmasq', 'influxd', 'g++', 'make', 'python3', 'apt-cache', 'dpkg-query']);
if (obstacle !== undefined) console.warn(`SKIPPED: the image: ${obstacle}`);

interface ComposeService {
  readonly privileged?: boolean;
  readonly network_mode?: string;
  readonly pid?: string;
  readonly init?: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

/** The parts of a Compose service that the agent uses, as arguments of `docker run`. */
function runArguments(service: ComposeService): string[] {
  return [
    ...(service.privileged === true ? ['--privileged'] : []),
    ...(service.init === true ? ['--init'] : []),
    ...(service.network_mode === undefined ? [] : ['--network', service.network_mode]),
    ...(service.pid === undefined ? [] : ['--pid', service.pid]),
    ...Object.entries(service.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...service.volumes.flatMap((volume) => ['--volume', volume]),
  ];
}

describe.skipIf(obstacle !== undefined)('the image', () => {
  let lab: Lab;
  let influx: InfluxServer;
  const compose = parse(readFileSync(join(REPOSITORY, 'compose.yaml'), 'utf8')) as {
    services: { bridgewatch: ComposeService };
  };

  beforeAll(async () => {
    lab = await createLab();
    const base = await importNodeBase(lab);
    const build = ['build', '--tag', IMAGE, '--build-arg', `NODE_IMAGE=${base}`, REPOSITORY];
    await lab.docker(build, { timeoutMs: BUILD_TIMEOUT_MS });
    await startInternet(lab);
    influx = await startInflux(lab);
    await startShop(lab);
  }, BUILD_TIMEOUT_MS + 60_000);

  afterAll(async () => {
    await lab?.stop();
  });

  it('runs a command given to it, with the native binding inside', async () => {
    const answer = await lab.docker(['run', '--rm', IMAGE, 'version']);

    expect(answer).toMatch(/^bridgewatch \d+\.\d+\.\d+/);
    expect(answer).toMatch(/libpcap version 1\./);
  });

  it('is unhealthy without an agent', async () => {
    const answer = await lab.exec('host', ['docker', 'run', '--rm', IMAGE, 'doctor', '--health'], {
      accept: [1],
    });

    expect(answer.stdout).toMatch(/^fail/);
  });

  it('becomes healthy, finds the breakout and writes it to InfluxDB within 3 s', async () => {
    const { bridgewatch } = compose.services;
    const interval = ['--health-interval', '1s'];
    await lab.docker([
      'run',
      '--detach',
      '--name',
      CONTAINER,
      ...interval,
      ...runArguments(bridgewatch),
      IMAGE,
    ]);
    await waitFor(
      'the container to be healthy',
      () => inspect('{{.State.Health.Status}}').then(is('healthy')),
      {
        timeoutMs: 30_000,
      },
    );
    await waitFor('a tap on the data network', async () => {
      const where = `WHERE "network" = '${SHOP.dataNetwork.name}' AND "state" = 'covered'`;
      return (await rowsOf('bridgewatch_coverage', where)).length > 0;
    });

    const startedMs = Date.now();
    const { answered } = await isolationBroken.run(lab);
    const finding = await waitFor('the finding in InfluxDB', async () => {
      const where = `WHERE "analyzer" = 'internal-egress' AND "message" = 'succeeded'`;
      return (await rowsOf('bridgewatch_finding', where))[0];
    });
    const tookMs = Date.now() - startedMs;

    expect(answered).toBe(true);
    expect(finding).toMatchObject({
      service: 'shop/database',
      network: SHOP.dataNetwork.name,
      subject_container: SHOP.database,
      severity: 'critical',
    });
    expect(tookMs).toBeLessThan(3000);
  });

  it('reads the kernel counters of the containers, with the host its pid namespace', async () => {
    const before = await lab.docker(['exec', SHOP.database, 'ip', 'route', 'show', 'default']);
    await lab.docker(['exec', '--privileged', SHOP.database, 'ip', 'route', 'delete', 'default']);
    await lab.docker(['exec', SHOP.database, 'sh', '-c', 'nc -w 1 198.51.100.180 443 || true']);

    const finding = await waitFor('the finding in InfluxDB', async () => {
      const where = `WHERE "analyzer" = 'internal-egress' AND "message" = 'attempted-without-route'`;
      return (await rowsOf('bridgewatch_finding', where))[0];
    });

    expect(before).not.toBe('');
    expect(finding).toMatchObject({ service: 'shop/database' });
  });

  it('sees the first question of a container to the resolver of the engine, which crosses no bridge', async () => {
    const name = 'first-question';
    // The engine tells whose namespace that is only while the container runs, and is slow on a busy machine.
    const ask = ['sh', '-c', 'nslookup -type=a database; sleep 3'];
    await lab.docker(['run', '--name', name, '--network', SHOP.dataNetwork.name, BUSYBOX_IMAGE, ...ask]);

    const record = await waitFor('the question', async () => {
      const words = ['dns', 'query:database', '--workload', name, '--json'];
      const answer = await lab.docker(['exec', CONTAINER, 'bridgewatch', ...words]);
      return answer === '' ? undefined : (JSON.parse(answer.split('\n')[0]!) as PublicDns);
    });

    expect(record).toMatchObject({
      vantage: 'container',
      rcode: 'NOERROR',
      client: { workload: { name }, attribution: { method: 'netns', confidence: 'certain' } },
      networks: [{ name: SHOP.dataNetwork.name, internal: true }],
    });
  });

  it('has all that it needs when run as the compose file says, by its own doctor', async () => {
    const answer = await lab.docker(['exec', CONTAINER, 'bridgewatch', 'doctor', '--json']);

    expect(outcomes(answer)).toMatchObject({
      privileges: 'ok',
      'capture backend': 'ok',
      'connection tracking': 'ok',
      'docker engine': 'ok',
      'host network': 'ok',
      'kernel counters': 'ok',
      listeners: 'ok',
      dns: 'ok',
      station: 'ok',
      [`network ${SHOP.dataNetwork.name}`]: 'ok',
    });
  });

  it('without the PID namespace of the host its doctor tells what is not seen', async () => {
    const { pid: _, ...bridgewatch } = compose.services.bridgewatch;
    const answer = await lab.docker(['run', '--rm', ...runArguments(bridgewatch), IMAGE, 'doctor', '--json']);

    expect(outcomes(answer)).toMatchObject({
      'connection tracking': 'ok',
      'host network': 'warn',
      'kernel counters': 'warn',
      listeners: 'warn',
    });
  });

  it('without privileges its doctor fails, and says for each what is missing', async () => {
    const { privileged: _, ...bridgewatch } = compose.services.bridgewatch;
    const arguments_ = [...runArguments(bridgewatch), IMAGE, 'doctor', '--json'];
    const answer = await lab.exec('host', ['docker', 'run', '--rm', ...arguments_], { accept: [1] });

    expect(outcomes(answer.stdout)).toMatchObject({
      privileges: 'fail',
      'connection tracking': 'warn',
      'host network': 'warn',
    });
  });

  it('says of the shop and of its own traffic only who uses the published port', async () => {
    const rows = await rowsOf('bridgewatch_finding', '');
    const others = rows.filter((row) => row['service'] !== 'shop/database');

    expect(new Set(others.map((row) => `${row['service']} ${row['analyzer']} ${row['severity']}`))).toEqual(
      new Set(['shop/proxy published-exposure low']),
    );
  });

  it('stops on SIGTERM by itself, and keeps what it found on its volume', async () => {
    await lab.docker(['stop', '--time', '20', CONTAINER]);

    expect(await inspect('{{.State.ExitCode}}')).toBe('0');
    const volumes = ['--volumes-from', CONTAINER];
    const answer = await lab.docker(['run', '--rm', ...volumes, IMAGE, 'events', '--since', '1h']);
    expect(answer).toContain('shop/database on internal network shop_data talks with the outside');
  });

  /** By what was looked at. */
  function outcomes(ndjson: string): Record<string, string> {
    const found = ndjson
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DiagnosisRecord);
    return Object.fromEntries(found.map(({ check, outcome }) => [check, outcome]));
  }

  async function inspect(format: string): Promise<string> {
    return lab.docker(['inspect', '--format', format, CONTAINER]);
  }

  async function rowsOf(measurement: string, where: string): Promise<Record<string, unknown>[]> {
    const from = `"bridgewatch"."${measurement}"`;
    const rows = await influx.query(`SELECT * FROM ${from} ${where} ORDER BY time`, 'bridgewatch');
    return [...rows];
  }

  function is(wanted: string): (text: string) => boolean {
    return (text) => text === wanted;
  }
});
