import { describe, expect, it } from 'vitest';
import type { PublicFlow } from '../../src/model/serialize.ts';
import { judge, verdictText } from './judge.ts';
import type { LabelledPacket } from './packets.ts';

const PEER = '172.30.40.200';
const CALLER = '172.30.40.2';

function packet(label: string | undefined, millis: number): LabelledPacket {
  const time = Date.parse('2026-01-01T00:00:00Z') * 1000 + millis * 1000;
  const [srcMac, dstMac] = ['02:00:00:00:00:02', '02:00:00:00:00:c8'];
  return {
    time,
    srcMac,
    dstMac,
    protocol: 'udp',
    src: CALLER,
    dst: PEER,
    srcPort: 4000,
    dstPort: 7000,
    label,
  };
}

/** Said of the packets between 0 and 100 ms. */
function flow(orig: { name?: string; candidates?: string[]; method?: string }, peer = 'peer'): PublicFlow {
  const { name, candidates } = orig;
  const confidence = candidates !== undefined ? 'ambiguous' : name === undefined ? 'none' : 'certain';
  return {
    interface: 'br-blue',
    protocol: 'udp',
    start: '2026-01-01T00:00:00.000000Z',
    end: '2026-01-01T00:00:00.100000Z',
    reason: 'closed',
    orig: {
      ip: CALLER,
      port: 4000,
      ...(name === undefined ? {} : { workload: { name } }),
      attribution: { method: 'ip@time', confidence, ...(candidates === undefined ? {} : { candidates }) },
    },
    resp: { ip: PEER, port: 7000, workload: { name: peer } },
  } as unknown as PublicFlow;
}

const verdict = (flows: PublicFlow[], packets: LabelledPacket[]) =>
  judge(flows, { packets: new Map([['br-blue', packets]]), peers: new Map([[PEER, 'peer']]) });

const fromOne = [packet('a', 10), packet(undefined, 20)];
const fromTwo = [packet('a', 10), packet('b', 90)];

describe('the judge of flows', () => {
  it.each([
    ['names the sender', flow({ name: 'a' }), fromOne, { right: 1 }],
    ['names another', flow({ name: 'b' }), fromOne, { wrong: 1 }],
    ['names one where two sent', flow({ name: 'a' }), fromTwo, { wrong: 1 }],
    ['has both senders as candidates', flow({ candidates: ['a', 'b'] }), fromTwo, { ambiguous: 1 }],
    ['has the sender among candidates', flow({ candidates: ['a', 'b'] }), fromOne, { ambiguous: 1 }],
    ['lacks a sender among its candidates', flow({ candidates: ['b'] }), fromTwo, { wrong: 1 }],
    ['names nobody', flow({}), fromOne, { unnamed: 1 }],
    ['misnames the listener', flow({ name: 'a' }, 'other'), fromOne, { right: 1, peers: 1 }],
    ['leaves packets out', flow({ name: 'a' }), [...fromOne, packet('a', 200)], { right: 1, missing: 1 }],
  ])('a flow that %s', (_, said, packets, expected) => {
    const { wrong, unnamed, missing, peers, ...counts } = verdict([said], packets);

    expect({
      ...counts,
      wrong: wrong.length,
      unnamed: unnamed.length,
      missing: missing.length,
      peers: peers.length,
    }).toEqual({ right: 0, ambiguous: 0, wrong: 0, unnamed: 0, missing: 0, peers: 0, ...expected });
  });

  it('does not mix up interfaces', () => {
    const elsewhere = { ...flow({ name: 'a' }), interface: 'br-green' };

    expect(verdict([elsewhere], fromOne)).toMatchObject({
      right: 0,
      missing: [expect.stringContaining('a')],
    });
  });

  it('tells its story', () => {
    expect(verdictText(verdict([flow({ name: 'b' })], fromOne))).toMatch(
      /wrong +1\n[\s\S]*said b by ip@time: sent by a/,
    );
  });
});
