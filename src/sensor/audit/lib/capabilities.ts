/** What a container may do to networks, by the capabilities that it was given and those that it gave back. */
import type { Severity } from '../../../model/finding.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';

/** Those that command a network namespace: routes, addresses, firewall, taps. */
const COMMANDING: ReadonlySet<string> = new Set(['ALL', 'NET_ADMIN', 'SYS_ADMIN', 'SYS_MODULE', 'BPF']);
/** Of these, those that stay within the container's own namespace. */
const CONTAINED: ReadonlySet<string> = new Set(['NET_ADMIN', 'BPF']);
/** With these a process enters others that it sees. */
const ENTERING: ReadonlySet<string> = new Set(['ALL', 'SYS_ADMIN', 'SYS_PTRACE']);

type Rights = Pick<ContainerFacts, 'isPrivileged' | 'capAdd' | 'capDrop'>;

/** Of those that were added; a privileged container has all without being given any. */
export function commandingCapabilities({ capAdd }: Pick<Rights, 'capAdd'>): string[] {
  return capAdd.filter((name) => COMMANDING.has(name));
}

export function leadsToHost(capability: string): boolean {
  return COMMANDING.has(capability) && !CONTAINED.has(capability);
}

export function entersProcesses({ isPrivileged, capAdd }: Pick<Rights, 'isPrivileged' | 'capAdd'>): boolean {
  return isPrivileged || capAdd.some((name) => ENTERING.has(name));
}

/** NET_RAW, which Docker gives to every container that does not give it back. */
export function hasRawSockets({ isPrivileged, capAdd, capDrop }: Rights): boolean {
  if (isPrivileged || capAdd.includes('NET_RAW') || capAdd.includes('ALL')) return true;
  return !capDrop.includes('NET_RAW') && !capDrop.includes('ALL');
}

/** Turned on for it by name; the kernel gives a new namespace the host's own switch anyway. */
export function asksToForward({ sysctls }: Pick<ContainerFacts, 'sysctls'>): boolean {
  return Object.entries(sysctls).some(([name, value]) => /ip_forward|forwarding/.test(name) && value !== '0');
}

/** How bad it is that this container stands on both sides of a wall: whether it needs a program to be a bridge. */
export function crossingSeverity(container: Rights & Pick<ContainerFacts, 'sysctls'>): Severity {
  if (container.isPrivileged) return 'high';
  const routes = container.capAdd.some((name) => name === 'NET_ADMIN' || name === 'ALL');
  return routes || asksToForward(container) ? 'medium' : 'low';
}
