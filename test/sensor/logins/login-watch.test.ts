/**
 * Logins as packets, through decoder, flow table, recognisers and pipeline. The secret and the name in all of them are
 * searched for in everything that comes out.
 */
import { describe, expect, it } from 'vitest';
import { batchOf } from '../../../capture/memory.ts';
import type { CleartextLogin } from '../../../src/model/login.ts';
import { serializeRecord } from '../../../src/model/serialize.ts';
import { bytes, concat, hex, u16, u32 } from '../../support/packet-builder.ts';
import { at, IP, listener, segment, startPipeline } from '../pipeline-run.ts';

const SECRET = 'Swordfish-77';
const USER = 'xk-operator-9';
const base64 = (value: string): string => Buffer.from(value, 'latin1').toString('base64');

/** `c` and `s`: who says it. */
type Saying = readonly [side: 'c' | 's', said: string | Uint8Array];

interface Heard {
  readonly methods: readonly string[];
  readonly logins: readonly CleartextLogin[];
  readonly output: string;
  /** What the flow record says that it speaks. */
  readonly service: string | undefined;
}

function hear(says: readonly Saying[], port = 61_234, cutTo?: number): Heard {
  const logins: CleartextLogin[] = [];
  const analyzer = listener('none', {
    readsContent: () => true,
    onLogin: (login) => void logins.push(login),
  });
  const run = startPipeline({ analyzers: [analyzer] });
  const tap = run.tap();
  const next = { c: 1001, s: 5001 };
  let seconds = 0;
  const send = (side: 'c' | 's', flags: string, seq: number, payload?: Uint8Array) => {
    const out = { src: IP.db, dst: IP.api, sport: 40_000, dport: port };
    const ends = side === 'c' ? out : { src: IP.api, dst: IP.db, sport: port, dport: 40_000 };
    const data = segment({ ...ends, flags, seq, ack: side === 'c' ? next.s : next.c }, payload);
    seconds += 0.01;
    const cut = data.subarray(0, cutTo ?? data.length);
    run.pipeline.onBatch(batchOf([{ ...at(seconds, cut), wireLen: data.length }]), [tap]);
  };
  send('c', 'S', 1000);
  send('s', 'SA', 5000);
  send('c', 'A', 1001);
  for (const [side, said] of says) {
    const payload = typeof said === 'string' ? Buffer.from(said, 'latin1') : said;
    send(side, 'PA', next[side], payload);
    next[side] += payload.length;
  }
  run.pipeline.finish();
  const records = run.records.map(serializeRecord).join('\n');
  return {
    methods: logins.map(({ method }) => method),
    logins,
    output: `${records}\n${JSON.stringify(logins)}`,
    service: run.of('flow')[0]?.service,
  };
}

const mysqlPacket = (sequence: number, body: Uint8Array): Uint8Array =>
  concat(bytes(body.length & 0xff, body.length >> 8, 0, sequence), body);
const latin1 = (value: string): Uint8Array => Buffer.from(value, 'latin1');
const pgMessage = (type: string, body: Uint8Array): Uint8Array =>
  concat(latin1(type), u32(4 + body.length), body);
const pgStartup = (() => {
  const body = concat(u32(0x30000), latin1(`user\0${USER}\0database\0shop\0\0`));
  return concat(u32(4 + body.length), body);
})();
const mysqlGreeting = mysqlPacket(
  0,
  concat(
    bytes(10),
    latin1('8.4.3\0'),
    u32(11),
    latin1('saltsalt'),
    bytes(0),
    u16(0xffff),
    bytes(0xff, 2, 0),
    u16(0xffdf),
    bytes(21),
    new Uint8Array(10),
    latin1('saltsaltsalt\0caching_sha2_password\0'),
  ),
);
const mysqlLogin = (plugin: string, answer: string): Uint8Array =>
  mysqlPacket(
    1,
    concat(
      hex('85a2bf09 00000001 ff'),
      new Uint8Array(23),
      latin1(`${USER}\0`),
      bytes(answer.length),
      latin1(answer),
      latin1(`${plugin}\0`),
    ),
  );
