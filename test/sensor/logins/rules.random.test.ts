/** Hostile bytes for every rule: none reads beyond what it was given, fails, or leaves the states that it may have. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ldap, mysql, postgresql, redis } from '../../../src/sensor/logins/binary.ts';
import { httpAuthorization } from '../../../src/sensor/logins/http-head.ts';
import { type LoginRule, STATE } from '../../../src/sensor/logins/login-rule.ts';
import { isTelnet, telnet } from '../../../src/sensor/logins/telnet.ts';
import { ftp, imap, pop3, smtp } from '../../../src/sensor/logins/text-lines.ts';
import { GuardedView } from '../../support/guarded-view.ts';

const RULES: readonly LoginRule[] = [
  ftp,
  smtp,
  pop3,
  imap,
  httpAuthorization,
  redis,
  ldap,
  postgresql,
  mysql,
  telnet,
];

/** Words that rules look for, cut and put together at random, among any bytes. */
const WORDS = [
  'USER ',
  'anonymous',
  'PASS ',
  'AUTH ',
  'PLAIN',
  'LOGIN ',
  'a1 LOGIN x {3}',
  'AUTHENTICATE PLAIN',
  '\r\n',
  '\n',
  '=',
  '+ ',
  '334 ',
  'GET / HTTP/1.1\r\n',
  'Authorization: ',
  'Basic ',
  '*3\r\n$5\r\nHELLO\r\n$999999999\r\n',
  '$4\r\nAUTH\r\n',
  '0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00',
  'R\x00\x00\x00\x08\x00\x00\x00\x03',
  'p\x00\x00\x00\x05',
  '\x20\x00\x00\x02\xfemysql_clear_password\x00',
  '\xff\xfd\x18\xff\xfd\x20',
  '\xff\xfa\x18',
  'Password: ',
];
const piece = fc.oneof(
  fc.constantFrom(...WORDS).map((word) => Buffer.from(word, 'latin1')),
  fc.uint8Array({ maxLength: 12 }).map((data) => Buffer.from(data)),
);
const payload = fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => Buffer.concat(parts));

function guarded(data: Uint8Array): { view: GuardedView; at: number; end: number } {
  const frame = new Uint8Array(data.length + 64).fill(0x41);
  frame.set(data, 32);
  const view = new GuardedView(frame.buffer);
  view.from = 32;
  view.to = 32 + data.length;
  view.maxReads = 40_000;
  return { view, at: 32, end: 32 + data.length };
}

describe.each(RULES)('the rule of $service', (rule) => {
  it('reads within its bounds, whatever is said, and ends', () => {
    const says = fc.array(fc.tuple(payload, fc.boolean(), fc.nat(20)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(says, (conversation) => {
        let state: number = STATE.START;
        for (const [data, fromClient, cutBytes] of conversation) {
          if (data.length === 0) continue;
          const { view, at, end } = guarded(data);
          const said = { data: view, at, end, length: end - at + cutBytes, token: 0 };
          isTelnet(said);
          state = rule.next(said, state, fromClient);
          expect(Number.isInteger(state) && state >= 0 && state <= 255).toBe(true);
          if (state >= STATE.OVER) return;
        }
      }),
      { numRuns: 3000 },
    );
  });
});
