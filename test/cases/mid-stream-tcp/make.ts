import { API, capture, DB, inTurn, tcpBetween, text } from '../world.ts';

export function make(): Uint8Array {
  const toServer = (seq: number) =>
    tcpBetween(API, DB, { sport: 51_000, dport: 5432, flags: 'PA', seq, ack: 700 }, text('select'));
  const fromServer = tcpBetween(
    DB,
    API,
    { sport: 5432, dport: 51_000, flags: 'PA', seq: 700, ack: 306 },
    text('1'),
  );
  return capture(inTurn(0, [fromServer, toServer(306), toServer(312)]));
}
