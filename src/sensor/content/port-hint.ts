/**
 * What usually listens on a port: names as `service` has them where we recognise the protocol, else as IANA's
 * registry or common use has them. A guess for readers, made when nothing was recognised; no decision may rest on it.
 */

const BOTH: Readonly<Record<number, string>> = {
  53: 'dns',
  88: 'kerberos',
  111: 'rpcbind',
  389: 'ldap',
  514: 'syslog',
  2049: 'nfs',
  5060: 'sip',
};

const TCP: Readonly<Record<number, string>> = {
  ...BOTH,
  21: 'ftp',
  22: 'ssh',
  23: 'telnet',
  25: 'smtp',
  80: 'http',
  110: 'pop3',
  143: 'imap',
  179: 'bgp',
  443: 'https',
  445: 'smb',
  465: 'smtps',
  587: 'smtp',
  636: 'ldaps',
  853: 'dns-over-tls',
  873: 'rsync',
  993: 'imaps',
  995: 'pop3s',
  1433: 'mssql',
  1521: 'oracle',
  1883: 'mqtt',
  2181: 'zookeeper',
  2375: 'docker',
  2376: 'docker-tls',
  2377: 'swarm',
  2379: 'etcd',
  2380: 'etcd',
  3128: 'http-proxy',
  3306: 'mysql',
  3389: 'rdp',
  4222: 'nats',
  5432: 'postgresql',
  5671: 'amqps',
  5672: 'amqp',
  5900: 'vnc',
  6379: 'redis',
  6443: 'kubernetes',
  8080: 'http',
  8086: 'influxdb',
  8443: 'https',
  8883: 'mqtts',
  9042: 'cassandra',
  9092: 'kafka',
  9090: 'prometheus',
  9200: 'elasticsearch',
  11211: 'memcached',
  27017: 'mongodb',
};

const UDP: Readonly<Record<number, string>> = {
  ...BOTH,
  67: 'dhcp',
  68: 'dhcp',
  69: 'tftp',
  123: 'ntp',
  137: 'netbios-ns',
  161: 'snmp',
  162: 'snmp',
  443: 'quic',
  500: 'ike',
  546: 'dhcpv6',
  547: 'dhcpv6',
  1194: 'openvpn',
  1900: 'ssdp',
  3478: 'stun',
  4500: 'ipsec-nat-t',
  4789: 'vxlan',
  5353: 'dns',
  5355: 'dns',
  8125: 'statsd',
  51820: 'wireguard',
};

/** `protocol` as a flow record has it; undefined for ports of nobody in particular. */
export function portHint(protocol: string, port: number | undefined): string | undefined {
  if (port === undefined) return undefined;
  if (protocol === 'tcp') return TCP[port];
  return protocol === 'udp' ? UDP[port] : undefined;
}
