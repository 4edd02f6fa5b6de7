/**
 * Where a node of a Swarm listens for the others. The API tells the address that it names to them (NodeAddr), not the one
 * that it binds, so the sockets of the engine's process decide.
 */
import type { HostListener } from '../../host/host-network.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { hostText, isOnAnyAddress } from '../lib/published-ports.ts';
import { ENGINE, listed } from '../lib/verdicts.ts';

/** Management (managers only), and gossip of networks on TCP and UDP. VXLAN's 4789 is the kernel's, and always on all. */
const PORTS: ReadonlyMap<number, string> = new Map([
  [2377, 'management'],
  [7946, 'gossip'],
]);

export default defineCheck({
  id: 'swarm-listen-address',
  title: 'A Swarm listens on one address of its node',
  group: 'drivers',
  severity: 'low',
  argument:
    "Management asks for a certificate of the Swarm and gossip has a key, so being reached is not being entered: low. But the ports are for the other nodes, and on every address they are also for the Internet, for containers at their gateways, and for the next hole in the engine's own TLS.",
  needs: ['engine'],
  // Most engines are in no Swarm, and then it is no matter that nobody can see who listens.
  wants: ['listeners'],
  cis: ['7.2'],
  run: ({ engine }, { listeners }) => {
    if (engine.swarm.state === 'inactive') {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'The engine is in no Swarm.' }];
    }
    if (!listeners.ok) {
      return [
        {
          outcome: 'unknown',
          objects: [ENGINE],
          explanation: `The engine is in a Swarm, and who listens on the host is not known: ${listeners.reason}.`,
          remedy: { what: listeners.remedy },
        },
      ];
    }
    // Whose a socket is, only root sees: then the port is what tells.
    const swarms = listeners.value.filter(({ port, isEngines }) => PORTS.has(port) && isEngines !== false);
    if (swarms.length === 0) return [unseen(engine.swarm.state)];
    const sockets = swarms.map(socketText);
    const open = swarms.filter(({ ip }) => isOnAnyAddress({ hostIp: ip }));
    if (open.length === 0) {
      return [
        {
          outcome: 'pass',
          objects: [ENGINE],
          explanation: `The Swarm listens on ${listed(swarms.map(({ ip }) => ip))} only.`,
          evidence: { sockets },
        },
      ];
    }
    const services = [...new Set(open.map(({ port }) => `${PORTS.get(port)} (${port})`))];
    return [
      {
        outcome: 'fail',
        objects: [ENGINE],
        explanation: `The Swarm listens on every address of this node, for ${listed(services)}.`,
        evidence: { sockets },
        remedy: {
          what: 'Name the address that the other nodes use, when the node enters the Swarm: it cannot be changed later. Until then let the firewall keep all others from these ports (chain INPUT).',
          commands: [
            'docker swarm leave',
            'docker swarm join --listen-addr ADDRESS --advertise-addr ADDRESS --token TOKEN MANAGER:2377',
          ],
        },
      },
    ];
  },
});

function unseen(state: string): Verdict {
  return {
    outcome: 'unknown',
    objects: [ENGINE],
    explanation: `The engine is in a Swarm (state ${state}), and no socket of it was seen on the ports that Swarm has unless told otherwise (${listed([...PORTS.keys()].map(String))}).`,
    remedy: { what: 'Look which ports it was told: `ss -tulpn | grep dockerd`.' },
  };
}

function socketText({ protocol, ip, port }: HostListener): string {
  return `${hostText(ip)}:${port}/${protocol}`;
}
