/** NATS (docs.nats.io, "Client Protocol"): the server speaks first, `INFO {...}`; the client answers `CONNECT {...}`. */
import { ascii, startsWithIgnoringCase } from './bytes.ts';
import { type FirstBytesRule, type Recognizer, VERDICT } from './recognizer.ts';

/** 6 and 9 bytes; letters in either case, which the protocol allows. */
export const nats: Recognizer = {
  service: 'nats',
  client: beginsWith('connect {'),
  server: beginsWith('info {'),
};

function beginsWith(text: string): FirstBytesRule {
  const wanted = ascii(text);
  return ({ data, at, end }) => (startsWithIgnoringCase(data, at, end, wanted) ? VERDICT.SURE : VERDICT.NO);
}
