/**
 * Ports behind which machines are administered or data is kept, and what a service there is recognised as. The port alone
 * says little: peer-to-peer programs use any, so what goes to the Internet counts only when its bytes fit.
 */

/** `login`: a person's way in. `control`: commands a cluster or a machine. `data`: a store or a broker. */
export type AdminKind = 'login' | 'control' | 'data';

export interface AdminPort {
  readonly name: string;
  readonly kind: AdminKind;
  /** As `service` of a flow has it; `tls` where it may be wrapped. None where nothing of ours recognises it. */
  readonly services: readonly string[];
}

const TLS = 'tls';

export const ADMIN_PORTS: ReadonlyMap<number, AdminPort> = new Map<number, AdminPort>([
  [22, { name: 'SSH', kind: 'login', services: ['ssh'] }],
  [23, { name: 'Telnet', kind: 'login', services: [] }],
  [135, { name: 'MS-RPC', kind: 'control', services: [] }],
  [445, { name: 'SMB', kind: 'login', services: ['smb'] }],
  [3389, { name: 'RDP', kind: 'login', services: [] }],
  [5900, { name: 'VNC', kind: 'login', services: [] }],
  [5985, { name: 'WinRM', kind: 'login', services: ['http'] }],
  [5986, { name: 'WinRM over TLS', kind: 'login', services: [TLS] }],
  [2377, { name: 'Swarm', kind: 'control', services: [TLS] }],
  [2379, { name: 'etcd', kind: 'control', services: ['http', 'http2', TLS] }],
  [2380, { name: 'etcd', kind: 'control', services: ['http', 'http2', TLS] }],
  [6443, { name: 'Kubernetes', kind: 'control', services: [TLS] }],
  [10250, { name: 'kubelet', kind: 'control', services: [TLS] }],
  [10255, { name: 'kubelet', kind: 'control', services: ['http'] }],
  [1433, { name: 'SQL Server', kind: 'data', services: [] }],
  [1521, { name: 'Oracle', kind: 'data', services: [] }],
  [3306, { name: 'MySQL', kind: 'data', services: ['mysql'] }],
  [5432, { name: 'PostgreSQL', kind: 'data', services: ['postgresql', TLS] }],
  [5672, { name: 'AMQP', kind: 'data', services: ['amqp'] }],
  [6379, { name: 'Redis', kind: 'data', services: ['redis', TLS] }],
  [9042, { name: 'Cassandra', kind: 'data', services: [TLS] }],
  [9200, { name: 'Elasticsearch', kind: 'data', services: ['http', TLS] }],
  [9300, { name: 'Elasticsearch', kind: 'data', services: [TLS] }],
  [11211, { name: 'memcached', kind: 'data', services: ['memcached', TLS] }],
  [27017, { name: 'MongoDB', kind: 'data', services: ['mongodb', TLS] }],
]);
