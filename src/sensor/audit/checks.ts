/** All checks, in the order in which a person wants to read them: what opens the host first. */
import type { CheckDefinition } from './check.ts';
import addressOverlap from './checks/address-overlap.ts';
import attachableOverlay from './checks/attachable-overlay.ts';
import baselineDrift from './checks/baseline-drift.ts';
import bridgeNfCall from './checks/bridge-nf-call.ts';
import composeDrift from './checks/compose-drift.ts';
import containerResolvers from './checks/container-resolvers.ts';
import dataTierNotInternal from './checks/data-tier-not-internal.ts';
import defaultBridge from './checks/default-bridge.ts';
import defaultBridgeIcc from './checks/default-bridge-icc.ts';
import dockerUserRules from './checks/docker-user-rules.ts';
import engineCves from './checks/engine-cves.ts';
import engineFirewall from './checks/engine-firewall.ts';
import engineSocketMounted from './checks/engine-socket-mounted.ts';
import engineTcp from './checks/engine-tcp.ts';
import firewallBypassed from './checks/firewall-bypassed.ts';
import firewallDirectRouting from './checks/firewall-direct-routing.ts';
import firewallForward from './checks/firewall-forward.ts';
import firewallInternal from './checks/firewall-internal.ts';
import firewallIpv6 from './checks/firewall-ipv6.ts';
import firewallIsolation from './checks/firewall-isolation.ts';
import firewallLoopbackPorts from './checks/firewall-loopback-ports.ts';
import flatNetwork from './checks/flat-network.ts';
import gatewayMode from './checks/gateway-mode.ts';
import hostNetwork from './checks/host-network.ts';
import hostPid from './checks/host-pid.ts';
import internalAndExternal from './checks/internal-and-external.ts';
import internalWaysOut from './checks/internal-ways-out.ts';
import lanDriver from './checks/lan-driver.ts';
import liveRestore from './checks/live-restore.ts';
import netAdmin from './checks/net-admin.ts';
import netRaw from './checks/net-raw.ts';
import networkOptions from './checks/network-options.ts';
import networkSysctls from './checks/network-sysctls.ts';
import overlayEncryption from './checks/overlay-encryption.ts';
import privileged from './checks/privileged.ts';
import publishedAddressBypass from './checks/published-address-bypass.ts';
import publishedAnyAddress from './checks/published-any-address.ts';
import publishedPrivilegedPort from './checks/published-privileged-port.ts';
import publishedReached from './checks/published-reached.ts';
import publishedSensitivePort from './checks/published-sensitive-port.ts';
import publishedUnused from './checks/published-unused.ts';
import resolverOnLoopback from './checks/resolver-on-loopback.ts';
import sharedNetworkNamespace from './checks/shared-network-namespace.ts';
import swarmAutolock from './checks/swarm-autolock.ts';
import swarmListenAddress from './checks/swarm-listen-address.ts';
import unusedMembership from './checks/unused-membership.ts';
import userlandProxy from './checks/userland-proxy.ts';

export const checks: readonly CheckDefinition[] = [
  engineTcp,
  engineSocketMounted,
  publishedSensitivePort,
  publishedAnyAddress,
  publishedAddressBypass,
  firewallBypassed,
  firewallDirectRouting,
  firewallLoopbackPorts,
  firewallIpv6,
  publishedUnused,
  publishedReached,
  publishedPrivilegedPort,
  privileged,
  netAdmin,
  netRaw,
  hostPid,
  hostNetwork,
  sharedNetworkNamespace,
  networkSysctls,
  defaultBridge,
  defaultBridgeIcc,
  flatNetwork,
  internalAndExternal,
  internalWaysOut,
  dataTierNotInternal,
  firewallIsolation,
  firewallInternal,
  unusedMembership,
  networkOptions,
  overlayEncryption,
  lanDriver,
  gatewayMode,
  attachableOverlay,
  swarmListenAddress,
  swarmAutolock,
  engineCves,
  engineFirewall,
  firewallForward,
  dockerUserRules,
  bridgeNfCall,
  addressOverlap,
  userlandProxy,
  liveRestore,
  containerResolvers,
  resolverOnLoopback,
  composeDrift,
  baselineDrift,
];
