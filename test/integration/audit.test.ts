/** `bridgewatch audit` over a real engine, with wrong and right objects on it, from where it sees all and from elsewhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord, AuditScoreRecord } from '../../src/cli/lib/records.ts';
import type { AuditResult } from '../../src/model/audit.ts';
import { checks } from '../../src/sensor/audit/checks.ts';
import type { FactName } from '../../src/sensor/audit/facts.ts';
import { bridgewatch, NOT_BUILT } from '../cli/support/bridgewatch.ts';
import { folderOf } from '../compose/support.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { HOST_ADDRESS, LOOPBACK_RESOLVER } from '../lab/world.ts';
import { outputSchema } from '../support/output-schema.ts';

const obstacle = labObstacle() ?? NOT_BUILT;
if (obstacle !== undefined) console.warn(`SKIPPED: the audit on a real engine: ${obstacle}`);

const BY_FLOWS = checks
  .filter(({ needs }) => needs.includes('traffic'))
  .map(({ id }) => id)
  .sort();
const VPN = ['--network', 'typo', '--cap-add', 'NET_ADMIN', '--sysctl', 'net.ipv4.ip_forward=1'];
/** What `shop` was deployed from; that `web` is on `data` too is somebody's doing. */
const FOLDER = folderOf({
  'compose.yaml': `
services:
  db: { image: "postgres:17", networks: [front], ports: ["5432:5432"] }
  cache: { image: "postgres:17", networks: [data], cap_drop: [ALL] }
  web: { image: busybox, networks: [front], cap_drop: [ALL], ports: ["127.0.0.1:8080:80", "127.0.0.1:25:25"] }
  later: { image: busybox, profiles: [later] }
networks: { front: {}, data: { internal: true } }
`,
});
const ICC = 'com.docker.network.bridge.enable_icc';

