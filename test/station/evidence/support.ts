/** Collections as the sensor tells them: real pcapng, in pieces of whole blocks. */
import { PcapngWriter } from '../../../capture/pcapng.ts';
import { allocateBatch } from '../../../capture/source.ts';
import type { EvidenceCause, EvidencePiece } from '../../../src/model/evidence.ts';
import { ethernet, ipv4, udp } from '../../support/packet-builder.ts';
import { T0 } from '../support/records.ts';

export const OF_FINDING: EvidenceCause = {
  kind: 'finding',
  findingId: '5c1d9a03b2e4f611',
  analyzer: 'port-scan',
  severity: 'high',
};

export interface Told {
  readonly id: string;
  readonly cause?: EvidenceCause;
  readonly packets?: number;
  /** Of each packet, about. */
  readonly payloadBytes?: number;
  readonly networks?: readonly string[];
  readonly missing?: readonly string[];
  readonly end?: 'whole' | 'limit' | 'cut';
}

export interface Collection {
  readonly begin: EvidencePiece;
  readonly bytes: readonly EvidencePiece[];
  readonly end: EvidencePiece;
  readonly all: readonly EvidencePiece[];
  /** The file that is to be. */
  readonly file: Buffer;
}

export function collection(told: Told): Collection {
  const { id, packets = 3, payloadBytes = 60, networks = ['shop_data'], missing = [], end = 'whole' } = told;
  const pieces = written(packets, payloadBytes);
  const begin: EvidencePiece = { type: 'begin', id, cause: told.cause ?? OF_FINDING, time: T0, networks };
  const bytes = pieces.map((piece): EvidencePiece => ({ type: 'bytes', id, bytes: piece }));
  const times = packets === 0 ? {} : { first: T0, last: T0 + packets - 1 };
  const last: EvidencePiece = { type: 'end', id, end, packets, ...times, missing };
  return { begin, bytes, end: last, all: [begin, ...bytes, last], file: Buffer.concat(pieces) };
}

/** A section, an interface, and the packets one after the other; each flush is a piece. */
function written(packets: number, payloadBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  const writer = new PcapngWriter((bytes) => void pieces.push(Buffer.from(bytes)));
  writer.section({ application: 'Bridgewatch 0.1.0' });
  writer.addInterface({ name: 'br-0a1b2c3d4e5f', linkType: 1, snaplenBytes: 65_535 });
  const payload = new Uint8Array(payloadBytes);
  const data = ethernet(
    {},
    ipv4({ src: '172.30.0.2', dst: '198.51.100.7' }, udp({ sport: 4000, dport: 53 }, payload)),
  );
  for (let i = 0; i < packets; i++) {
    const batch = allocateBatch(data.length, 1);
    new Uint8Array(batch.data.buffer).set(data);
    batch.offset[0] = 0;
    batch.capLen[0] = data.length;
    batch.wireLen[0] = data.length;
    batch.tsSec[0] = Math.floor(T0 / 1e6);
    batch.tsNsec[0] = i * 1000;
    batch.count = 1;
    writer.packet(0, batch, 0);
    if (i % 50 === 49) writer.flush();
  }
  writer.flush();
  return pieces;
}
