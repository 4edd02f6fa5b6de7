/** What is said of a capture when it is over: as a record, as tcpdump says it, and as a file beside it. */
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { printableJson, SHORT_ID_LENGTH } from '../../model/serialize.ts';
import { formatMicros } from '../../model/time.ts';
import type { RecordingSummary } from '../../sensor/recording/recording.ts';
import { version } from '../../version.ts';
import { complain, formatBytes } from '../lib/output.ts';
import type { CaptureRecord } from '../lib/records.ts';

export function captureRecord(summary: RecordingSummary, targets: readonly string[]): CaptureRecord {
  return {
    kind: 'capture',
    tool: `Bridgewatch ${version()}`,
    host: hostname(),
    targets,
    started: formatMicros(summary.startedMs * 1000),
    ended: formatMicros(summary.endedMs * 1000),
    end: summary.end,
    packets: summary.packets,
    interfaces: summary.interfaces.map(({ network, interface: name, filter, packets, stats }) => ({
      network: network.name,
      networkId: network.id.slice(0, SHORT_ID_LENGTH),
      internal: network.internal,
      interface: name,
      ...(filter === undefined ? {} : { filter }),
      packets,
      ...stats,
    })),
    files: summary.files.map(({ name, bytes, sha256 }) => ({ name: basename(name), bytes, sha256 })),
    notRecorded: summary.unseen,
  };
}

/** tcpdump's three lines, because people know them; then each file. */
export function captureText({ packets, interfaces, files, notRecorded }: CaptureRecord): string[] {
  const received = interfaces.reduce((sum, tap) => sum + tap.received, 0);
  const dropped = interfaces.map((tap) => tap.droppedByKernel);
  const known = dropped.filter((count) => count !== undefined);
  const kernel = known.reduce((sum, count) => sum + count, 0);
  return [
    `${packets} packets captured`,
    `${received} packets received by filter`,
    known.length === dropped.length
      ? `${kernel} packets dropped by kernel`
      : 'how many packets the kernel dropped is not known: this backend cannot tell',
    ...files.map(({ name, bytes }) => `${name}: ${formatBytes(bytes)}`),
    ...notRecorded.map((line) => `not recorded: ${line}`),
  ];
}

/** `FILE.json`: a capture without it is whole, so that it could not be written is said and no more. */
export function writeSidecar(path: string, record: CaptureRecord): void {
  try {
    writeFileSync(`${path}.json`, `${printableJson(record)}\n`, { mode: 0o600 });
  } catch (error) {
    complain(`cannot write ${path}.json: ${error instanceof Error ? error.message : String(error)}`);
  }
}
