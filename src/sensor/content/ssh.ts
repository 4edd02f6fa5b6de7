/** SSH (RFC 4253 4.2): both sides begin with `SSH-2.0-` and their software; `SSH-1.` is what old ones say. */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const V2 = ascii('SSH-2.0-');
const V1 = ascii('SSH-1.');

export const ssh: Recognizer = { service: 'ssh', client: banner, server: banner };

/** 48 bits at least. */
function banner({ data, at, end }: FirstBytes): Verdict {
  return startsWith(data, at, end, V2) || startsWith(data, at, end, V1) ? VERDICT.SURE : VERDICT.NO;
}
