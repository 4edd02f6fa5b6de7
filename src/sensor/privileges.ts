/** What this process may do, as the kernel says it (capabilities(7)); being root says little inside a container. */
import { readFileSync } from 'node:fs';
import { type CaptureBackend, liveCaptureProblem } from '../../capture/open.ts';

/** Bits of linux/capability.h that the sensor needs for all that it does. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 } as const;

export type Capability = keyof typeof CAPABILITIES;

export const NEEDED_CAPABILITIES = Object.keys(CAPABILITIES) as readonly Capability[];

export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError';
  readonly code = 'NO_CAPTURE_PRIVILEGE';
}

/** Of the needed ones; undefined when the kernel does not say. */
export function missingCapabilities(status = readStatus()): Capability[] | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined) return undefined;
  const mask = BigInt(`0x${effective}`);
  return NEEDED_CAPABILITIES.filter((name) => (mask & (1n << BigInt(CAPABILITIES[name]))) === 0n);
}

/**
 * Throws where no tap will ever open: without CAP_NET_RAW, without libpcap, without any backend. Waiting, as for an
 * engine, would be waiting for ever, and an agent that sees nothing must not look as if it watched.
 */
export async function requireCapture(backend: CaptureBackend): Promise<void> {
  requirePrivilege();
  const problem = await liveCaptureProblem(backend);
  if (problem !== undefined) throw problem;
}

export function requirePrivilege(missing = missingCapabilities()): void {
  if (missing === undefined || !missing.includes('CAP_NET_RAW')) return;
  throw new PrivilegeError(
    'this process may not capture packets (no CAP_NET_RAW); run as root, or the container with --privileged',
  );
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
