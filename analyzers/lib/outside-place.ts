/** An outside destination as detectors of habits tell them apart: by the name that the client used, else by address. */
import type { FlowRecord } from '../../src/model/flow.ts';
import { formatIp, isIpv4Words, parseIp } from '../../src/model/ip.ts';

/** What the client asked for in the protocol itself, else what it had resolved; both are its own word. */
export function outsideName({ serverName, resp }: FlowRecord): string | undefined {
  return (serverName ?? resp.names[0])?.toLowerCase();
}

/** `198.51.100.0/24`, `2001:db8:1::/48`: what one customer of a host has, as a rule. */
export function prefixText(ip: string): string {
  const words = parseIp(ip);
  if (words === undefined) return ip;
  const [w0, w1, w2, w3] = words;
  if (isIpv4Words(w0, w1, w2)) return `${formatIp(w0, w1, w2, (w3 & 0xffff_ff00) >>> 0)}/24`;
  return `${formatIp(w0, (w1 & 0xffff_0000) >>> 0, 0, 0)}/48`;
}

/**
 * Registries of images: pulls and update checks by the clock, pushes by the gigabyte. Whoever has an account there can
 * put data there too, so this makes a finding milder where volume is concerned, and only a beat's is not told at all.
 */
const REGISTRIES =
  'docker.io docker.com ghcr.io quay.io gcr.io pkg.dev lscr.io mcr.microsoft.com azurecr.io public.ecr.aws registry.k8s.io registry.gitlab.com registry.redhat.io nvcr.io codeberg.org';
const REGISTRY_NAMES = REGISTRIES.split(' ');
/** `<account>.dkr.ecr.<region>.amazonaws.com`. */
const ECR = /\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$/;

export function isRegistry(name: string): boolean {
  return ECR.test(name) || REGISTRY_NAMES.some((known) => name === known || name.endsWith(`.${known}`));
}
