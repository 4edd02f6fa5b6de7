/**
 * Decoding and the flow table, without a capture source: 2 million packets of 100,000 TCP flows, made in memory. Two
 * orders: `window`, as captures look, where a thousand flows are active at a time and the rest are over or still to
 * come; and `random`, where each packet belongs to any of the flows, the worst case for the processor's caches.
 * CPU time, so that a busy machine disturbs less. Run: npx tsx test/bench/decode-flow.ts [packets] [flows]
 */
import { Decoder } from '../../src/sensor/decode/decoder.ts';
import { FlowTable } from '../../src/sensor/flow/table.ts';
import { tcpFrame } from '../support/packet-builder.ts';

const packetCount = Number(process.argv[2] ?? 2_000_000);
const flowCount = Number(process.argv[3] ?? 100_000);
const START_MICROS = 1_700_000_000_000_000;

/** xorshift32: the same traffic every run. */
let state = 0x12345678;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const ACTIVE_FLOWS = 1000;
const ORDERS: Readonly<Record<string, (packet: number) => number>> = {
  window: (packet) =>
    Math.min(Math.floor((packet / packetCount) * flowCount) + random(ACTIVE_FLOWS), flowCount - 1),
  random: () => random(flowCount),
};

interface Traffic {
  readonly data: DataView;
  readonly frameBytes: number;
}

/** SYN, SYN-ACK, then data and acknowledgements in turn, by the flow's own packet count. */
function makeTraffic(flowOf: (packet: number) => number): Traffic {
  const template = tcpFrame(
    { src: '10.0.0.1', dst: '198.51.100.1', sport: 1, dport: 443, flags: 'A' },
    new Uint8Array(20),
  );
  const bytes = new Uint8Array(template.length * packetCount);
  const data = new DataView(bytes.buffer);
  const seen = new Uint32Array(flowCount);
  for (let i = 0; i < packetCount; i++) {
    const flow = flowOf(i);
    const turn = seen[flow]!++;
    const fromOrig = turn % 2 === 0;
    const at = i * template.length;
    bytes.set(template, at);
    const client = 0x0a000000 + (flow % 250) + 1;
    const server = 0xc6336401 + ((flow / 250) | 0);
    const port = 1024 + (flow % 60_000);
    data.setUint32(at + 26, fromOrig ? client : server);
    data.setUint32(at + 30, fromOrig ? server : client);
    data.setUint16(at + 34, fromOrig ? port : 443);
    data.setUint16(at + 36, fromOrig ? 443 : port);
    const sent = Math.max(turn >> 1, 1) - 1;
    data.setUint32(at + 38, turn < 2 ? 999 : 1000 + sent * 20);
    data.setUint32(at + 42, turn < 2 ? 1000 : 1000 + sent * 20);
    bytes[at + 47] = turn === 0 ? 0x02 : turn === 1 ? 0x12 : 0x18;
    // Handshake packets carry nothing.
    if (turn < 2) data.setUint16(at + 16, 40);
  }
  return { data, frameBytes: template.length };
}

function measure(name: string, run: () => number): void {
  const rates: number[] = [];
  let checked = 0;
  for (let i = 0; i < 3; i++) {
    const begin = process.cpuUsage();
    checked = run();
    const used = process.cpuUsage(begin);
    rates.push(((used.user + used.system) * 1000) / packetCount);
  }
  const best = Math.min(...rates);
  const all = rates.map((rate) => rate.toFixed(0)).join(', ');
  console.log(
    `${name.padEnd(28)} ${best.toFixed(1).padStart(7)} ns/packet  (runs: ${all}; check ${checked})`,
  );
}

function benchOrder(name: string, traffic: Traffic): void {
  const { data, frameBytes } = traffic;
  console.log(`-- ${name}`);

  measure('decode', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    let sum = 0;
    for (let i = 0; i < packetCount; i++) {
      decoder.decode(data, i * frameBytes, frameBytes, frameBytes, 1, view);
      sum += view.srcPort & 1;
    }
    return sum;
  });

  measure('decode, flow table', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    const table = new FlowTable({ onEnd: () => {} }, { seed: 12345 });
    for (let i = 0; i < packetCount; i++) {
      decoder.decode(data, i * frameBytes, frameBytes, frameBytes, 1, view);
      table.observe(view, START_MICROS + i * 10, 0);
    }
    return table.created;
  });

  for (const group of [8, 16, 32]) {
    measure(`decode, warm ${group}, flow table`, () => {
      const decoder = new Decoder();
      const views = Array.from({ length: group }, () => decoder.newView());
      const interfaces = new Uint32Array(group);
      const table = new FlowTable({ onEnd: () => {} }, { seed: 12345 });
      for (let i = 0; i < packetCount; i += group) {
        const count = Math.min(group, packetCount - i);
        for (let j = 0; j < count; j++) {
          decoder.decode(data, (i + j) * frameBytes, frameBytes, frameBytes, 1, views[j]!);
        }
        table.warm(views, count, interfaces);
        for (let j = 0; j < count; j++) table.observe(views[j]!, START_MICROS + (i + j) * 10, 0);
      }
      return table.created;
    });
  }

  measure('... and a roll-up each 5 s', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    const table = new FlowTable({ onEnd: () => {} }, { seed: 12345 });
    let visited = 0;
    for (let i = 0; i < packetCount; i++) {
      decoder.decode(data, i * frameBytes, frameBytes, frameBytes, 1, view);
      table.observe(view, START_MICROS + i * 10, 0);
      if (i % 500_000 === 0) table.drainTouched(() => visited++);
    }
    return visited;
  });
}

console.log(`${packetCount} packets, ${flowCount} flows, Node ${process.version}`);
for (const [name, order] of Object.entries(ORDERS)) benchOrder(name, makeTraffic(order));
console.log(`rss ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB, most of it the traffic`);
