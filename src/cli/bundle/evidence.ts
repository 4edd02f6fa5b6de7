/** Which packets that were put aside belong to a case, and where they are. */
import { BundleError } from '../../bundle/error.ts';
import type { BundledFile } from '../../bundle/manifest.ts';
import { isSafePath } from '../../bundle/paths.ts';
import type { BundleWriter } from '../../bundle/writer.ts';
import { type PublicFinding, type PublicOf, parseRecord } from '../../model/serialize.ts';
import { formatMicros } from '../../model/time.ts';
import { EvidencePaths, isEvidenceId } from '../../station/evidence/folder.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { type CaseWindow, eventsOf } from './records.ts';

type Evidence = PublicOf<'evidence'>;

export interface CaseEvidence {
  /** All records that tell of it, as lines; the newest first. */
  readonly texts: readonly string[];
  /** What was kept and not removed since; the findings asked for first. */
  readonly kept: readonly Evidence[];
  /** Removed since. */
  readonly removed: readonly Evidence[];
}

/** Of its findings; and what others put aside of the same networks in that time. */
export function evidenceOf(
  reader: StoreReader,
  window: CaseWindow,
  findings: readonly PublicFinding[],
  chief: PublicFinding | undefined,
): CaseEvidence {
  const ids = new Set(findings.map(({ id }) => id));
  const networks = new Set(findings.map(({ network }) => network));
  const [since, until] = [formatMicros(window.since), formatMicros(window.until)];
  const isOfCase = ({ finding, first, last, trigger, networks: seen, time }: Evidence): boolean => {
    if (finding !== undefined && ids.has(finding)) return true;
    const overlaps = (first ?? trigger ?? time) < until && (last ?? trigger ?? time) >= since;
    if (!overlaps || (chief !== undefined && finding !== undefined)) return false;
    return window.filter === undefined || seen.some((network) => networks.has(network));
  };
  // It is complete only after its last packet, and may be removed at any time since.
  const all = { since: window.since, until: Number.MAX_SAFE_INTEGER, filter: undefined, onStopped: () => {} };
  const texts: string[] = [];
  const kept = new Map<string, Evidence>();
  const removed: Evidence[] = [];
  for (const { text } of eventsOf(reader, ['evidence'], all)) {
    const record = parseRecord(text) as Evidence;
    if (!isOfCase(record)) continue;
    texts.push(text);
    if (record.change === 'removed') removed.push(record);
    else kept.set(record.id, record);
  }
  for (const { id } of removed) kept.delete(id);
  const rank = ({ finding }: Evidence) => (chief !== undefined && finding === chief.id ? 0 : 1);
  return { texts, kept: [...kept.values()].sort((a, b) => rank(a) - rank(b)), removed };
}

/** Copies them, holds each against the hash that was recorded, and says what is not there, and why. */
export function addEvidence(writer: BundleWriter, folder: string, { kept, removed }: CaseEvidence): void {
  for (const record of removed)
    writer.lacks(
      nameOf(record),
      `its packets were removed at ${record.time}: ${record.reason ?? 'no reason is recorded'}`,
    );
  for (const record of kept) {
    for (const line of record.missing) writer.lacks(nameOf(record), line);
    // A collection without packets, or what `capture` wrote elsewhere. An id out of the database is no path.
    if (record.file === undefined || !isEvidenceId(record.id)) continue;
    addPieces(writer, record, new EvidencePaths(folder, record.id));
  }
}

function addPieces(writer: BundleWriter, record: Evidence, { id, packets, facts }: EvidencePaths): void {
  const { sha256 } = record;
  const path = `evidence/${id}.pcapng`;
  if (!isSafePath(path)) {
    writer.lacks(path, 'its name is too long for an archive; the station makes none so long');
    return;
  }
  const copied = copy(writer, path, whatText(record), packets);
  if (copied === undefined) return;
  if (sha256 !== undefined && sha256 !== copied.sha256)
    writer.lacks(path, `the packets as they were put aside (SHA-256 ${sha256}): the file was changed since`);
  copy(writer, `evidence/${id}.json`, `what was recorded of ${id}.pcapng`, facts);
}

/** Undefined when it is not in it, which is said. */
function copy(writer: BundleWriter, path: string, what: string, from: string): BundledFile | undefined {
  try {
    const copied = writer.addCopy(path, what, from);
    if (copied === undefined) writer.lacks(path, NO_ROOM);
    return copied;
  } catch (error) {
    // Of a disk that is full, or breaks while it is read, nobody can make a bundle.
    if (!(error instanceof BundleError) || error.code !== 'BUNDLE_SOURCE') throw error;
    writer.lacks(path, error.message);
    return undefined;
  }
}

export const NO_ROOM = 'there was no room left in --max-bytes';

function nameOf({ id }: Evidence): string {
  return `packets put aside as ${id}`;
}

function whatText({ cause, finding, by, packets }: Evidence): string {
  const whose = cause === 'finding' ? `for finding ${finding}` : `asked for by ${by ?? 'somebody'}`;
  return `pcapng: ${packets ?? 'an unknown number of'} packets ${whose}`;
}
