/**
 * The checks of the firewall over a real engine's rules, which are then broken for real, one thing at a time: the audit
 * tells just that, and the wire agrees.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditRecord, AuditScoreRecord } from '../../src/cli/lib/records.ts';
import type { AuditResult } from '../../src/model/audit.ts';
import { NOT_BUILT } from '../cli/support/bridgewatch.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { HOST_ADDRESS } from '../lab/world.ts';

const obstacle = labObstacle(['nft', 'iptables-save', 'iptables-restore']) ?? NOT_BUILT;
if (obstacle !== undefined) console.warn(`SKIPPED: the firewall of a real engine: ${obstacle}`);

const CHECKS = [
  'firewall-isolation',
  'firewall-internal',
  'firewall-forward',
  'firewall-direct-routing',
  'firewall-loopback-ports',
  'firewall-ipv6',
  'firewall-bypassed',
  'docker-user-rules',
] as const;
const WEB = '172.30.81.80';
const PUBLISHED = 8080;
/** It listens there, and nobody published it. */
const UNPUBLISHED = 81;
const SERVER = `echo in > /tmp/index.html; httpd -h /tmp -p ${UNPUBLISHED}; exec httpd -f -h /tmp -p 80`;

describe.skipIf(obstacle !== undefined)('the firewall of a real engine', () => {
  let lab: Lab;
  let rules: string;

  beforeAll(async () => {
    lab = await createLab({ dockerd: ['--userland-proxy=false'] });
    const image = await importBusybox(lab);
    await Promise.all([
      lab.docker(['network', 'create', '--subnet', '172.30.81.0/24', 'front']),
      lab.docker(['network', 'create', '--subnet', '172.30.82.0/24', 'back']),
      lab.docker(['network', 'create', '--subnet', '172.30.83.0/24', '--internal', 'data']),
      lab.exec('wan', ['ip', 'route', 'add', '172.30.81.0/24', 'via', HOST_ADDRESS]),
    ]);
    const start = (name: string, network: string, options: readonly string[], command: string) =>
      lab.docker(['run', '-d', '--name', name, '--network', network, ...options, image, 'sh', '-c', command]);
    await Promise.all([
      start('web', 'front', ['--ip', WEB, '-p', `${PUBLISHED}:80`], SERVER),
      start('job', 'back', [], 'exec sleep 3600'),
      start('db', 'data', [], 'exec sleep 3600'),
    ]);
    rules = (await inHost('iptables-save')).stdout;
  });

  afterAll(async () => {
    await lab?.stop();
  });

  const inHost = (...argv: readonly string[]) => lab.exec('host', argv);
  const iptables = (words: string) => inHost('iptables', ...words.split(' '));
  const restore = () => lab.exec('host', ['iptables-restore'], { input: rules });

  /** `check severity objects` of what does not pass, and the results themselves. */
  async function audit(): Promise<{ readonly told: string[]; readonly results: AuditResult[] }> {
    const args = ['audit', '--json', ...CHECKS.flatMap((check) => ['--check', check])];
    const { stdout } = await lab.exec('host', agentCommand(...args), { cwd: REPOSITORY });
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord | AuditScoreRecord);
    const results = records.filter((record) => record.kind === 'audit');
    const told = results
      .filter(({ outcome }) => outcome === 'fail' || outcome === 'unknown')
      .map(({ check, outcome, severity, objects }) =>
        [check, outcome, severity, objects.map(({ name }) => name).sort()].join(' '),
      );
    return { told: told.sort(), results };
  }

  /** Whether a connection is answered there. */
  async function answers(from: 'wan' | 'job' | 'db', to: string): Promise<boolean> {
    const ask = ['sh', '-c', `timeout 1 wget -q -O - http://${to}/`];
    const said =
      from === 'wan'
        ? lab.exec('wan', ['busybox', ...ask]).then(({ stdout }) => stdout)
        : lab.docker(['exec', from, ...ask]);
    return said.then(
      (page) => page.trim() === 'in',
      () => false,
    );
  }

  it('has nothing to say of it as the engine wrote it, and nothing gets through', async () => {
    const [{ told, results }, ...through] = await Promise.all([
      audit(),
      answers('job', WEB),
      answers('db', WEB),
      answers('wan', `${WEB}:${UNPUBLISHED}`),
    ]);

    expect(told).toEqual([]);
    expect(new Set(results.map(({ check }) => check))).toEqual(new Set(CHECKS));
    expect(results.find(({ check }) => check === 'firewall-isolation')).toMatchObject({
      outcome: 'pass',
      networks: expect.arrayContaining(['front', 'back', 'bridge']),
    });
    expect(through).toEqual([false, false, false]);
  });

  it('tells that isolation was emptied, and so it is', async () => {
    await iptables('-F DOCKER-ISOLATION-STAGE-1');
    const [{ told, results }, ...through] = await Promise.all([
      audit(),
      answers('job', WEB),
      answers('db', WEB),
    ]);
    await restore();

    expect(told).toEqual([
      'firewall-internal fail high data',
      'firewall-isolation fail high back,bridge,front',
    ]);
    const missing = results.flatMap(({ evidence }) => evidence['missing'] ?? []);
    expect(missing).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /-A DOCKER-ISOLATION-STAGE-1 -i br-\w+ ! -o br-\w+ -j DOCKER-ISOLATION-STAGE-2/,
        ),
        expect.stringMatching(/-A DOCKER-ISOLATION-STAGE-1 ! -d 172\.30\.83\.0\/24 -i br-\w+ -j DROP/),
      ]),
    );
    expect(through).toEqual([true, true]);
  });

  it('passes isolation where a table of nft drops what the engine does not any more', async () => {
    await iptables('-F DOCKER-ISOLATION-STAGE-1');
    await lab.exec('host', ['nft', '-f', '-'], {
      input: `table inet apart {
        chain forward {
          type filter hook forward priority filter + 5; policy accept;
          ip saddr 172.16.0.0/12 ip daddr 172.16.0.0/12 drop
        }
      }`,
    });
    const [{ told, results }, through] = await Promise.all([audit(), answers('job', WEB)]);
    await inHost('nft', 'delete', 'table', 'inet', 'apart');
    await restore();

    expect(told).toEqual(['firewall-internal fail low data']);
    expect(results.find(({ check }) => check === 'firewall-isolation')?.evidence['rules']).toEqual([
      'ip saddr 172.16.0.0/12 ip daddr 172.16.0.0/12 drop',
    ]);
    expect(through).toBe(false);
  });

  it('tells a rule that accepts before all of the engine’s, whose own are still there', async () => {
    await iptables('-I FORWARD -j ACCEPT');
    const [{ told, results }, ...through] = await Promise.all([
      audit(),
      answers('job', WEB),
      answers('wan', `${WEB}:${UNPUBLISHED}`),
    ]);
    await restore();

    expect(told).toEqual(
      [
        'firewall-direct-routing fail high bridge',
        'firewall-direct-routing fail high back',
        'firewall-direct-routing fail high front',
        'firewall-internal fail high data',
        'firewall-isolation fail high back,bridge,front',
      ].sort(),
    );
    for (const { outcome, evidence } of results) {
      if (outcome === 'fail') expect(evidence['rules']).toEqual(['-A FORWARD -j ACCEPT']);
    }
    expect(through).toEqual([true, true]);
  });

  it('tells that FORWARD lets through what nobody decides', async () => {
    await iptables('-P FORWARD ACCEPT');
    const [{ told }, ...through] = await Promise.all([
      audit(),
      answers('wan', `${WEB}:${UNPUBLISHED}`),
      answers('job', WEB),
    ]);
    await restore();

    expect(told).toEqual(['firewall-forward fail medium back,bridge,front']);
    expect(through).toEqual([true, false]);
  });

  it('tells rules that never meet a published port: in DOCKER-USER by its number, and in INPUT', async () => {
    await iptables(`-I DOCKER-USER -i eth0 -p tcp --dport ${PUBLISHED} -j DROP`);
    await iptables(`-I INPUT -p tcp --dport ${PUBLISHED} -j DROP`);
    const [{ told, results }, through] = await Promise.all([
      audit(),
      answers('wan', `${HOST_ADDRESS}:${PUBLISHED}`),
    ]);
    const remedy = results.find(
      ({ check, outcome }) => check === 'firewall-bypassed' && outcome === 'fail',
    )?.remedy;

    expect(told).toEqual(['docker-user-rules fail medium host', 'firewall-bypassed fail high web']);
    expect(through).toBe(true);

    await iptables(`-D DOCKER-USER -i eth0 -p tcp --dport ${PUBLISHED} -j DROP`);
    expect(remedy?.commands).toHaveLength(1);
    await inHost('sh', '-c', remedy!.commands![0]!);
    const [mended, after] = await Promise.all([audit(), answers('wan', `${HOST_ADDRESS}:${PUBLISHED}`)]);
    await restore();

    expect(mended.told).toEqual([]);
    expect(after).toBe(false);
  });
});
