/** Connections as Zeek would log them: conn_state and history, from packets. */
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { FlowTable } from '../../../src/sensor/flow/table.ts';
import { tcpFrame } from '../../support/packet-builder.ts';

const A = '10.0.0.2';
const B = '198.51.100.7';
const START = 1_700_000_000_000_000;

/**
 * One packet: direction, flags, and the rest by name. `> SA seq=1 ack=2 len=3 win=0`. The client is `>`, on port
 * 40000; the server listens on 80.
 */
type Packet = string;

function follow(packets: readonly Packet[]) {
  const decoder = new Decoder();
  const view = decoder.newView();
  const table = new FlowTable({ onEnd() {} });
  let slot = -1;
  for (const [i, text] of packets.entries()) {
    const [direction, flags, ...rest] = text.split(' ');
    const named = Object.fromEntries(rest.map((part) => part.split('=')));
    const client = direction === '>';
    const data = tcpFrame(
      {
        src: client ? A : B,
        dst: client ? B : A,
        sport: client ? 40_000 : 80,
        dport: client ? 80 : 40_000,
        flags: flags === '-' ? '' : flags!,
        seq: Number(named['seq'] ?? 0),
        ack: Number(named['ack'] ?? 0),
        window: Number(named['win'] ?? 1000),
      },
      new Uint8Array(Number(named['len'] ?? 0)),
    );
    decoder.decode(new DataView(data.buffer), 0, data.length, data.length, 1, view);
    slot = table.observe(view, START + i * 1000, 0);
  }
  return {
    state: table.connState(slot),
    history: table.history(slot),
    orig: table.origIp(slot),
    missed: table.missedBytes(slot),
    coverage: table.coverage(slot),
    flows: table.created,
  };
}

const SYN = '> S seq=100';
const SYN_ACK = '< SA seq=500 ack=101';
const ACK = '> A seq=101 ack=501';
const HANDSHAKE = [SYN, SYN_ACK, ACK];

describe('conn_state and history', () => {
  it.each<[state: string, history: string, name: string, packets: readonly Packet[]]>([
    ['S0', 'S', 'SYN without an answer', [SYN]],
    ['S0', 'S', 'SYN sent again', [SYN, SYN, SYN]],
    ['REJ', 'Sr', 'port closed', [SYN, '< RA seq=0 ack=101']],
    ['S1', 'Sh', 'SYN-ACK not yet acknowledged', [SYN, SYN_ACK]],
    ['S1', 'ShA', 'established', HANDSHAKE],
    [
      'S1',
      'ShADad',
      'data both ways',
      [...HANDSHAKE, '> PA seq=101 ack=501 len=10', '< A seq=501 ack=111', '< PA seq=501 ack=111 len=5'],
    ],
    [
      'SF',
      'ShADdFf',
      'closed by both',
      [
        ...HANDSHAKE,
        '> PA seq=101 ack=501 len=10',
        '< PA seq=501 ack=111 len=5',
        '> FA seq=111 ack=506',
        '< FA seq=506 ack=112',
        '> A seq=112 ack=507',
      ],
    ],
    [
      'SF',
      'ShAFfR',
      'a stack that resets after both FINs',
      [...HANDSHAKE, '> FA seq=101 ack=501', '< FA seq=501 ack=102', '> R seq=102'],
    ],
    ['S2', 'ShAF', 'closed by the originator only', [...HANDSHAKE, '> FA seq=101 ack=501']],
    ['S3', 'ShAf', 'closed by the responder only', [...HANDSHAKE, '< FA seq=501 ack=101']],
    ['RSTO', 'ShAR', 'aborted by the originator', [...HANDSHAKE, '> R seq=101']],
    ['RSTR', 'ShAr', 'aborted by the responder', [...HANDSHAKE, '< R seq=501']],
    ['RSTOS0', 'SR', 'SYN, then reset, no answer', [SYN, '> R seq=101']],
    ['SH', 'SF', 'SYN, then FIN, no answer', [SYN, '> FA seq=101 ack=1']],
    ['OTH', '^h', 'SYN-ACK alone', [SYN_ACK]],
    ['RSTRH', '^hr', 'SYN-ACK, then reset by the same', [SYN_ACK, '< R seq=501']],
    ['SHR', '^hf', 'SYN-ACK, then FIN by the same', [SYN_ACK, '< FA seq=501 ack=101']],
    ['S1', '^hA', 'only the SYN was missed', [SYN_ACK, ACK]],
    ['OTH', 'DA', 'midstream, one side', ['> PA seq=101 ack=501 len=10', '> A seq=111 ack=501']],
    ['OTH', 'Dd', 'midstream, both sides', ['> PA seq=101 ack=501 len=10', '< PA seq=501 ack=111 len=3']],
    [
      'SF',
      'DdFf',
      'midstream to a normal end',
      [
        '> PA seq=101 ack=501 len=10',
        '< PA seq=501 ack=111 len=3',
        '> FA seq=111 ack=504',
        '< FA seq=504 ack=112',
      ],
    ],
    ['OTH', 'R', 'a reset out of nowhere', ['> R seq=101']],
    ['OTH', '', 'a null scan', ['> -']],
    ['SH', 'F', 'a FIN scan', ['> F']],
    ['RSTR', 'Fr', 'a FIN scan at a closed port', ['> F', '< RA seq=0 ack=1']],
    ['SH', 'Q', 'SYN and FIN at once', ['> SF seq=1']],
    ['OTH', 'I', 'FIN and RST at once', ['> FR seq=1']],
    ['S1', 'ShAaw', 'the server closes its window', [...HANDSHAKE, '< A seq=501 ack=101 win=0']],
    [
      'S1',
      'ShADT',
      'payload sent again',
      [...HANDSHAKE, '> PA seq=101 ack=501 len=10', '> PA seq=101 ack=501 len=10'],
    ],
  ])('%s %s: %s', (state, history, _name, packets) => {
    const result = follow(packets);

    expect([result.state, result.history]).toEqual([state, history]);
    expect(result.orig).toBe(A);
    expect(result.flows).toBe(1);
  });

  it('records each letter once a direction', () => {
    const long = Array.from({ length: 50 }, (_, i) => [
      `> PA seq=${101 + i * 10} ack=${501 + i * 5} len=10`,
      `< PA seq=${501 + i * 5} ack=${111 + i * 10} len=5`,
    ]).flat();

    expect(follow([...HANDSHAKE, ...long]).history).toBe('ShADd');
  });
});

