/** Packets that were put aside, in the words of the event feed and of `bridgewatch evidence`. Plain: who prints it escapes it. */
import { counted } from '../../model/readable.ts';
import type { PublicEvidence } from '../../model/serialize.ts';
import { formatBytes } from '../lib/output.ts';

/** `kept  5c1d9a03b2e4f611 (port-scan): 120 packets, 34.1 KiB, on shop_data, whole`, without its id. */
export function evidenceText(record: PublicEvidence): string {
  const { change, bytes, networks, reason } = record;
  const about = `${change}  ${causeText(record)}`;
  if (change === 'removed')
    return `${about}: ${formatBytes(bytes)}${reason === undefined ? '' : `, ${reason}`}`;
  const where = networks.length === 0 ? '' : `, on ${networks.join(', ')}`;
  return `${about}: ${packetsText(record)}, ${formatBytes(bytes)}${where}, ${endText(record)}`;
}

/** `5c1d9a03b2e4f611 (port-scan)`, or `shop/db by root (uid 0)`. */
export function causeText({ cause, finding, analyzer, targets, by }: PublicEvidence): string {
  if (cause === 'finding') return `${finding}${analyzer === undefined ? '' : ` (${analyzer})`}`;
  const asked = targets === undefined || targets.length === 0 ? cause : targets.join(' ');
  return by === undefined ? asked : `${asked} by ${by}`;
}

export function packetsText({ packets }: PublicEvidence): string {
  if (packets === undefined) return 'an unknown number of packets';
  return counted(packets, 'packet');
}

/** How it ended, and what is not in it. */
export function endText({ end, missing }: PublicEvidence): string {
  const what = { whole: 'whole', limit: 'ended at a bound', cut: 'cut off' }[end];
  return missing.length === 0 ? what : `${what}, without ${missing.join('; ')}`;
}
