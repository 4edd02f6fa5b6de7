/**
 * NET_RAW, which Docker gives to every container that does not give it back: with it a process sends any frame, ARP for
 * its neighbours' addresses among them.
 */
import type { ContainerFacts } from '../../docker/container-facts.ts';
import { defineCheck } from '../check.ts';
import { compose, containerObject, judgeContainers, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'net-raw',
  title: 'Containers with neighbours have no raw sockets',
  group: 'privileges',
  severity: 'low',
  argument:
    'Raw sockets are what ARP spoofing and forged sources need, so one container that falls can sit between the others of its network. Low, because it is the default everywhere, asks for root in the container, and is seen when it is used (arp-spoof, ip-spoof). Told once for all containers, since it is one line in each.',
  needs: ['containers'],
  cis: ['5.4'],
  run: ({ containers }) => {
    const withNeighbours = containers.filter(
      (container) => container.networkMode !== 'none' && hasNeighbour(container, containers),
    );
    const raw = withNeighbours.filter(hasRaw);
    const rest = judgeContainers(
      withNeighbours.filter((container) => !raw.includes(container)),
      { right: 'Have no raw sockets.', none: 'No container has a neighbour on its networks.' },
      () => undefined,
    );
    if (raw.length === 0) return rest;
    const labels = raw.map(({ label }) => label);
    return [
      {
        outcome: 'fail',
        objects: raw.map(containerObject),
        explanation: `${listed(labels)} can send any frame (NET_RAW): whoever gets into one as root can take its neighbours' addresses by ARP.`,
        evidence: {
          containers: raw.length,
          added: raw.filter(({ capAdd }) => capAdd.includes('NET_RAW')).map(({ label }) => label),
        },
        remedy: {
          what: 'Drop it in each; ping works without (net.ipv4.ping_group_range, engine 20.10 and later).',
          compose: compose('services', raw.find(isComposes)?.composeService ?? 'SERVICE', [
            'cap_drop: [NET_RAW]',
          ]),
        },
      },
      ...rest.filter(({ outcome }) => outcome === 'pass'),
    ];
  },
});

function isComposes({ composeService }: ContainerFacts): boolean {
  return composeService !== undefined;
}

function hasRaw({ isPrivileged, capAdd, capDrop }: ContainerFacts): boolean {
  if (isPrivileged) return true;
  if (capAdd.includes('NET_RAW') || capAdd.includes('ALL')) return true;
  return !capDrop.includes('NET_RAW') && !capDrop.includes('ALL');
}

function hasNeighbour(container: ContainerFacts, all: readonly ContainerFacts[]): boolean {
  return all.some(
    (other) => other !== container && other.networks.some((name) => container.networks.includes(name)),
  );
}
