import { udp, vxlan } from '../../support/packet-builder.ts';
import { between, capture, type Host, outside, tcpBetween } from '../world.ts';

const FROM: Host = { ip: '10.0.9.3', mac: '02:42:0a:00:09:03' };
const TO: Host = { ip: '10.0.9.4', mac: '02:42:0a:00:09:04' };

export function make(): Uint8Array {
  const inner = tcpBetween(FROM, TO, { sport: 40_000, dport: 5432, flags: 'S' });
  const tunnel = udp({ sport: 55_555, dport: 4789 }, vxlan({ vni: 4098 }, inner));
  const over = (from: string, to: string) => between(outside(from), outside(to), tunnel);
  return capture([
    [0, over('198.51.100.2', '198.51.100.3')],
    [1, over('198.51.100.2', '198.51.100.3')],
    [61, over('198.51.100.2', '198.51.100.3')],
    [62, over('2001:db8::2', '2001:db8::3')],
  ]);
}
