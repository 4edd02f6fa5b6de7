/**
 * The assurance of internal networks on a real engine: real members, a real service of the host, packets that the real
 * firewall drops and counts, a route that really leads past it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkAssurance } from '../../src/model/audit.ts';
import { NOT_BUILT } from '../cli/support/bridgewatch.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { INTERNET } from '../lab/world.ts';

const obstacle = labObstacle() ?? NOT_BUILT;
if (obstacle !== undefined) console.warn(`SKIPPED: ways out of internal networks: ${obstacle}`);

const GATEWAY = '172.30.81.1';
const BOTH = '172.30.81.9';

describe.skipIf(obstacle !== undefined)('ways out of internal networks on a real engine', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab();
    const image = await importBusybox(lab);
    const internal = (name: string, subnet: string) =>
      lab.docker([
        'network',
        'create',
        '--internal',
        '--subnet',
        subnet,
        '-o',
        `com.docker.network.bridge.name=br-${name}`,
        name,
      ]);
    await Promise.all([
      internal('vault', '172.30.81.0/24'),
      internal('still', '172.30.82.0/24'),
      lab.docker(['network', 'create', 'front']),
    ]);
    const start = (name: string, ...options: string[]) =>
      lab.docker(['run', '-d', '--name', name, ...options, image, 'sleep', '3600']);
    await Promise.all([
      start('both', '--network', 'front', '--cap-drop', 'NET_RAW', '--sysctl', 'net.ipv4.ip_forward=1'),
      start('vpn', '--network', 'vault', '--cap-add', 'NET_ADMIN'),
      start('quiet', '--network', 'still', '--cap-drop', 'ALL'),
    ]);
    await lab.docker(['network', 'connect', '--ip', BOTH, 'vault', 'both']);
    lab.spawn('host', ['busybox', 'httpd', '-f', '-p', `${GATEWAY}:8088`, '-h', lab.dir]);
    await lab.exec('host', ['iptables', '-I', 'INPUT', '-i', 'br-still', '-j', 'DROP']);
    await waitFor('the service of the host', () => reaches('vpn'));
  });

  afterAll(async () => {
    await lab?.stop();
  });

  /** Whether a command in a container did what it was to do. */
  const succeeds = (name: string, ...argv: string[]): Promise<boolean> =>
    lab.docker(['exec', name, ...argv]).then(
      () => true,
      () => false,
    );
  const reaches = (name: string) => succeeds(name, 'sh', '-c', `echo | nc -w 1 ${GATEWAY} 8088`);
  /** One packet for the outside, which has nobody to answer it. */
  const leave = (name: string) => succeeds(name, 'ping', '-c', '1', '-W', '1', INTERNET.attacker.v4);
  const audited = async (): Promise<ReadonlyMap<string, NetworkAssurance>> => {
    const { stdout } = await lab.exec(
      'host',
      agentCommand('audit', '--check', 'internal-ways-out', '--json'),
      { cwd: REPOSITORY },
    );
    const records = stdout.split('\n').filter((line) => line.includes('"kind":"audit-assurance"'));
    return new Map(
      records.map((line) => JSON.parse(line) as NetworkAssurance).map((each) => [each.network, each]),
    );
  };

  const marks = ({ ways }: NetworkAssurance): string[] =>
    ways.map(({ way, mark }) => `${way} ${mark}`).sort();

  it('stand open and are possible, and a quiet network has none', async () => {
    const found = await audited();
    const still = found.get('still')!;
    const held = still.shut.find(({ way }) => way === 'host-service');

    expect(marks(found.get('vault')!)).toEqual([
      'commanding-member possible',
      'dual-homed-member possible',
      'host-service possible',
    ]);
    expect(found.get('vault')!.ways.find(({ way }) => way === 'host-service')).toMatchObject({
      evidence: { listeners: [`${GATEWAY} 8088/tcp`], gateways: [GATEWAY] },
    });
    expect([still.ways, still.notKnown]).toEqual([[], []]);
    expect(still.shut.map(({ way }) => way)).toEqual(
      expect.arrayContaining(['firewall-rules', 'raw-sockets']),
    );
    // This engine gives it a route to every address of the host; the rule in INPUT is what holds it, and does.
    expect(held?.reason).toBe('the firewall drops what members send to 8088/tcp');
    expect([await reaches('vpn'), await reaches('quiet')]).toEqual([true, false]);
  });

  it('are attempted once the firewall has counted packets', async () => {
    await leave('vpn');
    const { ways, shut } = (await audited()).get('vault')!;
    const tried = ways.find(({ way }) => way === 'commanding-member');

    expect(tried).toMatchObject({ mark: 'attempted', evidence: { packetsDropped: 1 } });
    expect(tried?.explanation).toContain('The firewall dropped 1 packet for the outside');
    expect(shut.find(({ way }) => way === 'firewall-rules')?.attempts).toMatch(
      /^1 packet for the outside dropped by/,
    );
  });

  it('are used once a member has passed on packets of another, whose route is told', async () => {
    await lab.exec('host', ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0']);
    await succeeds('vpn', 'ip', 'route', 'replace', 'default', 'via', BOTH);
    await leave('vpn');
    const { ways } = (await audited()).get('vault')!;

    expect(ways.find(({ way }) => way === 'dual-homed-member')).toMatchObject({
      mark: 'used',
      evidence: { forwarding: true, forwardedPackets: 1 },
    });
    expect(ways.find(({ way }) => way === 'member-route')).toMatchObject({
      mark: 'attempted',
      severity: 'medium',
      explanation: expect.stringContaining(
        'through both (0.0.0.0/0): what it sends outside goes there, past the firewall',
      ),
    });
  });

  it('are told to a person by network', async () => {
    const { stdout } = await lab.exec('host', agentCommand('audit', '--network', 'vault'), {
      cwd: REPOSITORY,
    });

    expect(stdout).toContain(
      '\n== ways out of the internal network vault: 4 open, 1 of them used, 2 tried\n',
    );
    expect(stdout).toContain(
      'MEDIUM  dual-homed-member: WAS USED  (to mend it: internal-and-external)\n    both is on front too',
    );
    expect(stdout).not.toContain('network still');
  });
});
