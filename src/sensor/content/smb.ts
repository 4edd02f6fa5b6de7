/** SMB ([MS-SMB2] 2.1, 2.2.1): a length behind a zero byte, then 0xFF, 0xFE or 0xFD and `SMB`. 40 bits and the length. */
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const HEADER_BYTES = 8;
const SMB = 0x534d42;

export const smb: Recognizer = { service: 'smb', client: message, server: message };

function message({ data, at, end, length }: FirstBytes): Verdict {
  if (end - at < HEADER_BYTES || data.getUint8(at) !== 0) return VERDICT.NO;
  const messageBytes = data.getUint32(at);
  const mark = data.getUint8(at + 4);
  const fits =
    messageBytes >= 32 &&
    messageBytes >= length - 4 - 65_536 &&
    mark >= 0xfd &&
    data.getUint32(at + 4) % 0x1000000 === SMB;
  return fits ? VERDICT.SURE : VERDICT.NO;
}
