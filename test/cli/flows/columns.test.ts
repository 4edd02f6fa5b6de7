/** What a line of `flows` says, and that it fits. */
import { describe, expect, it } from 'vitest';
import { flowTable } from '../../../src/cli/flows/columns.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type PublicFlow, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { database, endpoint, flow, network, outside } from '../../station/support/records.ts';

const db = endpoint({ port: 5432 });
const api = endpoint({
  ip: '172.30.1.4',
  workload: { ...database, name: 'shop-api-1', composeService: 'api' },
});
const gateway = outside({
  ip: '172.30.1.1',
  scope: 'gateway',
  attribution: { method: 'gateway', confidence: 'certain' },
});

const shown = (over: Partial<FlowRecord>): PublicFlow =>
  parseRecord(serializeRecord(flow(1, { orig: api, resp: db, ...over }))) as PublicFlow;

/** The FLOW column alone. */
function wide(over: Partial<FlowRecord>): string {
  return cells(flowTable([shown(over)], undefined), 2);
}

function narrow(over: Partial<FlowRecord>): string {
  return cells(flowTable([shown(over)], 100), 1);
}

function cells(table: string, column: number): string {
  return table.split('\n')[1]!.split(/ {2,}/)[column]!;
}

describe('a flow', () => {
  it('names both ends with their network, and the port of the responder', () => {
    expect(wide({})).toBe('shop/api@data -> shop/db@data:5432');
    expect(narrow({})).toBe('shop/api@data -> shop/db@data:5432');
  });

  it('keeps the name of a network of another project', () => {
    expect(wide({ network: { ...network, name: 'edge_front' } })).toBe(
      'shop/api@edge_front -> shop/db@edge_front:5432',
    );
  });

  it('names no network for an end that the MAC does not put there', () => {
    const routed = endpoint({
      ...db,
      attribution: { method: 'ip@time', confidence: 'likely', reason: 'routed' },
    });

    expect(wide({ resp: routed })).toBe('shop/api@data -> shop/db:5432');
  });

  it('has an outside end with scope, name and address, IPv6 in brackets before a port', () => {
    expect(wide({ resp: outside({ names: ['api.example.com'] }) })).toBe(
      'shop/api@data -> internet api.example.com 198.51.100.7:443',
    );
    expect(wide({ resp: outside({ ip: '2001:db8::7' }) })).toBe(
      'shop/api@data -> internet [2001:db8::7]:443',
    );
    expect(wide({ resp: outside({ ip: '2001:db8::7', port: undefined }) })).toBe(
      'shop/api@data -> internet 2001:db8::7',
    );
    expect(narrow({ resp: outside({ names: ['api.example.com'] }) })).toBe(
      'shop/api@data -> api.example.com:443',
    );
  });

  it('says who it may have been, where several fit', () => {
    const ambiguous = endpoint({
      ...api,
      workload: undefined,
      attribution: {
        method: 'ip@time',
        confidence: 'ambiguous',
        reason: 'reused',
        candidates: ['shop/api', 'shop/web'],
      },
    });

    expect(wide({ orig: ambiguous })).toBe('shop/api|shop/web? 172.30.1.4 -> shop/db@data:5432');
  });

  it('names the client behind a translation, and what it asked for', () => {
    const nat = { kind: 'published-port', method: 'conntrack', confidence: 'certain' } as const;
    const published = { ip: '198.51.100.1', port: 15_432 };

    expect(wide({ orig: outside(), nat: { ...nat, published } })).toBe(
      'internet 198.51.100.7 via published-port 198.51.100.1:15432 -> shop/db@data:5432',
    );
    expect(
      wide({ orig: gateway, nat: { ...nat, kind: 'hairpin', client: outside({ names: [] }), published } }),
    ).toBe('internet 198.51.100.7 via hairpin 198.51.100.1:15432 -> shop/db@data:5432');
  });

  it('has in a narrow table the published port alone, and nothing for what merely lends its address', () => {
    const nat = { method: 'conntrack', confidence: 'certain' } as const;
    const published = { ip: '198.51.100.1', port: 15_432 };

    expect(narrow({ orig: outside(), nat: { kind: 'published-port', ...nat, published } })).toBe(
      '198.51.100.7 via :15432 -> shop/db@data:5432',
    );
    expect(narrow({ orig: gateway, nat: { kind: 'unknown', ...nat } })).toBe(
      'gateway 172.30.1.1 via NAT? -> shop/db@data:5432',
    );
    for (const text of [wide, narrow])
      expect(text({ nat: { kind: 'masquerade', ...nat } })).toBe('shop/api@data -> shop/db@data:5432');
  });

  it('says that the origin is unknown, where it is', () => {
    const unknown = { method: 'none', confidence: 'none', reason: 'no conntrack' } as const;

    expect(wide({ orig: gateway, nat: { kind: 'unknown', ...unknown } })).toBe(
      'gateway 172.30.1.1 via NAT, origin unknown -> shop/db@data:5432',
    );
    expect(wide({ orig: gateway, nat: { kind: 'docker-proxy', ...unknown } })).toBe(
      'gateway 172.30.1.1 via docker-proxy, origin unknown -> shop/db@data:5432',
    );
  });

  it('has the service by content, else a question mark and what the port hints at, else nothing', () => {
    const service = (over: Partial<FlowRecord>) => cells(flowTable([shown(over)], undefined), 4);

    expect(service({ service: 'postgresql' })).toBe('postgresql');
    expect(service({ service: undefined, portHint: 'postgresql' })).toBe('?postgresql');
    expect(service({ service: undefined })).toBe('SF');
  });
});

