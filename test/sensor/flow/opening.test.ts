/** What came of a flow's first packet: the flow table's own answer and the record's are the same. */
import { describe, expect, it } from 'vitest';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type Opening, openingOf } from '../../../src/model/opening.ts';
import { dockerMac, frame, icmp, icmpv6 } from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, segment, startPipeline } from '../pipeline-run.ts';

const A = IP.db;
const B = IP.api;
const out = (flags: string, more = {}) =>
  segment({ src: A, dst: B, sport: 40_000, dport: 80, flags, seq: 1, ack: 0, ...more });
const back = (flags: string, more = {}, payload?: Uint8Array) =>
  segment({ src: B, dst: A, sport: 80, dport: 40_000, flags, seq: 9, ack: 2, ...more }, payload);
const echo = (type: number) => frame({ src: A, dst: B, srcMac: dockerMac(A) }, icmp({ type, id: 7 }));
const echo6 = (type: number) =>
  frame({ src: 'fd00:30::2', dst: 'fd00:30::3', srcMac: dockerMac(A) }, icmpv6({ type, id: 7 }));
const ask = datagram({ src: A, dst: B, sport: 40_000, dport: 161 });
const answer = datagram({ src: B, dst: A, sport: 161, dport: 40_000 });

const CASES: readonly (readonly [
  string,
  readonly Uint8Array[],
  Opening | undefined,
  FlowRecord['probe']?,
])[] = [
  ['a SYN alone', [out('S')], 'unanswered'],
  ['a SYN that is reset', [out('S'), back('RA')], 'refused'],
  ['a SYN that is answered', [out('S'), back('SA')], 'accepted'],
  ['a SYN that is answered, and reset by its sender', [out('S'), back('SA'), out('R')], 'accepted'],
  ['a service that resets later', [out('S'), back('SA'), out('A'), back('R')], 'accepted'],
  ['an answer with a closed window', [out('S'), back('SA', { window: 0 })], 'refused'],
  [
    'a window that closes after data',
    [out('S'), back('SA'), out('A', { seq: 2 }), back('PA', { seq: 10, window: 0 }, new Uint8Array(8))],
    'accepted',
  ],
  ['a reset without a SYN: backscatter', [back('RA')], undefined],
  ['a SYN-ACK without a SYN: backscatter', [back('SA')], undefined],
  ['a connection taken up midstream', [out('A')], undefined],
  ['no flag', [out('')], 'probe', 'null'],
  ['FIN alone', [out('F')], 'probe', 'fin'],
  ['FIN, PSH and URG', [out('FPU')], 'probe', 'xmas'],
  [
    'the same from a low port',
    [segment({ src: A, dst: B, sport: 53, dport: 49_200, flags: 'FPU' })],
    'probe',
    'xmas',
  ],
  ['a FIN of a connection that was forgotten', [out('FA')], undefined],
  ['a datagram', [ask], 'unanswered'],
  ['a datagram and its answer', [ask, answer], 'accepted'],
  ['a ping', [echo(8)], 'unanswered'],
  ['an ICMP error', [echo(3)], undefined],
  ['a ping over IPv6', [echo6(128)], 'unanswered'],
  ['a neighbour solicitation', [echo6(135)], undefined],
];

describe('what came of a flow', () => {
  for (const [name, frames, expected, probe] of CASES)
    it(name, () => {
      const glanced: (Opening | undefined)[] = [];
      const run = startPipeline({
        analyzers: [
          listener('chosen', {
            choosesFlow: (flow) => {
              if (flow.event === 'end') glanced.push(flow.opening);
              return false;
            },
            onFlowEnd: () => {},
          }),
        ],
      });

      run.feed(
        run.tap(),
        frames.map((data, i) => at(i / 100, data)),
      );
      run.pipeline.finish();

      expect(glanced).toEqual([expected]);
      expect(run.of('flow').map(openingOf)).toEqual([expected]);
      expect(run.of('flow')[0]!.probe).toBe(probe);
    });
});
