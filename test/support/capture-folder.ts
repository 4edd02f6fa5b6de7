/** A folder of small captures that a test writes, and what comes out of them as one case. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { type CaseFiles, type CaseOptions, openCase } from '../../capture/case.ts';
import type { EndReason } from '../../capture/source.ts';
import { pcapFile } from './packet-builder.ts';
import { PcapngBlocks } from './pcap-writer.ts';

export interface CaptureFolder {
  readonly path: string;
  at(name: string): string;
  write(name: string, content: Uint8Array | string): string;
}

export function captureFolder(): CaptureFolder {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridgewatch-case-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => path.join(folder, name);
  return {
    path: folder,
    at,
    write(name, content) {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true });
      fs.writeFileSync(at(name), content);
      return at(name);
    },
  };
}

/** Second and name of a packet, which is its content. */
export type Packet = readonly [secs: number, name: string];

const DAY = 1_767_225_600;

/** Classic pcap: it names no interface. */
export function pcapOf(packets: readonly Packet[]): Uint8Array {
  return pcapFile(packets.map(([secs, name]) => ({ frame: Buffer.from(name), timeMicros: microsOf(secs) })));
}

/** pcapng of one interface. */
export function pcapngOf(interfaceName: string, packets: readonly Packet[], snaplen = 1000): Buffer {
  const blocks = new PcapngBlocks();
  return Buffer.concat([
    blocks.section(),
    blocks.interface(1, [[2, Buffer.from(interfaceName)]]),
    ...packets.map(([secs, name]) =>
      blocks.enhancedPacket(0, BigInt(microsOf(secs)), Buffer.from(name).subarray(0, snaplen), {
        wireLen: name.length,
      }),
    ),
  ]);
}

/** Of second `secs` of the day that all packets are of. */
export function microsOf(secs: number): number {
  return Math.round((DAY + secs) * 1_000_000);
}

export interface ReadCase {
  /** `interface second name`, as they came. */
  readonly packets: readonly string[];
  readonly end: EndReason;
  readonly files: CaseFiles;
}

/** `onBatch` sees each batch before the next is read. */
export async function readCase(options: CaseOptions, onBatch: () => void = () => {}): Promise<ReadCase> {
  const { source, files } = await openCase(options);
  const packets: string[] = [];
  const end = await source.run((batch) => {
    for (let i = 0; i < batch.count; i++) {
      const bytes = Buffer.from(batch.data.buffer, batch.offset[i]!, batch.capLen[i]!);
      const secs = batch.tsSec[i]! - DAY + batch.tsNsec[i]! / 1e9;
      packets.push(`${source.interfaces[batch.ifIndex[i]!]!.name} ${secs} ${bytes.toString('latin1')}`);
    }
    onBatch();
  });
  return { packets, end, files: files() };
}
