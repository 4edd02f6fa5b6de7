import { describe, expect, it } from 'vitest';
import type { PublicFlow } from '../../src/model/serialize.ts';
import { Aggregate, parseGrouping } from '../../src/query/aggregate.ts';
import { QueryError } from '../../src/query/error.ts';
import { flow, outside } from '../station/support/records.ts';
import { toPublic } from './records.ts';

function problemOf(by: string, sum?: string): string {
  try {
    parseGrouping({ by, sum, top: 20 });
  } catch (error) {
    if (error instanceof QueryError) return error.problem;
    throw error;
  }
  return 'none';
}

describe('what makes a group', () => {
  it('is a field by any of its names, an end whole, or a bucket of time', () => {
    const { keys, sums, sort } = parseGrouping({
      by: 'orig.service, resp.NAME,src,hour',
      sum: 'origBytes,flows,bytes.out',
      top: 5,
    });

    expect(keys.map(({ name }) => name)).toEqual(['src.service', 'dst.name', 'src', 'hour']);
    expect(sums).toEqual(['bytes.out', 'flows']);
    expect(sort).toBe('bytes.out');
  });

  it.each([
    ['src.servce', 'unknown field "src.servce"; did you mean "src.service"?'],
    ['hours', 'unknown field "hours"; did you mean "hour"?'],
    ['container', 'container is of any end; say of which: src.container or dst.container'],
    ['src,orig', 'src is given twice'],
    ['src,', 'a field is missing; like --by src.service,dst.name'],
    ['bytes', 'bytes has too many values to group by; it can be summed (--sum) or filtered by'],
    ['uid', 'each flow has a uid of its own: no groups'],
    ['time', 'group by minute, hour or day instead of time'],
    ['qtype', 'qtype is not a field of flows'],
    ['client', 'client is no end of a flow to group by; give a part of it'],
    ['src,dst,port,hour,service,state', 'at most 5 fields make a group'],
  ])('refuses %s with a reason', (by, problem) => {
    expect(problemOf(by)).toBe(problem);
  });

  it('refuses what cannot be summed, with what was meant', () => {
    expect(problemOf('src', 'bites')).toBe('"bites" cannot be summed; did you mean "bytes"?');
    expect(problemOf('src', 'state')).toContain('it is one of flows, bytes');
  });

  it('marks the place of the field that is wrong', () => {
    expect(() => parseGrouping({ by: 'src, nme', top: 1 })).toThrow(
      expect.objectContaining({ from: 5, to: 8 }),
    );
  });
});

describe('sums over flows', () => {
  const flows = [1, 2, 3].map(
    (n) =>
      toPublic(
        flow(n, {
          origBytes: n,
          respBytes: 10 * n,
          resp: outside({ names: n === 3 ? [] : ['api.example.com'] }),
        }),
      ) as PublicFlow,
  );

  it('add up to all of them, with what has no value as a group of its own', () => {
    const aggregate = new Aggregate(parseGrouping({ by: 'dst.name', sum: 'bytes,bytes.out', top: 20 }));
    for (const one of flows) aggregate.add(one);
    const { groups, others, total } = aggregate.result();

    expect(groups.map(({ key, flows: many, sums }) => [key, many, sums])).toEqual([
      [['api.example.com'], 2, [33, 3]],
      [[undefined], 1, [33, 3]],
    ]);
    expect(others).toBeUndefined();
    expect(total).toEqual({ flows: 3, sums: [66, 6] });
  });

  it('put values that are one too many among the others', () => {
    const aggregate = new Aggregate(parseGrouping({ by: 'src.port', sum: 'flows', top: 20 }), {
      maxValues: 1,
    });
    for (const port of [1, 2, 1, 3])
      aggregate.add({ ...flows[0]!, orig: { ...flows[0]!.orig, port } } as PublicFlow);
    const { groups, others } = aggregate.result();

    expect(groups).toMatchObject([{ key: [1], flows: 2 }]);
    expect(others).toMatchObject({ groups: 2, flows: 2 });
  });
});
