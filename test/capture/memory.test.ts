import { expect, it } from 'vitest';
import { openMemory } from '../../capture/memory.ts';
import { describeSource } from '../compliance/source.ts';
import { collect, payload } from '../support/frames.ts';

const TIME = 1_790_000_000_123_456;
const frames = Array.from({ length: 10 }, (_, i) => ({ data: payload(60 + i, i), time: TIME + i }));

describeSource('memory', {
  open: async () => openMemory(frames, { framesPerBatch: 3 }),
  frames: 10,
  endsBy: 'end-of-file',
});

it('gives frames their bytes, times, wire lengths and interfaces', async () => {
  const source = openMemory(
    [
      { data: payload(3), time: TIME },
      { data: payload(0), time: TIME + 1, wireLen: 90, interface: 1 },
    ],
    {
      interfaces: [
        { name: 'br-a', linkType: 1 },
        { name: 'br-b', linkType: 1 },
      ],
    },
  );

  const got = await collect(source);

  expect(got.frames).toEqual([
    { sec: 1_790_000_000, nsec: 123_456_000, wireLen: 3, interface: 'br-a', data: payload(3) },
    { sec: 1_790_000_000, nsec: 123_457_000, wireLen: 90, interface: 'br-b', data: payload(0) },
  ]);
});

it('ends as a test wants it to', async () => {
  const source = openMemory(frames, { end: { reason: 'interface-gone', detail: 'br-a was deleted' } });

  expect((await collect(source)).end).toEqual({ reason: 'interface-gone', detail: 'br-a was deleted' });
});