describe.skipIf(obstacle !== undefined)('the audit of a real engine', () => {
  let lab: Lab;
  let results: readonly AuditResult[];
  let scores: readonly AuditScoreRecord[];
  let lines: readonly string[];

  beforeAll(async () => {
    lab = await createLab({
      dockerd: ['--host', 'tcp://127.0.0.1:2375', '--userland-proxy=false'],
      nameserver: LOOPBACK_RESOLVER,
    });
    const image = await importBusybox(lab);
    await lab.docker(['tag', image, 'postgres:17']);
    await lab.exec('host', ['ip', 'route', 'add', '10.77.0.0/16', 'dev', 'eth0']);
    const network = (name: string, ...options: string[]) =>
      lab.docker(['network', 'create', ...options, name]);
    await Promise.all([
      network('shop_front', ...compose('shop', 'network', 'front')),
      network('shop_data', '--internal', ...compose('shop', 'network', 'data')),
      network('typo', '-o', 'com.docker.network.bridge.enable-icc=false'),
      network('apart', '-o', `${ICC}=false`),
      network('clash', '--subnet', '10.77.1.0/24'),
      network('lan', '-d', 'macvlan', '-o', 'parent=eth0', '--subnet', '198.51.100.64/26'),
    ]);
    const start = (name: string, options: readonly string[], its = image) =>
      lab.docker(['run', '-d', '--name', name, ...options, its, 'sleep', '3600']);
    const service = (name: string, options: readonly string[], its = image) =>
      start(
        `shop-${name}-1`,
        [...compose('shop', 'service', name), ...deployedFrom(FOLDER), ...options],
        its,
      );
    await Promise.all([
      service('db', ['--network', 'shop_front', '-p', '5432:5432'], 'postgres:17'),
      service('cache', ['--network', 'shop_data', '--cap-drop', 'ALL'], 'postgres:17'),
      service('web', [
        '--network',
        'shop_front',
        '--cap-drop',
        'ALL',
        '-p',
        '127.0.0.1:8080:80',
        '-p',
        '127.0.0.1:25:25',
      ]),
      start('stray', ['-v', '/var/run/docker.sock:/var/run/docker.sock:ro', '--dns', '2001:db8::53']),
      start('root', ['--privileged', '--pid', 'host', '--network', 'host']),
      start('vpn', VPN),
    ]);
    await lab.docker(['network', 'connect', 'shop_data', 'shop-web-1']);
    await start('side', ['--network', 'container:vpn']);
    lines = (await inHost('audit', '--json')).stdout.trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as AuditRecord | AuditScoreRecord);
    results = records.filter((record) => record.kind === 'audit');
    scores = records.filter((record) => record.kind === 'audit-score');
  });

  afterAll(async () => {
    await lab?.stop();
  });

  const inHost = (...args: readonly string[]) =>
    lab.exec('host', agentCommand(...args), { cwd: REPOSITORY, accept: 'any' });
  const told = (check: string, outcome: string): string[] =>
    results
      .filter((result) => result.check === check && result.outcome === outcome)
      .map(
        ({ severity, objects }) =>
          `${severity} ${objects
            .map(({ name }) => name)
            .sort()
            .join(',')}`,
      )
      .sort();

  it('finds what is wrong, by name and by how bad it is', () => {
    expect(Object.fromEntries(WRONG.map(([check]) => [check, told(check, 'fail')]))).toEqual(
      Object.fromEntries(WRONG),
    );
  });

  it('passes what is right beside it', () => {
    const passed = (check: string) => told(check, 'pass').join();

    expect(passed('published-sensitive-port')).toContain('shop/cache,shop/web');
    expect(passed('data-tier-not-internal')).toBe('medium shop/cache');
    expect(passed('engine-socket-mounted')).not.toContain('stray');
    expect(passed('userland-proxy')).toBe('informational engine');
    expect(passed('engine-firewall')).toBe('high engine');
  });

  it('answers with every check, knows everything from here but what flows tell, and prints what the schema says', () => {
    const schema = outputSchema();
    const unknown = results.filter(({ outcome }) => outcome === 'unknown');

    expect(new Set(results.map(({ check }) => check)).size).toBe(checks.length);
    expect(unknown.map(({ check }) => check).sort()).toEqual(BY_FLOWS);
    // No agent ever ran here: one reason for all, which the report tells once.
    expect(new Set(unknown.map(({ explanation }) => explanation)).size).toBe(1);
    expect(lines.flatMap((line) => schema.problems(JSON.parse(line)))).toEqual([]);
    expect(scores.map(({ network }) => network)).toEqual(
      expect.arrayContaining([undefined, 'bridge', 'shop_data', 'shop_front', 'typo']),
    );
  });

  it('tells a person by place, with the lines that mend it, and scripts by the exit code', async () => {
    const { stdout, code } = await inHost('audit', '--network', 'shop_front', '--fail-on', 'high');

    expect(code).toBe(1);
    expect(stdout).toMatch(/\nshop_front +\d+ +\d+ +0\n/);
    expect(stdout).toContain(
      'HIGH  published-sensitive-port  (CIS 5.9, 5.14)\n    shop/db publishes PostgreSQL',
    );
    expect(stdout).toContain('       compose.yaml:\n         services:\n           db:\n             ports:');
    expect((await inHost('audit', '--check', 'net-raw', '--fail-on', 'high')).code).toBe(0);
  });

  it("never takes another namespace's interfaces for the engine's", async () => {
    const { stdout, code } = await bridgewatch(['audit', '--socket', lab.socket, '--json']);
    const unknown = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord)
      .filter(
        ({ outcome, explanation }) => outcome === 'unknown' && explanation.includes('network namespace'),
      );
    const facts: readonly FactName[] = ['host', 'listeners', 'switches', 'firewall'];
    const asking = checks.filter(({ needs }) => needs.some((need) => facts.includes(need)));

    expect(code).toBe(0);
    expect(asking.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['address-overlap', 'firewall-internal']),
    );
    expect(unknown.map(({ check }) => check)).toEqual(expect.arrayContaining(asking.map(({ id }) => id)));
    expect(unknown[0]).toMatchObject({
      explanation: expect.stringContaining('another network namespace than the engine'),
      remedy: { what: expect.stringContaining('--network host') },
    });
  });

  it('keeps the state of the host, and tells what was changed since, by whom it is about', async () => {
    const file = `${lab.dir}/state.json`;
    const against = async () => {
      const { stdout, code } = await inHost(
        ...['audit', '--check', 'baseline-drift', '--against', file, '--fail-on', 'low', '--json'],
      );
      const told = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditRecord)
        .filter(({ kind }) => kind === 'audit')
        .map(({ severity, outcome, objects, evidence }) =>
          outcome === 'pass' ? outcome : `${severity} ${objects[0]!.name} ${String(evidence['field'])}`,
        );
      return { code, told };
    };

    await inHost('audit', '--check', 'baseline-drift', '--save', file);
    // Made anew as it was: it has another id, another address and another bridge.
    await lab.docker(['rm', '-f', 'side', 'vpn']);
    await lab.docker(['network', 'rm', 'typo']);
    await lab.docker(['network', 'create', '-o', 'com.docker.network.bridge.enable-icc=false', 'typo']);
    const again = (name: string, ...options: string[]) =>
      lab.docker(['run', '-d', '--name', name, ...options, BUSYBOX_IMAGE, 'sleep', '3600']);
    await again('vpn', ...VPN);
    await again('side', '--network', 'container:vpn');
    expect(await against()).toEqual({ code: 0, told: ['pass'] });

    await lab.docker(['network', 'connect', 'shop_front', 'shop-cache-1']);
    await lab.docker(['rm', '-f', 'side']);
    expect(await against()).toEqual({
      code: 1,
      told: ['high shop/cache networks', 'low host presence'],
    });
  });

  it('tells where a Swarm listens', async () => {
    const listens = async () => {
      const { stdout } = await inHost('audit', '--check', 'swarm-listen-address', '--json');
      return (JSON.parse(stdout.split('\n')[0]!) as AuditRecord).outcome;
    };

    expect(await listens()).toBe('not-applicable');
    await lab.docker(['swarm', 'init', '--advertise-addr', HOST_ADDRESS]);
    expect(await listens()).toBe('fail');
    await lab.docker(['swarm', 'leave', '--force']);
    await lab.docker(['swarm', 'init', '--advertise-addr', HOST_ADDRESS, '--listen-addr', HOST_ADDRESS]);
    expect(await listens()).toBe('pass');
  });

  it('refuses a check and a network that are none, and says which was meant', async () => {
    const [check, network] = await Promise.all([
      inHost('audit', '--check', 'priviliged'),
      inHost('audit', '--network', 'shop_fron'),
    ]);

    expect([check.code, check.stderr]).toEqual([2, expect.stringContaining('did you mean privileged?')]);
    expect([network.code, network.stderr]).toEqual([2, expect.stringContaining('did you mean shop_front?')]);
  });
});

