/**
 * Conversations written down from the specifications, for protocols whose programs were not at hand, and for forms
 * that the recorded ones did not use. Addresses and names in them are nobody's.
 */
import {
  bytes,
  concat,
  dnsOverTcp,
  dnsQuery,
  dnsResponse,
  hex,
  u16,
  u32,
} from '../../support/packet-builder.ts';
import { type Saying, type Transport, text } from './conversation.ts';
import { quicInitial } from './quic-packet.ts';

export interface Conversation {
  /** The program, or the specification. */
  readonly name: string;
  readonly transport: Transport;
  readonly service: string;
  readonly serverName?: string | undefined;
  readonly serverNameFrom?: string | undefined;
  readonly says: readonly Saying[];
}

const c = (payload: Uint8Array | string): Saying => [
  'client',
  typeof payload === 'string' ? text(payload) : payload,
];
const s = (payload: Uint8Array | string): Saying => [
  'server',
  typeof payload === 'string' ? text(payload) : payload,
];
const zeros = (length: number) => new Uint8Array(length);
const little = (value: number) => u32(value).reverse();

/** MongoDB: length, request id, response to, opcode. */
function mongo(requestId: number, responseTo: number, opcode: number, body: Uint8Array): Uint8Array {
  return concat(little(16 + body.length), little(requestId), little(responseTo), little(opcode), body);
}

/** { ping: 1 } in BSON, as section kind 0 of an OP_MSG. */
const OP_MSG_BODY = concat(little(0), bytes(0), hex('0f 00 00 00 10 70 69 6e 67 00 01 00 00 00 00'));
/** isMaster to admin.$cmd: flags, name, skip, return, document. */
const OP_QUERY_BODY = concat(
  little(0),
  text('admin.$cmd\0'),
  little(0),
  little(0xffffffff),
  hex('13 00 00 00 10 69 73 4d 61 73 74 65 72 00 01 00 00 00 00'),
);

/** ApiVersions v3 of correlation id 7, client "shop". */
const KAFKA_REQUEST_BODY = concat(
  u16(18),
  u16(3),
  u32(7),
  u16(4),
  text('shop'),
  hex('00 05 73 68 6f 70 06 31 2e 30 2e 30 00'),
);
const KAFKA_REQUEST = concat(u32(KAFKA_REQUEST_BODY.length), KAFKA_REQUEST_BODY);
export const kafkaResponse = (correlationId: number) =>
  concat(u32(18), u32(correlationId), hex('00 00 02 00 12 00 00 00 03 00 00 00 00 00'));

const NTP_TRANSMIT = hex('e8 f1 12 34 9a bc de f0');
const NTP_QUESTION = concat(hex('23 00 06 ec'), zeros(36), NTP_TRANSMIT);
export const ntpAnswer = (origin: Uint8Array) =>
  concat(hex('24 02 06 e9'), zeros(20), origin, zeros(8), hex('e8 f1 12 34 9a bd 00 00'));

function dhcp(op: number): Uint8Array {
  return concat(bytes(op, 1, 6, 0), hex('12345678'), zeros(228), hex('63825363 350101 ff'));
}

/** RFC 1002: the wildcard name, as half-bytes. */
const NBSTAT = concat(
  hex('9a1b 0010 0001 0000 0000 0000 20'),
  text(`CK${'A'.repeat(30)}`),
  hex('00 0021 0001'),
);
const NBSTAT_ANSWER = concat(
  hex('9a1b 8400 0000 0001 0000 0000 20'),
  text(`CK${'A'.repeat(30)}`),
  hex('00 0021 0001 00000000 0002 0000'),
);

/** get sysUpTime.0, community public. */
const SNMP_GET = hex(
  '30 26 02 01 01 04 06 7075626c6963 a0 19 02 01 01 02 01 00 02 01 00 30 0e 30 0c 06 08 2b06010201010300 05 00',
);
const SNMP_RESPONSE = hex(
  '30 27 02 01 01 04 06 7075626c6963 a2 1a 02 01 01 02 01 00 02 01 00 30 0f 30 0d 06 08 2b06010201010300 43 01 2a',
);

const smb2Header = concat(hex('fe534d42 4000 0000 00000000 0000 0100'), zeros(48));
const SMB = concat(u32(smb2Header.length + 36), smb2Header, zeros(36));

