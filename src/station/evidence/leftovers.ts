/**
 * What a station that was killed left in the folder: files that were growing become files that are cut off, those without
 * a packet go, and the log and the folder are made to say the same again.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { EvidenceRecord } from '../../model/evidence.ts';
import { serializeRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import { wholeBlocks } from './blocks.ts';
import { readFacts } from './facts.ts';
import { contentsOf, EvidencePaths } from './folder.ts';
import { writeFacts } from './part-file.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface Leftovers {
  /** Records of files that the log does not know. */
  readonly found: readonly EvidenceRecord[];
  /** Ids that the log knows, and of which there is no file. */
  readonly gone: readonly string[];
}

/** `known`: ids of the files that the log tells of. Throws what the file system says of the folder as a whole. */
export function settleLeftovers(folder: string, known: ReadonlySet<string>, now: Micros): Leftovers {
  const { whole, parts } = contentsOf(folder);
  const found: EvidenceRecord[] = [];
  const added = new Set<string>();
  for (const id of parts) {
    const paths = new EvidencePaths(folder, id);
    const record = settlePart(paths, now, whole.has(id) && !known.has(id));
    if (record === undefined) continue;
    found.push(record);
    added.add(id);
  }
  for (const id of whole) {
    if (known.has(id) || added.has(id)) continue;
    const facts = readFacts(new EvidencePaths(folder, id).facts);
    if (facts?.id === id && facts.change === 'kept') found.push(facts);
  }
  return { found, gone: [...known].filter((id) => !whole.has(id) && !added.has(id)) };
}

/** `isNews`: its packets are whole already, and only the log does not know it yet. */
function settlePart(paths: EvidencePaths, now: Micros, isNews: boolean): EvidenceRecord | undefined {
  const facts = readFacts(paths.factsPart);
  const size = statSync(paths.packetsPart, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    // It was killed between the two names.
    if (isNews && facts?.id === paths.id && facts.file === paths.name) {
      renameSync(paths.factsPart, paths.facts);
      return facts;
    }
    rmSync(paths.factsPart, { force: true });
    return undefined;
  }
  const written = keepWhole(paths.packetsPart, size);
  if (written.packets === 0) {
    rmSync(paths.packetsPart, { force: true });
    rmSync(paths.factsPart, { force: true });
    return undefined;
  }
  const record: EvidenceRecord = {
    ...(facts?.id === paths.id ? facts : unknownCause(paths.id, now)),
    ...written,
    file: paths.name,
    time: now,
    first: undefined,
    last: undefined,
    end: 'cut',
    missing: ['what came after the process that kept it was killed'],
  };
  writeFacts(paths.factsPart, serializeRecord(record));
  renameSync(paths.packetsPart, paths.packets);
  renameSync(paths.factsPart, paths.facts);
  return record;
}

function unknownCause(id: string, now: Micros): EvidenceRecord {
  return {
    kind: 'evidence',
    time: now,
    id,
    change: 'kept',
    cause: 'request',
    networks: [],
    bytes: 0,
    end: 'cut',
    missing: [],
  };
}

/** Cuts off half a block at the end: every reader of pcapng complains of one. */
function keepWhole(path: string, size: number): { bytes: number; packets: number; sha256: string } {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { bytes, packets } = wholeBlocks(fd, size);
    ftruncateSync(fd, bytes);
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(bytes, 1)));
    for (let at = 0; at < bytes; ) {
      const read = readSync(fd, chunk, 0, chunk.length, at);
      if (read === 0) break;
      hash.update(chunk.subarray(0, read));
      at += read;
    }
    return { bytes, packets, sha256: hash.digest('hex') };
  } finally {
    closeSync(fd);
  }
}
