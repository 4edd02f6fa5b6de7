import { describe, expect, it } from 'vitest';
import type { EdgeRecord } from '../../../src/cli/lib/records.ts';
import { type EdgePicture, edgeText } from '../../../src/cli/map/edge-text.ts';
import { network } from '../../support/records.ts';

function edge(fields: Partial<EdgeRecord> = {}): EdgeRecord {
  return {
    kind: 'edge',
    time: '2026-11-23T14:10:07.000000Z',
    windowSecs: 60,
    network: 'shop_data',
    orig: 'shop/api',
    resp: 'shop/db',
    respPort: 5432,
    protocol: 'tcp',
    direction: 'east-west',
    bytesPerSecond: 12_595,
    flows: 3,
    since: '2026-11-23T14:02:11.000000Z',
    last: '2026-11-23T14:10:01.000000Z',
    ...fields,
  };
}

const picture = (fields: Partial<EdgePicture> = {}): EdgePicture => ({
  time: '2026-11-23T14:10:07.000000Z',
  windowSecs: 60,
  edges: [edge()],
  notices: [],
  ...fields,
});

describe('edges as text', () => {
  it('stand under their network, aligned, with what it is', () => {
    const text = edgeText(
      picture({
        edges: [
          edge(),
          edge({
            network: 'shop_front',
            orig: 'internet 198.51.100.9',
            resp: 'shop/web',
            respPort: 443,
            flows: 1,
          }),
          edge({ resp: 'internet 2001:db8::7', bytesPerSecond: 12, since: '2026-11-22T23:59:00.000000Z' }),
        ],
        networks: [
          {
            network: network({ name: 'shop_data', internal: true, subnets: ['172.30.0.0/24'] }),
            containers: 2,
          },
          { network: network({ name: 'idle' }), containers: 1 },
          { network: network({ name: 'empty' }), containers: 0 },
        ],
      }),
    );

    expect(text.split('\n')).toEqual([
      '2026-11-23 14:10:07Z  3 edges in the last 60 s',
      '',
      'shop_data  internal  br-000000000001  172.30.0.0/24  2 containers',
      '  shop/api -> shop/db:5432                 tcp  12.3 KiB/s  since 14:02Z             3 flows',
      '  shop/api -> internet [2001:db8::7]:5432  tcp      12 B/s  since 2026-11-22 23:59Z  3 flows',
      '',
      'shop_front',
      '  internet 198.51.100.9 -> shop/web:443    tcp  12.3 KiB/s  since 14:02Z             1 flow',
      '',
      'quiet: idle',
    ]);
  });

  it('need no port', () => {
    const { respPort: _, ...ping } = edge({ protocol: 'icmp', resp: 'internet 2001:db8::7' });
    expect(edgeText(picture({ edges: [ping] }))).toContain('  shop/api -> internet 2001:db8::7  icmp  ');
  });

  it('say first what makes them less than they should be', () => {
    expect(edgeText(picture({ edges: [], notices: ['nothing new comes: no agent'] })).split('\n')).toEqual([
      '2026-11-23 14:10:07Z  0 edges in the last 60 s',
      '! nothing new comes: no agent',
    ]);
  });

  it('fit the terminal: the busiest stay, the rest is counted, long lines are cut', () => {
    const edges = Array.from({ length: 50 }, (_, i) =>
      edge({ respPort: 1000 + i, bytesPerSecond: 5000 - i, network: i % 2 === 0 ? 'even' : 'odd' }),
    );
    const lines = edgeText(picture({ edges }), { rows: 15, columns: 40 }).split('\n');

    expect(lines).toHaveLength(15);
    expect(lines.every((line) => line.length <= 40)).toBe(true);
    expect(lines.join('\n')).toContain('shop/db:1000');
    expect(lines.at(-1)).toMatch(/^and 4\d more, none of them busier$/);
    expect(lines.filter((line) => line.includes('->')).length + Number(/\d+/.exec(lines.at(-1)!)![0])).toBe(
      50,
    );
    expect(edgeText(picture({ edges }), { rows: 200 })).not.toContain('more');
  });

  it('cannot do anything to the terminal, whatever a name holds', () => {
    const hostile = 'x\u001b[2J\n\u202e';
    const text = edgeText(
      picture({
        edges: [edge({ orig: hostile, resp: hostile, network: hostile, protocol: hostile })],
        networks: [{ network: network({ name: hostile, subnets: [hostile] }), containers: 1 }],
        notices: [hostile],
      }),
    );

    expect(text).not.toMatch(/[^\x20-\x7e\n]/);
    expect(text.split('\n')).toHaveLength(5);
  });
});
