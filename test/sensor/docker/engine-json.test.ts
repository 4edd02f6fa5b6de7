import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bridgeName,
  readContainer,
  readEvent,
  readListedContainer,
  readNetwork,
} from '../../../src/sensor/docker/engine-json.ts';

const ID = '6e2ab6b817f986e1a5de224615a4758c1dd45d511f9e9d7417dd1ac5563a272f';

describe('bridgeName', () => {
  it.each([
    ['the option', { 'com.docker.network.bridge.name': 'br-x' }, 'br-x'],
    [
      'the option also for the default network',
      { 'com.docker.network.bridge.name': 'docker9', 'com.docker.network.bridge.default_bridge': 'true' },
      'docker9',
    ],
    ['docker0 for the default network', { 'com.docker.network.bridge.default_bridge': 'true' }, 'docker0'],
    ['12 digits of the id', { 'com.docker.network.bridge.default_bridge': 'false' }, 'br-6e2ab6b817f9'],
    [
      '12 digits of the id when the option is empty',
      { 'com.docker.network.bridge.name': '' },
      'br-6e2ab6b817f9',
    ],
  ])('is %s', (_name, options, expected) => {
    expect(bridgeName(ID, options)).toBe(expected);
  });
});

describe('reading what the engine says', () => {
  it('brings addresses, prefixes and MACs into one text', () => {
    const { network, endpoints } = readNetwork({
      Id: ID,
      Name: 'net',
      Driver: 'bridge',
      IPAM: {
        Config: [
          { Subnet: '172.30.5.9/24', Gateway: '172.30.5.1' },
          { Subnet: 'FD00:5:0::/64', Gateway: 'fd00:5::1/64' },
        ],
      },
      Containers: {
        [ID]: {
          Name: 'a',
          MacAddress: '02:42:AC:1E:05:03',
          IPv4Address: '172.30.5.3/24',
          IPv6Address: 'fd00:5:0::3/64',
        },
        'ep-1': { IPv4Address: '172.30.5.4/24' },
        'lb-net': { IPv4Address: '172.30.5.5/24' },
      },
    })!;

    expect(network).toMatchObject({
      subnets: ['172.30.5.0/24', 'fd00:5::/64'],
      gateways: ['172.30.5.1', 'fd00:5::1'],
    });
    expect(endpoints).toMatchObject([
      { containerId: ID, mac: '02:42:ac:1e:05:03', ips: ['172.30.5.3', 'fd00:5::3'] },
    ]);
  });

  it('gives a bridge only to the bridge driver', () => {
    expect(readNetwork({ Id: ID, Name: 'n', Driver: 'macvlan' })!.network).not.toHaveProperty('bridge');
  });

  it('takes the digest of the manifest, of the reference, or the id of the image, in that order', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const base = { Id: ID, Image: 'sha256:id' };

    expect(
      readContainer({
        ...base,
        ImageManifestDescriptor: { digest: 'sha256:m' },
        Config: { Image: `x@${digest}` },
      })!.imageDigest,
    ).toBe('sha256:m');
    expect(readContainer({ ...base, Config: { Image: `x@${digest}` } })!.imageDigest).toBe(digest);
    expect(readContainer({ ...base, Config: { Image: 'x:1' } })!.imageDigest).toBe('sha256:id');
  });

  it('reads times to the microsecond, and the zero time as never', () => {
    const started = (text: string) => readContainer({ Id: ID, State: { StartedAt: text } })!.startedAt;

    expect(started('2026-11-23T02:19:20.394940633Z')).toBe(
      Date.UTC(2026, 10, 23, 2, 19, 20) * 1000 + 394_940,
    );
    expect(started('2026-11-23T02:19:20Z')).toBe(Date.UTC(2026, 10, 23, 2, 19, 20) * 1000);
    expect(started('2026-11-23T03:19:20.5+01:00')).toBe(Date.UTC(2026, 10, 23, 2, 19, 20) * 1000 + 500_000);
    expect(started('0001-01-01T00:00:00Z')).toBeUndefined();
    expect(started('soon')).toBeUndefined();
  });

  it('reads --dns and where the resolv.conf lies, and nothing into what is no address', () => {
    const facts = readContainer({
      Id: ID,
      ResolvConfPath: '/var/lib/docker/containers/x/resolv.conf',
      HostConfig: { Dns: ['198.51.100.53', '2001:DB8::53', 'ns.example.com', 7] },
    })!;

    expect(facts).toMatchObject({
      dns: ['198.51.100.53', '2001:db8::53'],
      resolvConfPath: '/var/lib/docker/containers/x/resolv.conf',
    });
    expect(readContainer({ Id: ID, HostConfig: { Dns: null } })!.dns).toEqual([]);
    expect(readListedContainer({ Id: ID })).not.toHaveProperty('dns');
  });

  it('reads which ports the image or its container exposes, published or not', () => {
    const facts = readContainer({
      Id: ID,
      Config: { ExposedPorts: { '80/tcp': {}, '53/udp': {}, 9000: {} } },
    })!;

    expect([...facts.exposed!].sort()).toEqual(['53/udp', '80/tcp', '9000/tcp']);
    expect(readContainer({ Id: ID })!.exposed).toEqual([]);
    expect(readListedContainer({ Id: ID })).not.toHaveProperty('exposed');
  });

  it('names a container by itself, not by the links of others', () => {
    expect(readListedContainer({ Id: ID, Names: ['/web/db', '/db'] })!.name).toBe('db');
    expect(readListedContainer({ Id: ID })!.name).toBe(ID.slice(0, 12));
  });

  it('does not take a configured network for a connected one', () => {
    const listed = readListedContainer({
      Id: ID,
      NetworkSettings: { Networks: { net: { NetworkID: '', EndpointID: '' } } },
    })!;

    expect(listed.endpoints).toEqual([]);
  });

  it('follows networks and containers only', () => {
    const event = { Action: 'start', Actor: { ID }, timeNano: 1_795_400_331_698_797_800 };

    expect(readEvent({ ...event, Type: 'container' })).toMatchObject({ id: ID, time: 1_795_400_331_698_797 });
    expect(readEvent({ ...event, Type: 'image' })).toBeUndefined();
    expect(readEvent({ ...event, Type: 'container', timeNano: undefined, time: 5 })).toMatchObject({
      time: 5_000_000,
    });
    expect(readEvent({ ...event, Type: 'container', timeNano: undefined })).toBeUndefined();
  });

  it('never throws, whatever the engine says', () => {
    const keys = fc.constantFrom(
      'Id',
      'Name',
      'Names',
      'IPAM',
      'Config',
      'Containers',
      'NetworkSettings',
      'Networks',
      'State',
      'Labels',
      'Actor',
      'ID',
      'Type',
      'Action',
      'timeNano',
      ID,
    );
    const { any } = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom(null, '', 'x', 0, -1, true, 'network', ID, '1.2.3.4/99', Number.NaN),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(keys, tie('any'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(any, (json) => {
        readNetwork(json);
        readContainer(json);
        readListedContainer(json);
        readEvent(json);
      }),
      { numRuns: 2000 },
    );
  });
});
