import { dhcpMessage } from '../../support/dhcp-builder.ts';
import { prefixOption, resolversOption, routerAdvertisement } from '../../support/ndp-builder.ts';
import { API, capture, GATEWAY, inTurn, PROXY, udpBetween } from '../world.ts';

const BROADCAST = { ip: '255.255.255.255', mac: 'ff:ff:ff:ff:ff:ff' };

export function make(): Uint8Array {
  const options = [prefixOption('2001:db8:66::', 64), resolversOption('2001:db8:66::53')];
  const advertisement = routerAdvertisement({ mac: API.mac, ip: 'fe80::3', options });
  const offer = dhcpMessage({ type: 2, given: '172.31.0.9', mask: '255.255.255.0', routers: ['172.31.0.1'] });
  return capture([
    [0, advertisement],
    [10, advertisement],
    ...inTurn(11, [udpBetween(PROXY, BROADCAST, [67, 68], offer)]),
    // The host's own would be its right.
    ...inTurn(12, [
      udpBetween(GATEWAY, BROADCAST, [67, 68], dhcpMessage({ type: 2, routers: [GATEWAY.ip] })),
    ]),
  ]);
}
