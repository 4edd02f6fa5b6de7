import type { FlowRecord } from './flow.ts';
import type { Micros } from './time.ts';

/** A secret crossed the wire in clear: told once a flow. Neither the secret nor the user's name is in here, or anywhere. */
export interface CleartextLogin {
  /** Packet time of the message with the secret. */
  readonly time: Micros;
  readonly flow: FlowRecord;
  /** What the secret was sent in. */
  readonly method:
    | 'ftp-pass'
    | 'telnet-password'
    | 'http-basic'
    | 'http-bearer'
    | 'redis-auth'
    | 'smtp-auth'
    | 'imap-login'
    | 'pop3-pass'
    | 'ldap-simple-bind'
    | 'mysql-clear-password'
    | 'postgresql-password';
}
