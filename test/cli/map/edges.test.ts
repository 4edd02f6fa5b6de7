import { describe, expect, it } from 'vitest';
import { edgesOf } from '../../../src/cli/map/edges.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type PublicFlow, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { address, container, flow, network, secs, unattributed } from '../../support/records.ts';

const api = container('api', '172.30.0.10');
const db = { ...container('db', '172.30.0.11'), port: 5432 };
const data = network({ name: 'data' });

/** As the database gives it back. */
function stored(fields: Partial<FlowRecord> & { readonly from: number; readonly to: number }): PublicFlow {
  const { from, to, ...rest } = fields;
  const record = flow({
    orig: api,
    resp: db,
    network: data,
    reason: 'closed',
    origBytes: 600,
    respBytes: 0,
    ...rest,
    start: secs(from),
    end: secs(to),
  });
  return parseRecord(serializeRecord(record)) as PublicFlow;
}

/** Of the seconds 100 to 160. */
const edges = (...flows: readonly PublicFlow[]) =>
  edgesOf(flows, { from: secs(100), to: secs(160), recordedEverySecs: 70 });

describe('edges', () => {
  it('sum up the flows between two labels, in both directions, averaged over the window', () => {
    expect(
      edges(
        stored({ from: 110, to: 120, origBytes: 6000, respBytes: 600 }),
        stored({ from: 130, to: 131, orig: { ...api, ip: '172.30.0.20' }, origBytes: 5400 }),
      ),
    ).toEqual([
      {
        kind: 'edge',
        time: '2026-01-01T00:02:40.000000Z',
        windowSecs: 60,
        network: 'data',
        orig: 'shop/api',
        resp: 'shop/db',
        respPort: 5432,
        protocol: 'tcp',
        direction: 'unknown',
        bytesPerSecond: 200,
        flows: 2,
        since: '2026-01-01T00:01:50.000000Z',
        last: '2026-01-01T00:02:11.000000Z',
      },
    ]);
  });

  it('are apart where network, end, port, protocol or direction differ, the busiest first', () => {
    const found = edges(
      stored({ from: 110, to: 111, origBytes: 60 }),
      stored({ from: 110, to: 111, origBytes: 120, network: network({ name: 'front' }) }),
      stored({ from: 110, to: 111, origBytes: 180, resp: { ...db, port: 5433 } }),
      stored({ from: 110, to: 111, origBytes: 240, protocol: 'udp' }),
      stored({ from: 110, to: 111, origBytes: 300, orig: container('web', '172.30.0.12') }),
      stored({ from: 110, to: 111, origBytes: 360, direction: 'east-west' }),
    );

    expect(found.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual([6, 5, 4, 3, 2, 1]);
  });

  it.each([
    ['ended before the window', 90, 99.9, 0],
    ['ended as the window began', 90, 100, 1],
    ['began as it ended', 160, 161, 1],
    ['began after it', 160.1, 161, 0],
  ])('hold a flow that %s: %s to %s', (_, from, to, count) => {
    expect(edges(stored({ from, to }))).toHaveLength(count);
  });

  it('take of a flow that began before the window its share by time', () => {
    expect(edges(stored({ from: 80, to: 120, origBytes: 2400 }))).toMatchObject([
      { bytesPerSecond: 20, since: '2026-01-01T00:01:20.000000Z' },
    ]);
  });

  it('take a flow that goes on to go on alike, until its next record is overdue', () => {
    const goesOn = (to: number) => stored({ from: 0, to, origBytes: to * 10, reason: 'active' });

    // Recorded at 95: told to have run until 165, so it fills the window.
    expect(edges(goesOn(95))).toMatchObject([{ bytesPerSecond: 10 }]);
    expect(edges(goesOn(60))).toMatchObject([{ bytesPerSecond: 5 }]);
    expect(edges(goesOn(29))).toEqual([]);
    expect(edges(stored({ from: 0, to: 95, reason: 'closed' }))).toEqual([]);
  });

  it('make no rate beyond the bytes out of a flow of one packet', () => {
    expect(edges(stored({ from: 150, to: 150, origBytes: 600 }))).toMatchObject([{ bytesPerSecond: 10 }]);
    expect(edges(stored({ from: 150, to: 150, origBytes: 600, reason: 'active' }))).toMatchObject([
      { bytesPerSecond: 100 },
    ]);
  });

  it('join the addresses of one outside name, and keep those without a name apart', () => {
    const out = (ip: string, ...names: string[]) =>
      stored({ from: 110, to: 111, resp: address(ip, 'internet', { names, port: 443 }) });

    expect(
      edges(
        out('198.51.100.1', 'api.example.com'),
        out('198.51.100.2', 'api.example.com', 'other.example.com'),
        out('198.51.100.3'),
        out('198.51.100.4'),
      ).map(({ resp, flows }) => [resp, flows]),
    ).toEqual([
      ['internet api.example.com', 2],
      ['internet 198.51.100.3', 1],
      ['internet 198.51.100.4', 1],
    ]);
  });

  it('name the candidates where several containers fit, and the client behind a translation', () => {
    const either = unattributed('172.30.0.10', {
      scope: 'container',
      attribution: { method: 'ip@time', confidence: 'ambiguous', reason: 'two', candidates: ['a', 'b'] },
    });
    const client = address('198.51.100.9', 'internet');
    const found = edges(
      stored({ from: 110, to: 111, orig: either }),
      stored({
        from: 110,
        to: 111,
        orig: address('172.30.0.1', 'gateway'),
        nat: { kind: 'docker-proxy', method: 'conntrack', confidence: 'certain', client },
      }),
    );

    expect(found.map(({ orig }) => orig).sort()).toEqual(['a|b?', 'internet 198.51.100.9']);
  });
});
