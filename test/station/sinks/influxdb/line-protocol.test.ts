import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeLine,
  type FieldValue,
  fieldText,
  MAX_TAG_CHARS,
  tagText,
} from '../../../../src/station/sinks/influxdb/line-protocol.ts';
import { HOSTILE_TEXTS, hostileNumber, hostileText } from '../../support/hostile.ts';
import { T0 } from '../../support/records.ts';
import { parseLine, splitLines } from './reference-parser.ts';

function line(
  fields: Record<string, FieldValue>,
  tags: Record<string, string | undefined> = {},
): string | undefined {
  return encodeLine({ measurement: 'm', tags, fields, time: T0, tie: 0 });
}

describe('encodeLine', () => {
  it('writes a point as the documentation of InfluxDB does', () => {
    const text = encodeLine({
      measurement: 'bridgewatch_traffic',
      tags: { resp: 'internet', host: 'my host', network: undefined },
      fields: { orig_bytes: 12n, share: 0.5, ok: true, note: 'say "hi"' },
      time: T0,
      tie: 7,
    });

    expect(text).toBe(
      'bridgewatch_traffic,host=my\\ host,network=none,resp=internet ' +
        'orig_bytes=12i,share=0.5,ok=true,note="say \\"hi\\"" 1795442400000000007',
    );
  });

  it('is read back as it was written, whatever the values are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), hostileText, { noNullPrototype: true }),
        fc.dictionary(fc.constantFrom('s', 't'), hostileText, { noNullPrototype: true }),
        hostileNumber,
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.boolean(),
        (tags, strings, number, integer, flag) => {
          const text = line({ ...strings, n: number, i: integer, f: flag }, tags)!;

          const parsed = parseLine(text);

          expect(parsed.tags).toEqual(
            Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, tagText(value)])),
          );
          for (const [key, value] of Object.entries(strings))
            expect(parsed.fields[key]).toBe(fieldText(value));
          expect(parsed.fields['n']).toBe(Number.isFinite(number) ? Number(String(number)) : undefined);
          expect(parsed.fields['i']).toBe(integer);
          expect(parsed.fields['f']).toBe(flag);
          expect(parsed.timestamp).toBe(BigInt(T0) * 1000n);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('is one line among others, whatever the values are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostileText, hostileText), { minLength: 1, maxLength: 5 }), (points) => {
        const text = points.map(([tag, field]) => line({ s: field }, { t: tag })).join('\n');

        const lines = splitLines(text);

        expect(lines.map((each) => parseLine(each).fields['s'])).toEqual(
          points.map(([, field]) => fieldText(field)),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it.each(HOSTILE_TEXTS)('keeps a string field exactly: %j', (text) => {
    expect(parseLine(line({ s: text })!).fields['s']).toBe(text.replace(/\p{Surrogate}/gu, '\ufffd'));
  });

  it('leaves out what has no value, and the point when nothing is left', () => {
    expect(line({ a: Number.NaN, b: undefined, c: Number.POSITIVE_INFINITY, d: 2n ** 63n, e: 1n })).toContain(
      'm e=1i ',
    );
    expect(line({ a: Number.NaN, b: undefined })).toBeUndefined();
  });

  it.each([0, -1, 0.5, Number.NaN, 2 ** 53])('has no line for a time of %d us', (time) => {
    expect(encodeLine({ measurement: 'm', tags: {}, fields: { a: 1n }, time, tie: 0 })).toBeUndefined();
  });

  it('gives the records of one microsecond different nanoseconds, also beyond a thousand', () => {
    const stamps = [0, 1, 999, 1000, 1001].map(
      (tie) => encodeLine({ measurement: 'm', tags: {}, fields: { a: 1n }, time: T0, tie })!.split(' ')[2],
    );

    expect(stamps).toEqual([`${T0}000`, `${T0}001`, `${T0}999`, `${T0 + 1}000`, `${T0 + 1}001`]);
  });
});

describe('tags', () => {
  it('keep different values different', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (a, b) => {
        fc.pre(a !== b && a !== '' && b !== '' && !/\p{Surrogate}/u.test(a + b));
        expect(tagText(a)).not.toBe(tagText(b));
      }),
      { numRuns: 2000 },
    );
  });

  it('are cut at their cap, visibly, and not within a character', () => {
    expect(tagText('x'.repeat(MAX_TAG_CHARS))).toHaveLength(MAX_TAG_CHARS);
    expect(tagText('x'.repeat(MAX_TAG_CHARS + 1))).toBe(`${'x'.repeat(MAX_TAG_CHARS - 1)}~`);
    expect(tagText(`${'x'.repeat(MAX_TAG_CHARS - 2)}😀😀`)).toBe(`${'x'.repeat(MAX_TAG_CHARS - 2)}~`);
  });

  it('and fields of any length make a line of bounded length', () => {
    const huge = '😀'.repeat(1_000_000);

    expect(Buffer.byteLength(line({ s: huge }, { t: huge })!)).toBeLessThan(40_000);
  });
});
