import { afterEach, describe, expect, it } from 'vitest';
import { readEngine } from '../../../src/sensor/docker/audit-reader.ts';
import { openDocker } from '../../../src/sensor/docker/client.ts';
import { readContainerFacts } from '../../../src/sensor/docker/container-facts.ts';
import {
  readEngineFacts,
  readNetworkFacts,
  readSwarmFacts,
} from '../../../src/sensor/docker/engine-facts.ts';
import { type FakeEngine, fakeEngine } from '../../support/fake-engine.ts';

const id = (n: number): string => n.toString(16).padStart(64, '0');
const described = (n: number, fields = {}) => ({
  ...{
    Id: id(n),
    Name: `/c${n}`,
    Config: { Image: 'busybox' },
    State: { Running: true },
    HostConfig: {},
    Mounts: [],
  },
  ...{ NetworkSettings: { Networks: {}, Ports: {} } },
  ...fields,
});

let engine: FakeEngine | undefined;
afterEach(() => engine?.remove());

/** Answers `answers[path]`; a number is a refusal. */
async function readFrom(answers: Readonly<Record<string, unknown>>, delayMs = 0) {
  let now = 0;
  let most = 0;
  engine = fakeEngine((request, response) => {
    const path = new URL(request.url ?? '/', 'http://engine').pathname.replace(/^\/v\d+\.\d+/, '');
    most = Math.max(most, ++now);
    setTimeout(() => {
      now--;
      const answer = answers[path] ?? 404;
      response.writeHead(typeof answer === 'number' ? answer : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(typeof answer === 'number' ? { message: 'refused' } : answer));
    }, delayMs);
  });
  await engine.listen();
  const reading = await readEngine(await openDocker({ socket: engine.socket }));
  return { reading, most };
}

const BASE = { '/version': { Version: '28.5.0' }, '/info': {}, '/networks': [], '/containers/json': [] };

describe('what the audit asks the engine', () => {
  it('inspects 200 containers eight at a time, and keeps their order', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => n);
    const inspections = Object.fromEntries(ids.map((n) => [`/containers/${id(n)}/json`, described(n)]));
    const listed = ids.map((n) => ({ Id: id(n), Names: [`/c${n}`] }));
    const { reading, most } = await readFrom({ ...BASE, '/containers/json': listed, ...inspections }, 5);

    expect(reading.containers.ok && reading.containers.value.map(({ name }) => name)).toEqual(
      ids.map((n) => `c${n}`),
    );
    expect(most).toBe(8);
  });

  it('leaves out one that has ended meanwhile, and names one that is refused', async () => {
    const listed = [1, 2, 3].map((n) => ({ Id: id(n), Names: [`/c${n}`] }));
    const answers = { [`/containers/${id(1)}/json`]: described(1), [`/containers/${id(3)}/json`]: 500 };
    const { reading } = await readFrom({ ...BASE, '/containers/json': listed, ...answers });

    expect(reading.containers.ok && reading.containers.value.map(({ name }) => name)).toEqual(['c1']);
    expect(reading.unread).toEqual([{ id: id(3), name: 'c3', reason: expect.stringContaining('refused') }]);
  });

  it('keeps what one question is refused from costing another', async () => {
    const { reading } = await readFrom({ ...BASE, '/info': 403, '/networks': 500 });

    expect(reading.engine).toMatchObject({ ok: false, reason: expect.stringContaining('GET /info') });
    expect(reading.networks.ok).toBe(false);
    expect(reading.containers).toEqual({ ok: true, value: [] });
  });

  it('asks for the Swarm on a manager only', async () => {
    const swarm = {
      Spec: { EncryptionConfig: { AutoLockManagers: true }, CAConfig: { NodeCertExpiry: 7.776e15 } },
    };
    const manager = { Swarm: { LocalNodeState: 'active', ControlAvailable: true } };

    expect((await readFrom({ ...BASE, '/info': manager, '/swarm': swarm })).reading.swarm).toEqual({
      ok: true,
      value: { autoLock: true, nodeCertExpirySecs: 7_776_000 },
    });
    await engine?.remove();
    expect((await readFrom({ ...BASE, '/swarm': swarm })).reading.swarm).toEqual({
      ok: true,
      value: undefined,
    });
  });
});

