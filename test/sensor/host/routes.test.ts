import { describe, expect, it } from 'vitest';
import { formatCidr } from '../../../src/model/ip.ts';
import { ipv4Routes, ipv6Routes, readRoutes } from '../../../src/sensor/host/routes.ts';

const V4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	016433C6	0003	0	0	0	00000000	0	0	0
eth0	006433C6	00000000	0001	0	0	0	80FFFFFF	0	0	0
br-1	00001EAC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth0	0100000A	00000000	0005	0	0	0	FFFFFFFF	0	0	0
*	00000A0A	00000000	0200	0	0	0	00FFFFFF	0	0	0
`;
const V6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000100000000000000000001 00000400 00000001 00000000 00000003     eth0
20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
20010db8000100000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const texts = (routes: ReturnType<typeof ipv4Routes>) =>
  routes.map(
    ({ interface: name, cidr, isDefault }) => `${formatCidr(cidr)} ${name}${isDefault ? ' default' : ''}`,
  );

describe('routes of the host', () => {
  it('are read with prefixes of every length, and without what is rejected', () => {
    expect(texts(ipv4Routes(V4))).toEqual([
      '0.0.0.0/0 eth0 default',
      '198.51.100.0/25 eth0',
      '172.30.0.0/16 br-1',
      '10.0.0.1/32 eth0',
    ]);
  });

  it('tell whom they lead through, and no one where the other end is on the link', () => {
    const gateways = (routes: ReturnType<typeof ipv4Routes>) => routes.map(({ gateway }) => gateway);

    expect(gateways(ipv4Routes(V4))).toEqual(['198.51.100.1', undefined, undefined, undefined]);
    expect(gateways(ipv6Routes(V6))).toEqual(['2001:db8:1::1', undefined]);
  });

  it('leave out of IPv6 what is on every link, local or rejected', () => {
    expect(texts(ipv6Routes(V6))).toEqual(['::/0 eth0 default', '2001:db8:1::/64 eth0']);
  });

  it('are undefined where the kernel does not show them, and no line that is not understood makes one', async () => {
    expect(await readRoutes('/nowhere')).toBeUndefined();
    expect(ipv4Routes('x\n\neth0 zz\neth0 00000000 00000000')).toEqual([]);
    expect(ipv6Routes('zz\n\n')).toEqual([]);
  });

  it('are those of this host where they are read for real', async () => {
    expect(await readRoutes()).toBeInstanceOf(Array);
  });
});