function compose(project: string, kind: 'service' | 'network', name: string): string[] {
  return [
    '--label',
    `com.docker.compose.project=${project}`,
    '--label',
    `com.docker.compose.${kind}=${name}`,
  ];
}

/** As Compose labels what it makes. */
function deployedFrom(folder: string): string[] {
  const label = 'com.docker.compose.project';
  return [
    '--label',
    `${label}.config_files=${folder}/compose.yaml`,
    '--label',
    `${label}.working_dir=${folder}`,
  ];
}

/** Each check that fails, and the objects of each failure. */
const WRONG: readonly (readonly [check: string, failures: readonly string[]])[] = [
  ['engine-tcp', ['high engine']],
  ['engine-socket-mounted', ['high stray']],
  ['published-sensitive-port', ['high shop/db']],
  ['published-any-address', ['low shop/db']],
  ['published-address-bypass', ['medium shop/web']],
  ['published-privileged-port', ['low shop/web']],
  ['privileged', ['high root']],
  ['net-admin', ['medium vpn']],
  ['net-raw', ['low shop/db']],
  ['host-pid', ['high root']],
  ['host-network', ['medium root']],
  ['shared-network-namespace', ['low side']],
  ['network-sysctls', ['low vpn']],
  ['default-bridge', ['low stray']],
  ['default-bridge-icc', ['low bridge']],
  ['internal-and-external', ['low shop/web']],
  ['data-tier-not-internal', ['medium shop/db']],
  ['network-options', ['medium typo']],
  ['lan-driver', ['low lan']],
  ['address-overlap', ['medium clash']],
  ['container-resolvers', ['low stray']],
  ['resolver-on-loopback', ['medium shop/cache']],
  ['compose-drift', ['medium shop/web']],
];
