/**
 * All recognisers, in the order in which they are preferred where both sides fit several. At most 30 a transport: a
 * flow's candidates are bits of one integer.
 */
import { amqp } from './amqp.ts';
import { bittorrent } from './bittorrent.ts';
import { dhcp } from './dhcp.ts';
import { dnsOverTcp, dnsOverUdp, netbiosNames } from './dns.ts';
import { ftp } from './ftp.ts';
import { http } from './http.ts';
import { http2 } from './http2.ts';
import { imap } from './imap.ts';
import { kafka } from './kafka.ts';
import { ldap } from './ldap.ts';
import { memcached } from './memcached.ts';
import { mongodb } from './mongodb.ts';
import { mqtt } from './mqtt.ts';
import { mysql } from './mysql.ts';
import { nats } from './nats.ts';
import { ntp } from './ntp.ts';
import { pop3 } from './pop3.ts';
import { postgresql } from './postgresql.ts';
import { quic } from './quic.ts';
import type { Recognizer } from './recognizer.ts';
import { redis } from './redis.ts';
import { smb } from './smb.ts';
import { smtp } from './smtp.ts';
import { snmp } from './snmp.ts';
import { ssdp } from './ssdp.ts';
import { ssh } from './ssh.ts';
import { stratum } from './stratum.ts';
import { stun } from './stun.ts';
import { syslog } from './syslog.ts';
import { tls } from './tls.ts';
import { wireguard } from './wireguard.ts';

export const TCP_RECOGNIZERS: readonly Recognizer[] = [
  tls,
  http,
  http2,
  ssh,
  postgresql,
  mysql,
  redis,
  mongodb,
  amqp,
  nats,
  mqtt,
  dnsOverTcp,
  smtp,
  ftp,
  pop3,
  imap,
  ldap,
  bittorrent,
  smb,
  syslog,
  memcached,
  kafka,
  stratum,
];

export const UDP_RECOGNIZERS: readonly Recognizer[] = [
  dnsOverUdp,
  netbiosNames,
  quic,
  ntp,
  dhcp,
  snmp,
  ldap,
  stun,
  ssdp,
  syslog,
  wireguard,
];
