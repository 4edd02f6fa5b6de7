/** Hostile files: whatever the bytes, the reader ends with a reason and no frame lies outside of what was read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { CaptureError, type EndReason } from '../../capture/source.ts';
import { payload, scratchFolder } from '../support/frames.ts';
import { PcapngBlocks, pcapFile } from '../support/pcap-writer.ts';

const write = scratchFolder();
const blocks = new PcapngBlocks();
const PCAP = pcapFile(Array.from({ length: 8 }, (_, i) => ({ data: payload(i * 9), sec: i, fraction: i })));
const PCAPNG = Buffer.concat([
  blocks.section(),
  blocks.interface(1, [[2, Buffer.from('eth0')]]),
  blocks.enhancedPacket(0, 1_000_000n, payload(9)),
  blocks.simplePacket(payload(10)),
  blocks.block(4, payload(20)),
  blocks.interface(101, [[9, Uint8Array.of(9)]]),
  blocks.enhancedPacket(1, 5n, payload(30), { options: [[1, Buffer.from('comment')]] }),
  blocks.statistics(0, [[7, blocks.u64(9n)]]),
  blocks.obsoletePacket(0, 7n, payload(3)),
]);

/** A byte changed, some left out, some put in, the end cut off. */
const mutation = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    at: fc.nat(),
    value: fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('end' as const), at: fc.nat() }),
);

function mutate(
  seed: Buffer,
  mutations: readonly (typeof mutation extends fc.Arbitrary<infer T> ? T : never)[],
): Buffer {
  let bytes = Buffer.from(seed);
  for (const one of mutations) {
    const at = one.at % Math.max(1, bytes.length);
    if (one.kind === 'set') bytes[at] = one.value;
    else if (one.kind === 'cut')
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.length)]);
    else if (one.kind === 'end') bytes = bytes.subarray(0, at);
    else bytes = Buffer.concat([bytes.subarray(0, at), one.bytes, bytes.subarray(at)]);
  }
  return bytes;
}

/** Reads it all; throws what the reader throws, and for frames that lie where nothing was read. */
async function read(path: string, sizeBytes: number): Promise<EndReason | CaptureError> {
  let source: Awaited<ReturnType<typeof openFile>>;
  try {
    source = await openFile({ path });
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  let bytes = 0;
  const end = await source.run((batch) => {
    for (let i = 0; i < batch.count; i++) {
      bytes += batch.capLen[i]!;
      if (batch.offset[i]! + batch.capLen[i]! > batch.data.byteLength) throw new Error('outside of the slab');
      if (batch.ifIndex[i]! >= source.interfaces.length) throw new Error('of an unknown interface');
    }
  });
  if (bytes > sizeBytes) throw new Error(`${bytes} bytes of frames out of a file of ${sizeBytes}`);
  return end;
}

describe.each([
  ['pcap', PCAP],
  ['pcapng', PCAPNG],
])('damaged %s', (name, seed) => {
  it('ends with a reason, whatever is damaged', { timeout: 60_000 }, async () => {
    const reasons = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const bytes = mutate(seed, mutations);
        const end = await read(write(`fuzz.${name}`, bytes), bytes.length);
        reasons.add(end instanceof CaptureError ? end.code : end.reason);
      }),
      { numRuns: 500 },
    );

    // The damage was of all kinds.
    expect([...reasons]).toEqual(
      expect.arrayContaining(['end-of-file', 'truncated', 'failed', 'CAPTURE_NOT_A_CAPTURE']),
    );
  });
});
