/** All ways out that are looked for, in the order in which a person wants to read them: what every network should have shut first. */
import type { WayDefinition } from './way.ts';
import commandingMember from './ways/commanding-member.ts';
import dualHomedMember from './ways/dual-homed-member.ts';
import embeddedResolver from './ways/embedded-resolver.ts';
import engineSocket from './ways/engine-socket.ts';
import firewallRules from './ways/firewall-rules.ts';
import gatewayMode from './ways/gateway-mode.ts';
import hostProcesses from './ways/host-processes.ts';
import hostService from './ways/host-service.ts';
import lanParent from './ways/lan-parent.ts';
import memberRoute from './ways/member-route.ts';
import nextInternalNetwork from './ways/next-internal-network.ts';
import otherNodes from './ways/other-nodes.ts';
import publishedPort from './ways/published-port.ts';
import rawSockets from './ways/raw-sockets.ts';
import unexplainedEgress from './ways/unexplained-egress.ts';

export const ways: readonly WayDefinition[] = [
  firewallRules,
  memberRoute,
  lanParent,
  gatewayMode,
  dualHomedMember,
  nextInternalNetwork,
  publishedPort,
  hostService,
  embeddedResolver,
  commandingMember,
  rawSockets,
  engineSocket,
  hostProcesses,
  otherNodes,
  // Behind all others: it asks whether they explain what was seen.
  unexplainedEgress,
];
