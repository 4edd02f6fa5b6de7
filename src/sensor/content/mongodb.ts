/**
 * MongoDB's wire protocol (mongodb.com, "MongoDB Wire Protocol"), little endian.
 *
 *   length 4, itself included | request id 4 | response to 4 | opcode 4 | OP_MSG: flags 4, section kind 0 ...
 *
 * A request answers nothing (32 zero bits) and has one of three opcodes (30 bits); a reply is sure by opcode and length.
 */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const HEADER_BYTES = 16;
/** maxMessageSizeBytes. */
const MAX_MESSAGE_BYTES = 48_000_000;
const OP = { REPLY: 1, QUERY: 2004, COMPRESSED: 2012, MSG: 2013 } as const;
/** checksumPresent, moreToCome and exhaustAllowed; the other lower 16 bits must be zero. */
const OP_MSG_FLAGS = 0x1_0003;

export const mongodb: Recognizer = {
  service: 'mongodb',
  client: (bytes) => (isMessage(bytes, false) ? VERDICT.SURE : VERDICT.NO),
  server: reply,
};

function reply(bytes: FirstBytes): Verdict {
  if (!isMessage(bytes, true)) return VERDICT.NO;
  return bytes.data.getUint32(bytes.at, true) === bytes.length ? VERDICT.SURE : VERDICT.MAYBE;
}

function isMessage({ data, at, end, length }: FirstBytes, isReply: boolean): boolean {
  if (end - at < HEADER_BYTES + 5) return false;
  const messageBytes = data.getUint32(at, true);
  if (
    messageBytes < HEADER_BYTES + 5 ||
    messageBytes > MAX_MESSAGE_BYTES ||
    messageBytes < Math.min(length, 26)
  ) {
    return false;
  }
  if (isReply === (data.getUint32(at + 8, true) === 0)) return false;
  const opcode = data.getUint32(at + 12, true);
  if (opcode === OP.MSG) {
    return (data.getUint32(at + 16, true) & ~OP_MSG_FLAGS) === 0 && data.getUint8(at + 20) <= 1;
  }
  return opcode === OP.COMPRESSED || opcode === (isReply ? OP.REPLY : OP.QUERY);
}