describe('the table', () => {
  const flows = [
    shown({}),
    shown({ resp: outside({ names: ['a-very-long-name-of-some-tenant.storage.eu-central.example.com'] }) }),
    shown({ protocol: 'udp', resp: outside({ port: 53, ip: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff' }) }),
    shown({ protocol: 'icmp', resp: outside({ port: undefined }), origBytes: 5e12, respBytes: 5e12 }),
    shown({ service: undefined, portHint: 'elasticsearch', connState: 'RSTOS0' }),
  ];
  const widths = (table: string) => table.split('\n').map((line) => line.length);

  it.each([80, 100, 132])('fits into %i columns', (columns) => {
    expect(Math.max(...widths(flowTable(flows, columns)))).toBeLessThanOrEqual(columns);
  });

  it('is whole where it fits, and where nobody says how wide it may be', () => {
    const whole = flowTable(flows, undefined);

    expect(whole.split('\n')[0]).toMatch(
      /^STARTED +NETWORK +FLOW +PROTO +SERVICE +STATE +SENT +RECEIVED +DIRECTION$/,
    );
    expect(whole).toContain(
      'a-very-long-name-of-some-tenant.storage.eu-central.example.com 198.51.100.7:443',
    );
    expect(flowTable(flows, Math.max(...widths(whole)))).toBe(whole);
    expect(flowTable(flows, Math.max(...widths(whole)) - 1)).not.toBe(whole);
  });

  it('has in a narrow one the protocol that is not TCP, and the sum of both directions', () => {
    const lines = flowTable(flows, 80).split('\n');

    expect(lines[0]).toMatch(/^STARTED +FLOW +SERVICE +BYTES +STATE$/);
    expect(lines[3]).toMatch(/^14:00:00Z {2}shop\/api@data -> \[2001:db8:ff.*~:53\/udp {2}/);
    expect(lines[4]).toMatch(/-> 198\.51\.100\.7 icmp +https +9\.1 TiB +SF$/);
  });

  it('has in a narrow one the time alone, and the day where there are several', () => {
    const later = shown({ start: flow(1).start + 86_400_000_000, end: flow(1).end + 86_400_000_000 });

    expect(flowTable([shown({})], 80)).toMatch(/\n14:00:00Z {2}/);
    expect(flowTable([shown({}), later], 80)).toMatch(/\n11-23 14:00:00Z {2}.*\n11-24 14:00:00Z {2}/);
  });

  it('lets nothing from the wire reach the terminal', () => {
    const hostile = shown({ resp: outside({ names: ['\u001b[2Jx'] }), service: '\u202eexe' });

    for (const columns of [undefined, 80]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
      expect(flowTable([hostile], columns)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u{10ffff}]/u);
    }
  });
});
