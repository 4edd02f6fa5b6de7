import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError, FrameReader, framed } from '../../src/channel/frames.ts';

/** The stream as it may arrive: cut at any places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

describe('messages on a stream', () => {
  it('come out whole and in order, wherever the stream was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.array(fc.nat()), (messages, places) => {
        const reader = new FrameReader(1000);
        const stream = Buffer.concat(messages.map((message) => framed(message)));
        const read = cut(stream, places).flatMap((chunk) => reader.push(chunk));
        expect(read.map((bytes) => [...bytes])).toEqual(messages.map((message) => [...message]));
      }),
    );
  });

  it('may be as long as the bound, and no longer: nothing is collected for one that is', () => {
    expect(new FrameReader(5).push(framed(Buffer.from('12345'))).map(String)).toEqual(['12345']);
    expect(() => new FrameReader(5).push(framed(Buffer.from('123456')).subarray(0, 4))).toThrow(FrameError);
  });
});
