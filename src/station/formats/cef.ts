/**
 * Common Event Format 0 (ArcSight), for findings: one line for syslog. Texts are cut to what the format's dictionary
 * allows, the line to a bound; what found no room is named in `flexString1`.
 */
import { addressLabel, endpointLabel } from '../../model/endpoint.ts';
import type { PublicEndpoint, PublicFinding } from '../../model/serialize.ts';
import { cut, visible } from './bounded-text.ts';
import { millisOf, timeOf } from './facts.ts';
import { type Emitter, type Format, PRODUCT, VENDOR } from './format.ts';

/** Leaves room for a syslog header and structured data within 8 KiB. */
export const CEF_MAX_BYTES = 6 * 1024;

/** From 0 to 10; 0-3 low, 4-6 medium, 7-8 high, 9-10 very high. */
const SEVERITIES = { informational: 0, low: 3, medium: 5, high: 8, critical: 10 } as const;

const MAX_HEADER_LENGTH = 512;
/** For ` flexString1Label=leftOut flexString1=` and the names of all keys. */
const LEFT_OUT_BYTES = 256;

export const cef: Format = {
  carries: (kind) => kind === 'finding',
  encode: (record, emitter) => (record.kind === 'finding' ? cefLine(record, emitter) : undefined),
};

function cefLine(finding: PublicFinding, emitter: Emitter): string | undefined {
  if (timeOf(finding) === undefined) return undefined;
  const { analyzer, message, title, severity } = finding;
  const header = [VENDOR, PRODUCT, emitter.version, `${analyzer}/${message}`, title]
    .map(headerText)
    .join('|');
  const head = `CEF:0|${header}|${SEVERITIES[severity]}|`;
  const parts: string[] = [];
  const leftOut: string[] = [];
  let bytes = Buffer.byteLength(head);
  for (const [key, value, maxLength, label] of extension(finding, emitter)) {
    if (value === undefined || value === '') continue;
    const named = label === undefined ? '' : `${key}Label=${label} `;
    const part = `${named}${key}=${extensionText(value, maxLength)}`;
    bytes += Buffer.byteLength(part) + 1;
    if (bytes <= CEF_MAX_BYTES - LEFT_OUT_BYTES) parts.push(part);
    else {
      bytes -= Buffer.byteLength(part) + 1;
      leftOut.push(label ?? key);
    }
  }
  if (leftOut.length > 0) parts.push(`flexString1Label=leftOut flexString1=${leftOut.join(',')}`);
  return head + parts.join(' ');
}

type Extension = readonly [
  key: string,
  value: string | number | undefined,
  maxLength: number,
  label?: string,
];

/** In the order of what is wanted most, with the dictionary's lengths. */
function extension(finding: PublicFinding, { host }: Emitter): readonly Extension[] {
  const { subject, peers, attack, evidence, communityIds, flowUids } = finding;
  const [peer] = peers;
  return [
    ['rt', millisOf(finding.lastSeen), 20],
    ['start', millisOf(finding.firstSeen), 20],
    ['end', millisOf(finding.lastSeen), 20],
    ['externalId', finding.id, 40],
    ['cnt', finding.count, 20],
    ['cat', finding.analyzer, 1023],
    ['act', finding.status, 63],
    ['dvchost', host, 100],
    ['msg', finding.explanation, 1023],
    ...address('src', subject, ['src', 'c6a2', 'sourceIPv6']),
    ...address('dst', peer, ['dst', 'c6a3', 'destinationIPv6']),
    ['shost', endpointLabel(subject), 1023],
    ['dhost', peer && endpointLabel(peer), 1023],
    ['cs1', finding.network, 4000, 'network'],
    ['cs2', subject.workload?.containerId, 4000, 'container'],
    ['cs3', attack.map(({ technique, tactic }) => `${technique} ${tactic}`).join(', '), 4000, 'attack'],
    ['cs4', finding.confidence, 4000, 'confidence'],
    ['reason', reasonText(finding), 1023],
    ['cs5', JSON.stringify(evidence), 4000, 'evidence'],
    ['cs6', peers.slice(1).map(addressLabel).join(', '), 4000, 'otherPeers'],
    ['deviceExternalId', finding.key, 255],
    ['flexString2', [...communityIds, ...flowUids].join(','), 1023, 'flows'],
  ];
}

/** The dictionary's `src` and `dst` hold IPv4 only. */
function address(
  which: 'src' | 'dst',
  end: PublicEndpoint | undefined,
  [v4, v6, label]: readonly [string, string, string],
): readonly Extension[] {
  if (end === undefined) return [];
  const side = which === 'src' ? 's' : 'd';
  return [
    end.ip.includes(':') ? [v6, end.ip, 45, label] : [v4, end.ip, 45],
    [`${side}pt`, end.port, 5],
    [`${side}mac`, end.mac, 17],
  ];
}

/** A backslash and the pipe are escaped in the header; a line end has no form there. */
function headerText(text: string): string {
  return cut(visible(text), MAX_HEADER_LENGTH).replaceAll('\\', '\\\\').replaceAll('|', '\\|');
}

/** A backslash and the equals sign are escaped, line ends are `\n` and `\r`. */
function extensionText(value: string | number, maxLength: number): string {
  return cut(String(value), maxLength)
    .split(/(\n|\r)/)
    .map((part) => {
      if (part === '\n') return '\\n';
      if (part === '\r') return '\\r';
      return visible(part).replaceAll('\\', '\\\\').replaceAll('=', '\\=');
    })
    .join('');
}

function reasonText({ reason, exception, muted, acknowledged }: PublicFinding): string {
  const texts = [
    reason,
    exception && `exception: ${exception.reason}`,
    muted && `muted: ${muted.reason}`,
    acknowledged && `acknowledged by ${acknowledged.by}`,
  ];
  return texts.filter((text) => text !== undefined).join('; ');
}
