/**
 * What a case was read from: the files, what of them could be read, and by what addresses were named. For the end of
 * `analyze` and for reports, which must say what was not seen. Names of files are as the world wrote them: escape them
 * where they become text.
 */
import type { Micros } from './time.ts';

/** How the reading of a file ended. */
export type CaseFileEnd =
  /** Read to its end. */
  | 'whole'
  /** It stops inside of a record, or its gzip data does: what came before was read. */
  | 'cut'
  /** It is corrupt from some place on: what came before was read. */
  | 'corrupt'
  /** It could not be opened, or is of a kind that is recognised and not read. */
  | 'unreadable'
  /** A copy of another, byte for byte: that one was read. */
  | 'copy'
  /** It begins after the end of the range of time that was asked for. */
  | 'outside';

/** A capture file that was named, or found in a folder that was. */
export interface CaseFile {
  /** As it was named, or found below what was named; `stdin` for that. */
  readonly path: string;
  readonly end: CaseFileEnd;
  /** A sentence that names the file: why, and where; absent where it was read to its end, or is outside. */
  readonly detail?: string;
  /** On disk; absent for a pipe. */
  readonly sizeBytes?: number;
  /** Of the bytes on disk; only when it was asked for, and absent where they could not be read to their end. */
  readonly sha256?: string;
  /** Packets read: those outside of the range of time, or that the filter takes out, are not among them. */
  readonly packets: number;
  /** Times of these, as they came; absent when there was none. */
  readonly first?: Micros;
  readonly last?: Micros;
  /** What the capturing program wrote that it lost; absent when it wrote nothing. */
  readonly droppedByKernel?: number;
  readonly droppedByInterface?: number;
}

/** By what addresses were named. */
export interface CaseInventory {
  /**
   * `none`: nothing was given. `networks`: --network. `map`: what `map --json` printed. `records`: leases as `events`
   * prints them. `database`: an agent's. `engine`: the one that runs now.
   */
  readonly kind: 'none' | 'networks' | 'map' | 'records' | 'database' | 'engine';
  /** The file; absent where there is none. */
  readonly source?: string;
}

export interface CaseInput {
  /** In the order of their packets, those without any last. Of more than 1,000 those that were not read whole go first. */
  readonly files: readonly CaseFile[];
  /** Files beyond those. */
  readonly unlisted: number;
  /** All files, also those that are not listed, by how they ended. */
  readonly ends: Readonly<Record<CaseFileEnd, number>>;
  /** Files in folders that are no captures, and were passed over. */
  readonly notCaptures: number;
  /** Packets that stood in two files of one interface, at the same time and with the same bytes: counted once. */
  readonly duplicates: number;
  /** Packets that stood in two files which name no interface, at the same time and with the same bytes: counted twice. */
  readonly alike: number;
  /** Files that were opened late, because too many overlapped: packets of theirs may stand up to 10 s too late. */
  readonly openedLate: number;
  /** The range of time that was asked for: [since, until). */
  readonly since?: Micros;
  readonly until?: Micros;
  /** pcap-filter(7). */
  readonly filter?: string;
  readonly inventory: CaseInventory;
}
