/**
 * MQTT 3.1 to 5 (3.1): CONNECT with the protocol's name; answered by CONNACK.
 *
 *   10 | remaining length 1..4 | 00 04 "MQTT" level        20 | remaining length | flags 0 or 1 | code
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const CONNECT = 0x10;
const CONNACK = 0x20;
const NAMES = [Uint8Array.from([0, 4, ...ascii('MQTT')]), Uint8Array.from([0, 6, ...ascii('MQIsdp')])];

export const mqtt: Recognizer = { service: 'mqtt', client: connect, server: connack };

/** 56 fixed bits. */
function connect({ data, at, end }: FirstBytes): Verdict {
  if (data.getUint8(at) !== CONNECT) return VERDICT.NO;
  let body = at + 1;
  while (body < Math.min(end, at + 5) && data.getUint8(body) >= 0x80) body++;
  return NAMES.some((name) => startsWith(data, body + 1, end, name)) ? VERDICT.SURE : VERDICT.NO;
}

function connack({ data, at, end }: FirstBytes): Verdict {
  const fits =
    end - at >= 4 &&
    data.getUint8(at) === CONNACK &&
    data.getUint8(at + 1) < 0x80 &&
    data.getUint8(at + 2) <= 1;
  return fits ? VERDICT.MAYBE : VERDICT.NO;
}