export const WRITTEN: readonly Conversation[] = [
  tcp(
    'RFC 9112: a request, and what it asks for',
    'http',
    [
      c('GET /index.html HTTP/1.1\r\nUser-Agent: x\r\nHost: Web.Shop.test:8080\r\n\r\n'),
      s('HTTP/1.1 200 OK\r\n'),
    ],
    'web.shop.test',
    'http-host',
  ),
  tcp('RFC 9112: the oldest request line that is one', 'http', [
    c('HEAD / HTTP/1.0\r\n\r\n'),
    s('HTTP/1.0 404 Not Found\r\n'),
  ]),
  tcp('RFC 9113: prior knowledge', 'http2', [
    c(concat(text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), hex('000000 04 00 00000000'))),
    s(hex('000006 04 00 00000000 0003 00000064')),
  ]),
  tcp('RFC 7766', 'dns', [
    c(dnsOverTcp(dnsQuery({ name: 'web.shop.test' }))),
    s(dnsOverTcp(dnsResponse({ name: 'web.shop.test' }))),
  ]),
  tcp('MongoDB: OP_MSG', 'mongodb', [c(mongo(1, 0, 2013, OP_MSG_BODY)), s(mongo(9, 1, 2013, OP_MSG_BODY))]),
  tcp('MongoDB: OP_QUERY, OP_REPLY', 'mongodb', [
    c(mongo(1, 0, 2004, OP_QUERY_BODY)),
    s(mongo(9, 1, 1, zeros(40))),
  ]),
  tcp('AMQP 0-9-1', 'amqp', [
    c(concat(text('AMQP'), bytes(0, 0, 9, 1))),
    s(concat(bytes(1), u16(0), u32(20), u16(10), u16(10), bytes(0, 9), zeros(14), bytes(0xce))),
  ]),
  tcp('AMQP 1.0 with SASL', 'amqp', [
    c(concat(text('AMQP'), bytes(3, 1, 0, 0))),
    s(concat(text('AMQP'), bytes(3, 1, 0, 0))),
  ]),
  tcp('Kafka: ApiVersions', 'kafka', [c(KAFKA_REQUEST), s(kafkaResponse(7))]),
  tcp('Stratum of Bitcoin', 'stratum', [
    c('{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}\n'),
    s(
      '{"id":1,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"08000002",4],"error":null}\n',
    ),
  ]),
  tcp('Stratum: a pool that answers first and tells later', 'stratum', [
    c('{"id": 1, "method": "mining.authorize", "params": ["worker.1", "x"]}\n'),
    s('{"id":1,"result":true,"error":null}\n'),
  ]),
  tcp('Stratum of Monero', 'stratum', [
    c(
      '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4AB","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64)","algo":["rx/0","cn/r"]}}\n',
    ),
    s(
      '{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"b1","job":{"blob":"1010","job_id":"7","target":"b88d0600"},"status":"OK"}}\n',
    ),
  ]),
  tcp('Stratum: a pool that speaks before the login', 'stratum', [
    s('{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"x","job":{"job_id":"1"}}}\n'),
    c(
      '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4AB","pass":"x","agent":"XMRig/6.21.0"}}\n',
    ),
  ]),
  tcp('Stratum: a pool with a word for people before the login', 'stratum', [
    s('{"id":null,"method":"client.show_message","params":["welcome"]}\n'),
    c('{"id":1,"method":"mining.subscribe","params":[]}\n'),
  ]),
  tcp('Stratum of Ethereum', 'stratum', [
    c('{"worker":"eth1","jsonrpc":"2.0","id":1,"method":"eth_submitLogin","params":["0x00","x"]}\n'),
    s('{"id":1,"jsonrpc":"2.0","result":true}\n'),
  ]),
  tcp(
    'HTTP that carries the same words',
    'http',
    [
      c('POST / HTTP/1.1\r\nHost: node.shop.test\r\n\r\n{"id":1,"jsonrpc":"2.0","method":"eth_getWork"}'),
      s('HTTP/1.1 200 OK\r\n\r\n{"id":1,"jsonrpc":"2.0","result":["0x00"]}'),
    ],
    'node.shop.test',
    'http-host',
  ),
  tcp('RESP: an inline command', 'redis', [c('PING\r\n'), s('+PONG\r\n')]),
  tcp('RESP 3', 'redis', [
    c('*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n'),
    s('%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n'),
  ]),
  tcp('RFC 5321', 'smtp', [s('220 mail.shop.test ESMTP Postfix\r\n'), c('EHLO api.shop.test\r\n')]),
  tcp('RFC 5321: a greeting that does not say so', 'smtp', [
    s('220 mail.shop.test ready\r\n'),
    c('EHLO api.shop.test\r\n'),
  ]),
  tcp('RFC 959', 'ftp', [s('220 files.shop.test ready\r\n'), c('USER anonymous\r\n')]),
  tcp('RFC 1939', 'pop3', [s('+OK ready <1896.697170952@mail.shop.test>\r\n'), c('CAPA\r\n')]),
  tcp('RFC 9051', 'imap', [s('* OK ready\r\n'), c('a001 LOGIN bob secret\r\n')]),
  tcp('vsftpd', 'ftp', [s('220 (vsFTPd 3.0.3)\r\n'), c('USER anonymous\r\n')]),
  tcp('Dovecot', 'pop3', [s('+OK Dovecot POP3 ready.\r\n'), c('AUTH PLAIN\r\n')]),
  tcp('Dovecot', 'imap', [s('* OK [CAPABILITY IMAP4rev1 IDLE] Dovecot ready.\r\n'), c('a CAPABILITY\r\n')]),
  tcp('RFC 4511: a search without a bind', 'ldap', [
    c(
      hex(
        '30 25 02 01 01 63 20 04 00 0a 01 00 0a 01 00 02 01 00 02 01 00 01 01 00 87 0b 6f626a656374436c617373 30 00',
      ),
    ),
    s(hex('30 0c 02 01 01 65 07 0a 01 00 04 00 04 00')),
  ]),
  tcp('BEP 3', 'bittorrent', [
    c(concat(text('\x13BitTorrent protocol'), zeros(48))),
    s(concat(text('\x13BitTorrent protocol'), zeros(48))),
  ]),
  tcp('[MS-SMB2]', 'smb', [c(SMB), s(SMB)]),
  tcp('RFC 6587, RFC 5424', 'syslog', [c('<34>1 2026-10-11T22:14:15.003Z shop api - ID47 - hello\n')]),
  udp('RFC 1035', 'dns', [
    c(dnsQuery({ name: 'web.shop.test' })),
    s(concat(dnsResponse({ name: 'web.shop.test' }))),
  ]),
  udp('RFC 6762: an announcement', 'dns', [
    c(
      concat(
        hex('0000 8400 0000 0001 0000 0000'),
        text('\x03web\x05local\0'),
        hex('0001 8001 00000078 0004 c6336407'),
      ),
    ),
  ]),
  udp('RFC 1002', 'netbios-ns', [c(NBSTAT), s(NBSTAT_ANSWER)]),
  udp('RFC 5905', 'ntp', [c(NTP_QUESTION), s(ntpAnswer(NTP_TRANSMIT))]),
  udp('RFC 2131', 'dhcp', [c(dhcp(1)), s(dhcp(2))]),
  udp('RFC 1901', 'snmp', [c(SNMP_GET), s(SNMP_RESPONSE)]),
  udp('RFC 8489', 'stun', [
    c(hex('0001 0000 2112a442 b7e7a701bc34d686fa87dfae')),
    s(hex('0101 000c 2112a442 b7e7a701bc34d686fa87dfae 0020 0008 0001 a147 e112a643')),
  ]),
  udp('UPnP', 'ssdp', [c('M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n')]),
  udp('RFC 3164', 'syslog', [c("<34>Oct 11 22:14:15 api su: 'su root' failed")]),
  udp('WireGuard', 'wireguard', [
    c(concat(hex('01000000 11223344'), zeros(140))),
    s(concat(hex('02000000 55667788 11223344'), zeros(80))),
  ]),
  udp(
    'RFC 9001 A.2',
    'quic',
    [c(quicInitial()), s(concat(hex('c1 00000001 00 08 f067a5502a4262b5'), zeros(100)))],
    'example.com',
    'quic-sni',
  ),
];

function tcp(
  name: string,
  service: string,
  says: readonly Saying[],
  serverName?: string,
  serverNameFrom?: string,
): Conversation {
  return { name, transport: 'tcp', service, says, serverName, serverNameFrom };
}

function udp(
  name: string,
  service: string,
  says: readonly Saying[],
  serverName?: string,
  serverNameFrom?: string,
): Conversation {
  return { name, transport: 'udp', service, says, serverName, serverNameFrom };
}
