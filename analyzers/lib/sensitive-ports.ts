/**
 * Ports whose service hands over a machine or its data to whoever may talk to it, for detectors that weigh who reached
 * one. A port is a hint; that a service answered there is what makes it worth a word.
 */

/** `docker`: the engine's own interface. `engine`: commands a machine or a cluster. `login`: a person's way in. `data`: a store. `files`: shared files. */
export type SensitiveKind = 'docker' | 'engine' | 'login' | 'data' | 'files';

export interface SensitivePort {
  readonly name: string;
  readonly kind: SensitiveKind;
}

const TCP: ReadonlyMap<number, SensitivePort> = new Map<number, SensitivePort>([
  [2375, { name: 'Docker API', kind: 'docker' }],
  [2376, { name: 'Docker API over TLS', kind: 'docker' }],
  [2377, { name: 'Swarm', kind: 'engine' }],
  [2379, { name: 'etcd', kind: 'engine' }],
  [2380, { name: 'etcd', kind: 'engine' }],
  [6443, { name: 'Kubernetes', kind: 'engine' }],
  [10250, { name: 'kubelet', kind: 'engine' }],
  [10255, { name: 'kubelet', kind: 'engine' }],
  [22, { name: 'SSH', kind: 'login' }],
  [23, { name: 'Telnet', kind: 'login' }],
  [3389, { name: 'RDP', kind: 'login' }],
  [5900, { name: 'VNC', kind: 'login' }],
  [5985, { name: 'WinRM', kind: 'login' }],
  [5986, { name: 'WinRM', kind: 'login' }],
  [1433, { name: 'SQL Server', kind: 'data' }],
  [1521, { name: 'Oracle', kind: 'data' }],
  [3306, { name: 'MySQL', kind: 'data' }],
  [5432, { name: 'PostgreSQL', kind: 'data' }],
  [5984, { name: 'CouchDB', kind: 'data' }],
  [6379, { name: 'Redis', kind: 'data' }],
  [9042, { name: 'Cassandra', kind: 'data' }],
  [9200, { name: 'Elasticsearch', kind: 'data' }],
  [11211, { name: 'memcached', kind: 'data' }],
  [27017, { name: 'MongoDB', kind: 'data' }],
  [111, { name: 'rpcbind', kind: 'files' }],
  [139, { name: 'SMB', kind: 'files' }],
  [445, { name: 'SMB', kind: 'files' }],
  [873, { name: 'rsync', kind: 'files' }],
  [2049, { name: 'NFS', kind: 'files' }],
]);

/** Amplifiers and stores that answer a datagram without a session. */
const UDP: ReadonlyMap<number, SensitivePort> = new Map<number, SensitivePort>([
  [111, { name: 'rpcbind', kind: 'files' }],
  [2049, { name: 'NFS', kind: 'files' }],
  [11211, { name: 'memcached', kind: 'data' }],
]);

export function sensitivePort(protocol: string, port: number | undefined): SensitivePort | undefined {
  if (port === undefined) return undefined;
  if (protocol === 'tcp') return TCP.get(port);
  return protocol === 'udp' ? UDP.get(port) : undefined;
}
