/** Frames out of a source as plain objects, for tests that compare them; and a folder for the files of a test. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import type { EndReason, PacketSource } from '../../capture/source.ts';

export interface Frame {
  readonly sec: number;
  readonly nsec: number;
  readonly wireLen: number;
  readonly interface: string;
  readonly data: Buffer;
}

/** Runs a source to its end; the frames are copies. */
export async function collect(source: PacketSource): Promise<{ frames: Frame[]; end: EndReason }> {
  const frames: Frame[] = [];
  const end = await source.run((batch) => {
    for (let i = 0; i < batch.count; i++) {
      const view = new Uint8Array(
        batch.data.buffer,
        batch.data.byteOffset + batch.offset[i]!,
        batch.capLen[i]!,
      );
      frames.push({
        sec: batch.tsSec[i]!,
        nsec: batch.tsNsec[i]!,
        wireLen: batch.wireLen[i]!,
        interface: source.interfaces[batch.ifIndex[i]!]!.name,
        data: Buffer.from(view),
      });
    }
  });
  return { frames, end };
}

/** Writes files into a folder that goes when the test file is done. */
export function scratchFolder(): (name: string, content: Uint8Array | string) => string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridgewatch-test-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  return (name, content) => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, content);
    return file;
  };
}

/** Bytes that differ from each other, of any length. */
export function payload(length: number, seed = 1): Buffer {
  const data = Buffer.alloc(length);
  for (let i = 0; i < length; i++) data[i] = (seed * 31 + i * 7) & 0xff;
  return data;
}
