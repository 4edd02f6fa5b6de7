/**
 * memcached, text (protocol.txt of its repository) and binary. The text commands are words that other protocols know
 * too, so both sides must fit.
 *
 *   binary: magic 0x80 or 0x81 | opcode 1 | key length 2 | extras 1 | data type 0 | vbucket or status 2 |
 *           body length 4 | opaque 4 | cas 8
 */
import { endsWithCrLf, startsWithAny, wordList } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const COMMANDS = wordList(
  [
    'get gets gat gats set add replace append prepend cas delete incr decr touch mg ms md ma stats verbosity'
      .split(' ')
      .map((word) => `${word} `),
    'version\r\n',
    'stats\r\n',
    'flush_all',
    'mn\r\n',
    'quit\r\n',
  ].flat(),
);
const REPLIES = wordList(
  [
    'VALUE |END\r\n|STORED\r\n|NOT_STORED\r\n|EXISTS\r\n|NOT_FOUND\r\n|DELETED\r\n|TOUCHED\r\n|OK\r\n|STAT |VERSION ',
    'ERROR\r\n|CLIENT_ERROR |SERVER_ERROR |HD |HD\r\n|EN\r\n|VA |NS\r\n|NF\r\n|MN\r\n',
  ].flatMap((line) => line.split('|')),
);
const BINARY_HEADER_BYTES = 24;
const REQUEST_MAGIC = 0x80;
const RESPONSE_MAGIC = 0x81;
const MAX_OPCODE = 0x48;
const MAX_STATUS = 0x86;

export const memcached: Recognizer = {
  service: 'memcached',
  opens: 'client',
  client: command,
  server: reply,
};

function command({ data, at, end, length }: FirstBytes): Verdict {
  if (isBinary(data, at, end, length, REQUEST_MAGIC)) return VERDICT.MAYBE;
  if (!startsWithAny(data, at, end, COMMANDS)) return VERDICT.NO;
  return length > end - at || endsWithCrLf(data, at, end) ? VERDICT.MAYBE : VERDICT.NO;
}

function reply({ data, at, end, length }: FirstBytes): Verdict {
  if (isBinary(data, at, end, length, RESPONSE_MAGIC)) {
    return data.getUint16(at + 6) <= MAX_STATUS ? VERDICT.MAYBE : VERDICT.NO;
  }
  return startsWithAny(data, at, end, REPLIES) ? VERDICT.MAYBE : VERDICT.NO;
}

/** 8 bits of magic, 8 of data type, 2 of opcode, and lengths that fit each other and the payload. */
function isBinary(data: DataView, at: number, end: number, length: number, magic: number): boolean {
  if (end - at < BINARY_HEADER_BYTES || data.getUint8(at) !== magic) return false;
  if (data.getUint8(at + 1) > MAX_OPCODE || data.getUint8(at + 5) !== 0) return false;
  const bodyBytes = data.getUint32(at + 8);
  const isWhole = bodyBytes <= length - BINARY_HEADER_BYTES;
  return isWhole && data.getUint16(at + 2) + data.getUint8(at + 4) <= bodyBytes;
}