describe('what the engine says, for the audit', () => {
  it('has the rights of a container in one spelling', () => {
    const HostConfig = {
      ...{ Privileged: true, CapAdd: ['CAP_NET_ADMIN', 'sys_time'], CapDrop: ['all'], PidMode: 'host' },
      ...{ Sysctls: { 'net.ipv4.ip_forward': '1' }, NetworkMode: 'default', Dns: ['198.51.100.53'] },
    };
    const Mounts = [
      { Type: 'bind', Source: '/a', Destination: '/b', RW: false },
      { Type: 'tmpfs', Destination: '/c' },
    ];

    expect(readContainerFacts(described(1, { HostConfig, Mounts }))).toMatchObject({
      ...{
        label: 'c1',
        isPrivileged: true,
        capAdd: ['NET_ADMIN', 'SYS_TIME'],
        capDrop: ['ALL'],
        pidMode: 'host',
      },
      ...{
        sysctls: { 'net.ipv4.ip_forward': '1' },
        networkMode: 'bridge',
        dns: ['198.51.100.53'],
        networks: [],
      },
      mounts: [{ type: 'bind', source: '/a', destination: '/b', isWritable: false }],
    });
  });

  it('has ports of both families, and the networks without those of the host', () => {
    const Ports = {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
      ],
      '81/tcp': null,
    };
    const Networks = {
      back: { NetworkID: 'n1', EndpointID: 'e1' },
      host: { NetworkID: 'n2', EndpointID: 'e2' },
    };
    const facts = readContainerFacts(described(1, { NetworkSettings: { Ports, Networks } }));

    expect(facts?.published?.map(({ hostIp }) => hostIp)).toEqual(['0.0.0.0', '::']);
    expect(facts?.networks).toEqual(['back']);
  });

  it('has what was asked to be published, apart from what came of it', () => {
    const PortBindings = {
      '80/tcp': [{ HostIp: '', HostPort: '8080' }],
      '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
      '81/tcp': [{ HostIp: '::', HostPort: '8000-8010' }],
      '82/tcp': null,
    };
    const facts = readContainerFacts(described(1, { HostConfig: { PortBindings } }));

    expect(facts?.asked).toEqual([
      { protocol: 'tcp', hostPort: 8080, containerPort: 80 },
      { hostIp: '127.0.0.1', protocol: 'udp', hostPort: 0, containerPort: 53 },
      { hostIp: '::', protocol: 'tcp', hostPort: 0, containerPort: 81 },
    ]);
    expect(readContainerFacts(described(1, {}))?.asked).toEqual([]);
  });

  it('is undefined for what does not run, or is no container at all', () => {
    expect(readContainerFacts(described(1, { State: { Running: false } }))).toBeUndefined();
    expect(readContainerFacts('?')).toBeUndefined();
    expect(readNetworkFacts({})).toBeUndefined();
    expect(readEngineFacts({}, {})).toBeUndefined();
  });

  it('is told loosely of engine and networks', () => {
    expect(
      readEngineFacts(
        { Version: '28.5.0', Components: [{ Name: 'Engine' }] },
        {
          SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
          FirewallBackend: { Driver: 'iptables+firewalld' },
          LiveRestoreEnabled: false,
        },
      ),
    ).toMatchObject({
      version: '28.5.0',
      firewallBackend: 'iptables+firewalld',
      liveRestore: false,
    });
    expect(readEngineFacts({}, { ServerVersion: '20.10.24' })).not.toHaveProperty('liveRestore');
    expect(
      readNetworkFacts({
        Id: id(1),
        Name: 'n',
        Driver: 'overlay',
        Attachable: true,
        IPAM: { Config: [{ Subnet: 'fd00::/64' }] },
      }),
    ).toMatchObject({ isAttachable: true, isIngress: false, hasIpv6: true, isDefaultBridge: false });
    expect(readSwarmFacts({})).toEqual({ autoLock: false });
  });
});
