/** Published ports as a person writes them, and to whom an address of the host answers. */
import type { Severity } from '../../../model/finding.ts';
import { type SensitiveKind, type SensitivePort, sensitivePort } from '../../../model/sensitive-ports.ts';
import type { PublishedPort } from '../../docker/engine-json.ts';
import { isLoopback } from '../../host/resolv-conf.ts';

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export function isOnAnyAddress({ hostIp }: Pick<PublishedPort, 'hostIp'>): boolean {
  return ANY.has(hostIp);
}

export function isOnLoopback({ hostIp }: Pick<PublishedPort, 'hostIp'>): boolean {
  return isLoopback(hostIp);
}

/** `0.0.0.0:8080->80/tcp`, `[::]:8080->80/tcp`, as `docker ps` prints them; `*` for a port that the engine is to choose. */
export function portText({ hostIp, hostPort, containerPort, protocol }: PublishedPort): string {
  return `${hostText(hostIp)}:${hostPort === 0 ? '*' : hostPort}->${containerPort}/${protocol}`;
}

export function hostText(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

/** Lines of `ports:` that bind each of them to loopback; each once, whatever families it has. */
export function loopbackPorts(ports: readonly PublishedPort[]): string[] {
  const lines = ports.map(
    ({ hostPort, containerPort, protocol }) =>
      `  - "127.0.0.1:${hostPort === 0 ? '' : hostPort}:${containerPort}${protocol === 'tcp' ? '' : `/${protocol}`}"`,
  );
  return ['ports:', ...new Set(lines)];
}

/** What listens there as a rule, by the port in the container or on the host; undefined for ports that give away little. */
export function sensitiveService({
  protocol,
  containerPort,
  hostPort,
}: PublishedPort): SensitivePort | undefined {
  return sensitivePort(protocol, containerPort) ?? sensitivePort(protocol, hostPort);
}

const ON_ANY: Readonly<Record<SensitiveKind, Severity>> = {
  docker: 'critical',
  engine: 'high',
  data: 'high',
  login: 'medium',
  files: 'high',
};
const ORDER: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

/** On one address a step less than on all, since somebody chose it. */
export function sensitiveSeverity(kind: SensitiveKind, port: Pick<PublishedPort, 'hostIp'>): Severity {
  const onAny = ON_ANY[kind];
  return isOnAnyAddress(port) ? onAny : ORDER[Math.min(ORDER.indexOf(onAny) + 1, ORDER.length - 1)]!;
}

/** Lines of `ports:` that publish them as they are; a comment where none is left. */
export function portLines(ports: readonly PublishedPort[]): string[] {
  if (ports.length === 0) return ['# no `ports:`'];
  return ['ports:', ...new Set(ports.map((port) => `  - "${publishText(port)}"`))];
}

/** As `-p` and Compose take it. */
export function publishText({ hostIp, hostPort, containerPort, protocol }: PublishedPort): string {
  const where = isOnAnyAddress({ hostIp }) ? '' : `${hostText(hostIp)}:`;
  return `${where}${hostPort}:${containerPort}${protocol === 'tcp' ? '' : `/${protocol}`}`;
}
