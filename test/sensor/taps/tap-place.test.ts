import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Network } from '../../../src/model/network.ts';
import { tapPlace } from '../../../src/sensor/taps/tap-place.ts';
import { network } from '../../support/records.ts';

const ID = 'c2f50cab6d79276ca838a655e0f2426aecf8ab4cd470162e4b13b9dc81edc1ae';
const MAC = '02:00:00:00:00:01';
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bw-place-'));
  mkdirSync(join(dir, 'net/eth0.50'), { recursive: true });
  mkdirSync(join(dir, 'net/dm-c2f50cab6d79'));
  mkdirSync(join(dir, 'netns'));
  writeFileSync(join(dir, 'net/eth0.50/address'), `${MAC}\n`);
  writeFileSync(join(dir, 'net/dm-c2f50cab6d79/address'), `${MAC}\n`);
  writeFileSync(join(dir, 'netns/3-c2f50cab6d'), '');
});
afterAll(() => rmSync(dir, { recursive: true }));

const place = (fields: Partial<Network>, netns: readonly string[] = ['netns']) => {
  const { bridge: _, ...rest } = network({ name: 'lan', id: ID, ...fields });
  return tapPlace(rest, { sysClassNet: join(dir, 'net'), dockerNetns: netns.map((name) => join(dir, name)) });
};

describe('a macvlan network', () => {
  it("is seen at its parent, without the parent's own frames", () => {
    expect(place({ driver: 'macvlan', options: { parent: 'eth0.50' } })).toEqual({
      place: { interface: 'eth0.50', filter: `not ether host ${MAC}` },
    });
  });

  it('without a parent is seen at the dummy that the driver made', () => {
    expect(place({ driver: 'macvlan', internal: true })).toMatchObject({
      place: { interface: 'dm-c2f50cab6d79' },
    });
  });

  it("in passthru mode has the parent's MAC, which is then not left out", () => {
    const options = { parent: 'eth0.50', macvlan_mode: 'passthru' };

    expect(place({ driver: 'macvlan', options })).toEqual({ place: { interface: 'eth0.50' } });
  });

  it("says so where the parent's MAC cannot be read", () => {
    expect(place({ driver: 'macvlan', options: { parent: 'wlan9' } })).toEqual({
      place: { interface: 'wlan9', remark: expect.stringContaining('the MAC of wlan9 could not be read') },
    });
  });
});

describe('an overlay network', () => {
  it('is seen inside its own namespace', () => {
    expect(place({ driver: 'overlay' })).toEqual({
      place: { interface: 'br0', netns: join(dir, 'netns/3-c2f50cab6d') },
    });
  });

  it('without a container here has no namespace yet', () => {
    expect(place({ driver: 'overlay', id: 'f'.repeat(64) })).toMatchObject({
      reason: 'no container of this host is on this overlay network',
      isTemporary: true,
    });
  });

  it('is seen through the first process of the host where the directory is not our own', () => {
    expect(place({ driver: 'overlay' }, ['elsewhere', 'netns'])).toEqual({
      place: { interface: 'br0', netns: join(dir, 'netns/3-c2f50cab6d') },
    });
  });

  it('says what to do where the namespaces are out of sight', () => {
    expect(place({ driver: 'overlay' }, ['elsewhere', 'nowhere'])).toMatchObject({
      reason: expect.stringContaining('pid: host'),
      isOutOfSight: true,
    });
  });
});

it('a bridge network is seen at its bridge, whatever its driver is called', () => {
  expect(tapPlace(network({ name: 'x', bridge: 'br-x' }))).toEqual({ place: { interface: 'br-x' } });
});