describe('missed bytes', () => {
  const data = (seq: number, len: number) => `> PA seq=${seq} ack=501 len=${len}`;
  const acked = (ack: number) => `< A seq=501 ack=${ack}`;

  it.each<[name: string, missed: number, packets: readonly Packet[]]>([
    ['nothing', 0, [data(101, 100), acked(201)]],
    ['a segment lost in the middle, acknowledged', 100, [data(101, 100), data(301, 100), acked(401)]],
    ['a segment lost at the end, acknowledged', 100, [data(101, 100), acked(301)]],
    ['segments out of order', 0, [data(201, 100), data(101, 100), acked(301)]],
    ['a hole that is not acknowledged yet', 0, [data(101, 100), data(301, 100), acked(201)]],
    [
      'a hole that closed after all',
      0,
      [data(101, 100), data(301, 100), acked(201), data(201, 100), acked(401)],
    ],
    ['two holes', 200, [data(201, 100), data(401, 100), acked(501)]],
    ['an acknowledgement of nonsense', 0, [data(101, 100), '< A seq=501 ack=3000000000']],
    ['numbers in a reset', 0, [data(101, 100), '< RA seq=501 ack=90000']],
  ])('%s', (_name, missed, packets) => {
    const result = follow([...HANDSHAKE, ...packets]);

    expect(result.missed).toBe(missed);
    expect(result.history.includes('G')).toBe(missed > 0);
    expect(result.coverage).toBe(missed > 0 ? 'lossy' : 'whole');
  });

  it('sequence numbers may wrap', () => {
    const result = follow([
      '> S seq=4294967290',
      '< SA seq=4294967295 ack=4294967291',
      '> PA seq=4294967291 ack=0 len=10',
      '< PA seq=0 ack=5 len=10',
      '> PA seq=5 ack=10 len=10',
      '< A seq=10 ack=15',
    ]);

    expect(result.missed).toBe(0);
    expect(result.history).toBe('ShDda');
  });

  it('a keep-alive probe is no retransmission', () => {
    const result = follow([...HANDSHAKE, data(101, 100), acked(201), '> A seq=200 ack=501 len=1']);

    expect(result.history).toBe('ShADa');
  });
});
