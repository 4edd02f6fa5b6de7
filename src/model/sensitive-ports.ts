/**
 * Ports whose service hands over a machine or its data to whoever may talk to it, for detectors that weigh who reached
 * one, and for the audit, which asks whether one is open. A port is a hint: that a service answered there is what makes
 * it worth a word, and on the Internet, where peer-to-peer programs use any, only bytes that fit it do.
 */

/** `docker`: the engine's own interface. `engine`: commands a machine or a cluster. `login`: a person's way in. `data`: a store or a broker. `files`: shared files. */
export type SensitiveKind = 'docker' | 'engine' | 'login' | 'data' | 'files';

export interface SensitivePort {
  readonly name: string;
  readonly kind: SensitiveKind;
  /** As `service` of a flow has it; `tls` where it may be wrapped. None where nothing of ours recognises it. */
  readonly services: readonly string[];
  /** A kind that has none of itself, but here names and passwords are asked for, and a machine commanded. */
  readonly takesLogins?: true;
}

const TLS = 'tls';
const HTTP = ['http', 'http2'];

export const SENSITIVE_TCP_PORTS: ReadonlyMap<number, SensitivePort> = new Map<number, SensitivePort>([
  [2375, { name: 'Docker API', kind: 'docker', services: HTTP }],
  [2376, { name: 'Docker API over TLS', kind: 'docker', services: [TLS] }],
  [135, { name: 'MS-RPC', kind: 'engine', services: [] }],
  [2377, { name: 'Swarm', kind: 'engine', services: [TLS] }],
  [2379, { name: 'etcd', kind: 'engine', services: [...HTTP, TLS] }],
  [2380, { name: 'etcd', kind: 'engine', services: [...HTTP, TLS] }],
  [6443, { name: 'Kubernetes', kind: 'engine', services: [TLS] }],
  [10250, { name: 'kubelet', kind: 'engine', services: [TLS] }],
  [10255, { name: 'kubelet', kind: 'engine', services: ['http'] }],
  [22, { name: 'SSH', kind: 'login', services: ['ssh'] }],
  [23, { name: 'Telnet', kind: 'login', services: [] }],
  [3389, { name: 'RDP', kind: 'login', services: [] }],
  [5900, { name: 'VNC', kind: 'login', services: [] }],
  [5985, { name: 'WinRM', kind: 'login', services: ['http'] }],
  [5986, { name: 'WinRM over TLS', kind: 'login', services: [TLS] }],
  [1433, { name: 'SQL Server', kind: 'data', services: [] }],
  [1521, { name: 'Oracle', kind: 'data', services: [] }],
  [3306, { name: 'MySQL', kind: 'data', services: ['mysql'] }],
  [5432, { name: 'PostgreSQL', kind: 'data', services: ['postgresql', TLS] }],
  [5672, { name: 'AMQP', kind: 'data', services: ['amqp'] }],
  [5984, { name: 'CouchDB', kind: 'data', services: ['http', TLS] }],
  [6379, { name: 'Redis', kind: 'data', services: ['redis', TLS] }],
  [9042, { name: 'Cassandra', kind: 'data', services: [TLS] }],
  [9200, { name: 'Elasticsearch', kind: 'data', services: ['http', TLS] }],
  [9300, { name: 'Elasticsearch', kind: 'data', services: [TLS] }],
  [11211, { name: 'memcached', kind: 'data', services: ['memcached', TLS] }],
  [27017, { name: 'MongoDB', kind: 'data', services: ['mongodb', TLS] }],
  [111, { name: 'rpcbind', kind: 'files', services: [] }],
  [139, { name: 'SMB', kind: 'files', services: ['smb'] }],
  [445, { name: 'SMB', kind: 'files', services: ['smb'], takesLogins: true }],
  [873, { name: 'rsync', kind: 'files', services: [] }],
  [2049, { name: 'NFS', kind: 'files', services: [] }],
]);

/** Amplifiers and stores that answer a datagram without a session. */
const UDP: ReadonlyMap<number, SensitivePort> = new Map<number, SensitivePort>([
  [111, { name: 'rpcbind', kind: 'files', services: [] }],
  [2049, { name: 'NFS', kind: 'files', services: [] }],
  [11211, { name: 'memcached', kind: 'data', services: ['memcached'] }],
]);

export function sensitivePort(protocol: string, port: number | undefined): SensitivePort | undefined {
  if (port === undefined) return undefined;
  if (protocol === 'tcp') return SENSITIVE_TCP_PORTS.get(port);
  return protocol === 'udp' ? UDP.get(port) : undefined;
}
