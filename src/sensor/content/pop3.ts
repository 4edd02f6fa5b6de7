/** POP3 (RFC 1939 4, RFC 2449): `+OK ...`, answered by CAPA, USER, APOP, AUTH or STLS. */
import { answersWith, greets } from './greeting.ts';
import type { Recognizer } from './recognizer.ts';

export const pop3: Recognizer = {
  service: 'pop3',
  opens: 'server',
  client: answersWith(['CAPA\r\n', 'USER ', 'APOP ', 'AUTH\r\n', 'AUTH ', 'STLS\r\n', 'QUIT\r\n']),
  server: greets(['+OK'], ['POP3']),
};
