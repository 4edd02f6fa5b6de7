/**
 * Options that the drivers of networks know (moby libnetwork/netlabel, drivers/bridge/labels.go, drivers/overlay,
 * macvlan, ipvlan). A driver takes any other option without a word and does nothing with it.
 */
import { nearest } from '../../../model/nearest.ts';

const COMMON = [
  'com.docker.network.driver.mtu',
  'com.docker.network.container_iface_prefix',
  'com.docker.network.host_ipv4',
  'com.docker.network.host_ipv6',
  'com.docker.network.enable_ipv4',
  'com.docker.network.enable_ipv6',
] as const;

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  bridge: [
    ...COMMON,
    'com.docker.network.bridge.name',
    'com.docker.network.bridge.default_bridge',
    'com.docker.network.bridge.enable_icc',
    'com.docker.network.bridge.enable_ip_masquerade',
    'com.docker.network.bridge.host_binding_ipv4',
    'com.docker.network.bridge.inhibit_ipv4',
    'com.docker.network.bridge.gateway_mode_ipv4',
    'com.docker.network.bridge.gateway_mode_ipv6',
    'com.docker.network.bridge.trusted_host_interfaces',
  ],
  overlay: [...COMMON, 'com.docker.network.driver.overlay.vxlanid_list', 'encrypted'],
  macvlan: [...COMMON, 'parent', 'macvlan_mode', 'internal', 'host_iface'],
  ipvlan: [...COMMON, 'parent', 'ipvlan_mode', 'ipvlan_flag', 'internal', 'host_iface'],
};

/** The option that was meant; undefined for one that is known, and for one that is like none. */
export function meantOption(driver: string, option: string): string | undefined {
  const options = KNOWN[driver];
  if (options === undefined || options.includes(option)) return undefined;
  // What they begin with is longer than what tells them apart, and would make any two of them near.
  const meant = nearest(
    short(option),
    options.map((known) => short(known)),
  );
  return meant === undefined ? undefined : options.find((known) => short(known) === meant);
}

function short(option: string): string {
  return option.replace(/^com\.docker\.network\.(?:bridge\.|driver\.overlay\.|driver\.)?/, '');
}
