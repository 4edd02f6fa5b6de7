/** SMTP (RFC 5321 4.2, 4.1.1.1) and LMTP (RFC 2033): `220 host ESMTP ...`, answered by EHLO, HELO or LHLO. */
import { answersWith, greets } from './greeting.ts';
import type { Recognizer } from './recognizer.ts';

export const smtp: Recognizer = {
  service: 'smtp',
  opens: 'server',
  client: answersWith(['EHLO ', 'HELO ', 'LHLO ']),
  server: greets(['220 ', '220-'], ['SMTP', 'LMTP']),
};
