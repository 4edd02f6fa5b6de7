import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/sensor/docker/ndjson.ts';

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut, also inside a character', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text }));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((entry) => `${entry}\n`).join(''));
        const splitter = new LineSplitter(1_000_000);
        const out: string[] = [];

        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          out.push(...splitter.push(bytes.subarray(at, at + cut)));
          at = Math.min(bytes.length, at + cut);
        }

        expect(out).toEqual(lines);
      }),
    );
  });

  it('keeps the unfinished line to itself', () => {
    const splitter = new LineSplitter(100);

    expect(splitter.push(Buffer.from('{"a":'))).toEqual([]);
    expect(splitter.push(Buffer.from('1}'))).toEqual([]);
    expect(splitter.push(Buffer.from('\r\n\n'))).toEqual(['{"a":1}']);
  });

  it('refuses a line one byte too long, and takes one that just fits', () => {
    const fits = new LineSplitter(10);
    expect(fits.push(Buffer.from(`${'x'.repeat(10)}\n`))).toHaveLength(1);

    const tooLong = new LineSplitter(10);
    tooLong.push(Buffer.from('x'.repeat(10)));
    expect(() => tooLong.push(Buffer.from('x'))).toThrow(/10 bytes/);
  });
});
