/** FTP's control connection (RFC 959 5.4, RFC 4217): `220 ...`, answered by USER, AUTH, FEAT and the like. */
import { answersWith, greets } from './greeting.ts';
import type { Recognizer } from './recognizer.ts';

export const ftp: Recognizer = {
  service: 'ftp',
  opens: 'server',
  client: answersWith(['USER ', 'AUTH TLS\r\n', 'AUTH SSL\r\n', 'FEAT\r\n', 'SYST\r\n', 'OPTS ', 'QUIT\r\n']),
  server: greets(['220 ', '220-'], ['FTP']),
};
