import { capture, DB, inTurn, OUTSIDE, tcpBetween, text } from '../world.ts';

export function make(): Uint8Array {
  const reply = (seq: number) =>
    tcpBetween(DB, OUTSIDE, { sport: 5432, dport: 50_000, flags: 'PA', seq, ack: 900 }, text('row'));
  return capture(inTurn(0, [reply(1), reply(4), reply(7)]));
}
