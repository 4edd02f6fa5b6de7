/** IMAP (RFC 9051 7.1, 2.2.1): `* OK ...`, answered by a tag and a command. */
import { SPACE, startsWithAnyIgnoringCase, wordList } from './bytes.ts';
import { greets } from './greeting.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const COMMANDS = wordList([
  'capability',
  'login ',
  'authenticate ',
  'starttls',
  'id ',
  'noop',
  'logout',
  'namespace',
]);
const MAX_TAG_BYTES = 16;

export const imap: Recognizer = {
  service: 'imap',
  opens: 'server',
  client: taggedCommand,
  server: greets(['* OK', '* PREAUTH'], ['IMAP']),
};

function taggedCommand({ data, at, end }: FirstBytes): Verdict {
  const stop = Math.min(end, at + MAX_TAG_BYTES);
  let space = at;
  while (space < stop && isTag(data.getUint8(space))) space++;
  if (space === at || space >= stop || data.getUint8(space) !== SPACE) return VERDICT.NO;
  return startsWithAnyIgnoringCase(data, space + 1, end, COMMANDS) ? VERDICT.MAYBE : VERDICT.NO;
}

/** Letters, digits and a dot, which is what clients use of what they may. */
function isTag(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2e
  );
}