const ldapBind = (name: string, secret: string): Uint8Array => {
  const body = concat(
    bytes(2, 1, 3, 4, name.length),
    latin1(name),
    bytes(0x80, secret.length),
    latin1(secret),
  );
  return concat(bytes(0x30, body.length + 5, 2, 1, 1, 0x60, body.length), body);
};
const bulk = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const telnetOptions = bytes(0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20, 0xff, 0xfb, 0x01);
const letters = (value: string): Saying[] => [...value].map((char): Saying => ['c', char]);
const clientHello = concat(hex('160301 00c8 01 0000c4 0303'), new Uint8Array(194).fill(7));
const get = (...lines: readonly string[]): string =>
  `${['GET /metrics HTTP/1.1', 'Host: api', ...lines].join('\r\n')}\r\n\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UNAUTHORIZED = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n';
const BASIC = `Authorization: Basic ${base64(`${USER}:${SECRET}`)}`;

const LOGINS: readonly (readonly [method: string, name: string, says: readonly Saying[]])[] = [
  [
    'ftp-pass',
    'USER and PASS',
    [
      ['s', '220 (vsFTPd 3.0.5)\r\n'],
      ['c', `USER ${USER}\r\n`],
      ['s', '331 Please specify the password.\r\n'],
      ['c', `PASS ${SECRET}\r\n`],
      ['s', '230 Login successful.\r\n'],
    ],
  ],
  [
    'ftp-pass',
    'a server that refuses TLS and does not say FTP',
    [
      ['s', '220 ready\r\n'],
      ['c', 'AUTH TLS\r\n'],
      ['s', '502 no\r\n'],
      ['c', `user ${USER}\r\n`],
      ['s', '331 go on\r\n'],
      ['c', `pass ${SECRET}\r\n`],
    ],
  ],
  [
    'pop3-pass',
    'USER and PASS in one packet',
    [
      ['s', '+OK POP3 ready\r\n'],
      ['c', `USER ${USER}\r\nPASS ${SECRET}\r\n`],
    ],
  ],
  [
    'pop3-pass',
    'AUTH PLAIN',
    [
      ['s', '+OK POP3 ready\r\n'],
      ['c', 'AUTH PLAIN\r\n'],
      ['s', '+ \r\n'],
      ['c', `${base64(`\0${USER}\0${SECRET}`)}\r\n`],
    ],
  ],
  [
    'smtp-auth',
    'AUTH PLAIN with its first word',
    [
      ['s', '220 mail.example ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n'],
      ['c', `AUTH PLAIN ${base64(`\0${USER}\0${SECRET}`)}\r\n`],
    ],
  ],
  [
    'smtp-auth',
    'AUTH LOGIN',
    [
      ['s', '220 mail.example ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250 AUTH LOGIN\r\n'],
      ['c', 'AUTH LOGIN\r\n'],
      ['s', '334 VXNlcm5hbWU6\r\n'],
      ['c', `${base64(USER)}\r\n`],
      ['s', '334 UGFzc3dvcmQ6\r\n'],
      ['c', `${base64(SECRET)}\r\n`],
    ],
  ],
  [
    'imap-login',
    'LOGIN',
    [
      ['s', '* OK [CAPABILITY IMAP4rev1] ready\r\n'],
      ['c', `a1 LOGIN "${USER}" "${SECRET}"\r\n`],
    ],
  ],
  [
    'imap-login',
    'LOGIN with literals',
    [
      ['s', '* OK IMAP4 ready\r\n'],
      ['c', `a1 LOGIN {${USER.length}}\r\n`],
      ['s', '+ go on\r\n'],
      ['c', `${USER} {${SECRET.length}}\r\n`],
      ['s', '+ go on\r\n'],
      ['c', `${SECRET}\r\n`],
    ],
  ],
  [
    'imap-login',
    'AUTHENTICATE PLAIN',
    [
      ['s', '* OK ready\r\n'],
      ['c', 'a1 CAPABILITY\r\n'],
      ['s', '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n'],
      ['c', 'a2 AUTHENTICATE PLAIN\r\n'],
      ['s', '+\r\n'],
      ['c', `${base64(`\0${USER}\0${SECRET}`)}\r\n`],
    ],
  ],
  ['http-basic', 'the first request', [['c', get(BASIC)]]],
  [
    'http-basic',
    'the second request, after a 401',
    [
      ['c', get()],
      ['s', UNAUTHORIZED],
      ['c', get(`${BASIC.replace('Authorization', 'authorization').replace(' Basic', '  basic')}`)],
    ],
  ],
  [
    'http-basic',
    'a head in pieces of three bytes',
    [
      ['c', get(BASIC).slice(0, 60)],
      ...(
        get(BASIC)
          .slice(60)
          .match(/.{1,3}/gs) ?? []
      )
        .slice(0, 12)
        .map((part): Saying => ['c', part]),
    ],
  ],
  ['http-basic', 'to a proxy', [['c', get(BASIC.replace('Auth', 'Proxy-Auth'))]]],
  ['http-bearer', 'a token', [['c', get(`Authorization: Bearer ${SECRET}`)]]],
  ['redis-auth', 'AUTH', [['c', bulk('AUTH', SECRET)]]],
  [
    'redis-auth',
    'AUTH behind other commands',
    [['c', bulk('CLIENT', 'SETINFO', 'LIB-NAME', 'x') + bulk('AUTH', USER, SECRET)]],
  ],
  ['redis-auth', 'HELLO with AUTH', [['c', bulk('HELLO', '3', 'AUTH', USER, SECRET)]]],
  [
    'redis-auth',
    'AUTH by hand',
    [
      ['c', 'PING\r\n'],
      ['s', '-NOAUTH Authentication required.\r\n'],
      ['c', `auth ${SECRET}\r\n`],
    ],
  ],
  ['ldap-simple-bind', 'a bind', [['c', ldapBind(`cn=${USER},dc=example`, SECRET)]]],
  [
    'postgresql-password',
    'asked for in clear',
    [
      ['c', pgStartup],
      ['s', pgMessage('R', u32(3))],
      ['c', pgMessage('p', latin1(`${SECRET}\0`))],
    ],
  ],
  [
    'mysql-clear-password',
    'named by the client',
    [
      ['s', mysqlGreeting],
      ['c', mysqlLogin('mysql_clear_password', `${SECRET}\0`)],
    ],
  ],
  [
    'mysql-clear-password',
    'asked for by the server',
    [
      ['s', mysqlGreeting],
      ['c', mysqlLogin('caching_sha2_password', 'x'.repeat(32))],
      ['s', mysqlPacket(2, concat(bytes(0xfe), latin1('mysql_clear_password\0')))],
      ['c', mysqlPacket(3, latin1(`${SECRET}\0`))],
    ],
  ],
  [
    'telnet-password',
    'letter by letter',
    [
      ['s', telnetOptions],
      ['c', bytes(0xff, 0xfb, 0x18, 0xff, 0xfc, 0x20)],
      ['s', 'debian login: '],
      ...letters(USER),
      ['c', '\r\0'],
      ['s', '\r\nPassword: '],
      ...letters(SECRET),
      ['c', '\r\0'],
    ],
  ],
  [
    'telnet-password',
    'a line at once',
    [
      ['s', telnetOptions],
      ['s', 'login: '],
      ['c', `${USER}\r\n`],
      ['s', 'password:'],
      ['c', `${SECRET}\r\n`],
    ],
  ],
];

const QUIET: readonly (readonly [name: string, says: readonly Saying[]])[] = [
  [
    'anonymous FTP',
    [
      ['s', '220 FTP\r\n'],
      ['c', 'USER anonymous\r\n'],
      ['s', '331 your address, please\r\n'],
      ['c', 'PASS apt@example.com\r\n'],
    ],
  ],
  [
    'FTP where no password is asked for',
    [
      ['s', '220 FTP\r\n'],
      ['c', 'USER guest\r\n'],
      ['s', '230 in\r\n'],
      ['c', 'PASS x\r\n'],
    ],
  ],
  [
    'what follows STARTTLS',
    [
      ['s', '220 mail ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250 STARTTLS\r\n'],
      ['c', 'STARTTLS\r\n'],
      ['s', '220 go\r\n'],
      ['c', clientHello],
      ['c', 'AUTH PLAIN AGEAYg==\r\n'],
    ],
  ],
  [
    'a challenge that hides the password',
    [
      ['s', '220 mail ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250 AUTH CRAM-MD5\r\n'],
      ['c', 'AUTH CRAM-MD5\r\n'],
      ['s', '334 PDE3Mj4=\r\n'],
      ['c', 'dGltIGI5MTNhNjAy\r\n'],
    ],
  ],
  [
    'AUTH PLAIN that the server refuses before anything is sent',
    [
      ['s', '220 mail ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250 ok\r\n'],
      ['c', 'AUTH PLAIN\r\n'],
      ['s', '504 no\r\n'],
      ['c', 'NOOP\r\n'],
    ],
  ],
  [
    'a mail that speaks of AUTH PLAIN',
    [
      ['s', '220 mail ESMTP\r\n'],
      ['c', 'EHLO api\r\n'],
      ['s', '250 ok\r\n'],
      ['c', 'MAIL FROM:<a@example.com>\r\n'],
      ['s', '250 ok\r\n'],
      ['c', 'AUTH PLAIN AGEAYg==\r\n'],
    ],
  ],
  [
    'APOP',
    [
      ['s', '+OK POP3 <1.2@x>\r\n'],
      ['c', 'APOP me c4c9334bac560ecc979e58001b3e22fb\r\n'],
    ],
  ],
  [
    'a request without Authorization',
    [
      ['c', get()],
      ['s', OK],
      ['c', get()],
      ['s', OK],
    ],
  ],
  [
    'Digest and a signature',
    [
      ['c', get('Authorization: Digest username="me"')],
      ['s', OK],
      ['c', get('Authorization: AWS4-HMAC-SHA256 Credential=x')],
    ],
  ],
  [
    'words in a body',
    [
      ['c', `POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n\r\n${BASIC}\r\n`],
      ['c', `\r\n${BASIC}\r\n`],
    ],
  ],
  [
    'words in an answer',
    [
      ['c', get()],
      ['s', `HTTP/1.1 200 OK\r\n${BASIC}\r\n\r\n`],
    ],
  ],
  ['words in a path', [['c', get().replace('/metrics', '/authorization:basic')]]],
  [
    'Redis without AUTH',
    [
      ['c', bulk('HELLO', '3')],
      ['s', '%1\r\n'],
      ['c', bulk('SET', 'auth', 'x')],
      ['s', '+OK\r\n'],
    ],
  ],
  ['an anonymous bind', [['c', ldapBind('', '')]]],
  ['a bind without a password', [['c', ldapBind('cn=x', '')]]],
  [
    'PostgreSQL with MD5',
    [
      ['c', pgStartup],
      ['s', pgMessage('R', concat(u32(5), u32(7)))],
      ['c', pgMessage('p', latin1(`md5${'a'.repeat(32)}\0`))],
    ],
  ],
  [
    'PostgreSQL with SCRAM',
    [
      ['c', pgStartup],
      ['s', pgMessage('R', concat(u32(10), latin1('SCRAM-SHA-256\0\0')))],
      ['c', pgMessage('p', latin1('SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=x'))],
    ],
  ],
  [
    'MySQL with a scramble',
    [
      ['s', mysqlGreeting],
      ['c', mysqlLogin('caching_sha2_password', 'x'.repeat(32))],
      ['s', mysqlPacket(2, bytes(1, 3))],
    ],
  ],
  [
    'telnet without a prompt for a password',
    [
      ['s', telnetOptions],
      ['s', 'login: '],
      ['c', 'guest\r\n'],
      ['s', '$ '],
      ['c', 'ls\r\n'],
    ],
  ],
  [
    'a prompt that is answered with Enter',
    [
      ['s', telnetOptions],
      ['s', 'Password: '],
      ['c', '\r\0'],
      ['c', 'x\r\0'],
    ],
  ],
];

describe('is told once, and never by what was said', () => {
  it.each(LOGINS)('%s: %s', (method, _, says) => {
    const { methods, logins, output } = hear([...says, ...says.filter(([side]) => side === 'c')]);

    expect(methods).toEqual([method]);
    expect(logins[0]!.flow.orig.workload?.name).toBe('db');
    for (const secret of [SECRET, USER, base64(SECRET), base64(USER), base64(`${USER}:${SECRET}`)]) {
      expect(output).not.toContain(secret);
    }
  });
});

describe('is not told', () => {
  it.each(QUIET)('%s', (_, says) => {
    expect(hear(says).methods).toEqual([]);
  });

  it('where the snaplen cut the head before the field', () => {
    expect(hear([['c', get(BASIC)]], 80, 14 + 20 + 20 + 30).methods).toEqual([]);
  });

  it('beyond so many packets as a login takes', () => {
    const noise: Saying[] = Array.from({ length: 6 }, (): Saying[] => [
      ['c', get()],
      ['s', OK],
    ]).flat();

    expect(hear([...noise.slice(0, 10), ['c', get(BASIC)]]).methods).toEqual(['http-basic']);
    expect(hear([...noise.slice(0, 12), ['c', get(BASIC)]]).methods).toEqual([]);
  });
});

it('leaves what a flow speaks as it is', () => {
  for (const [method, , says] of LOGINS) {
    const service = method === 'telnet-password' ? undefined : method.split('-')[0];
    expect(hear(says).service).toBe(service);
  }
});
