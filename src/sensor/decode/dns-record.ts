/**
 * DNS messages, second step: the parts of a DnsRecord, as text. Called once a message of which a record is made; who
 * asked whom, when and where is for the caller to add. The work is bounded by the message and by MAX_RECORDS.
 */
import type { DnsAnswer, DnsEdns, DnsRecord } from '../../model/dns.ts';
import { ANOMALY, ANOMALY_CODES } from './anomaly.ts';
import { DNS_FLAG, DnsName, type DnsView, readName } from './dns.ts';
import { dnsClassName, dnsRcodeName, dnsTypeName } from './dns-mnemonics.ts';
import { formatDnsName, formatRdata, formatUnknown } from './dns-text.ts';

/** Resource records walked in a message; a zone transfer has thousands, an answer a handful. */
const MAX_RECORDS = 256;
/** Answers kept for the record. */
const MAX_ANSWERS = 32;
export const MAX_OPTIONS = 32;
const TYPE_OPT = 41;

export type DnsQuestionText = Pick<DnsRecord, 'query' | 'qtype' | 'qclass'>;

export interface DnsContent {
  readonly id: number;
  readonly opcode: number;
  readonly isResponse: boolean;
  /** Absent when the message has no question, or one that cannot be read. */
  readonly question?: DnsQuestionText | undefined;
  /** Of responses; with the bits that EDNS adds. */
  readonly rcode?: string | undefined;
  /** At most 32; the message may hold more. */
  readonly answers: readonly DnsAnswer[];
  readonly flags: DnsRecord['flags'];
  readonly edns?: DnsEdns | undefined;
  /** After the last record that the counts announce. */
  readonly trailingBytes: number;
  readonly anomalies: readonly string[];
}

const FLAG_NAMES = [
  ['AA', DNS_FLAG.AA],
  ['TC', DNS_FLAG.TC],
  ['RD', DNS_FLAG.RD],
  ['RA', DNS_FLAG.RA],
  ['AD', DNS_FLAG.AD],
  ['CD', DNS_FLAG.CD],
] as const;

const NONE: readonly never[] = [];
/** By the bits themselves: there are few combinations, and every message has one. */
const flagNamesByBits = new Map<number, DnsRecord['flags']>();
const NAMED_BITS = FLAG_NAMES.reduce((bits, [, bit]) => bits | bit, 0);

function flagNames(flags: number): DnsRecord['flags'] {
  const bits = flags & NAMED_BITS;
  let names = flagNamesByBits.get(bits);
  if (names === undefined) {
    names = FLAG_NAMES.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name);
    flagNamesByBits.set(bits, names);
  }
  return names;
}

interface Walk {
  readonly answers: DnsAnswer[];
  edns: DnsEdns | undefined;
  extendedRcode: number;
  /** One past the last record read, or -1 when the walk had to stop. */
  at: number;
}

/** Reads the rest of the message that `decodeDns` has just put into the view. */
export function readDnsContent(data: DataView, m: DnsView): DnsContent {
  const walk: Walk = { answers: [], edns: undefined, extendedRcode: 0, at: -1 };
  if (m.questions === 0 || m.hasQuestion) walkMessage(data, m, walk);
  let trailingBytes = 0;
  if (walk.at >= 0 && walk.at < m.end) {
    trailingBytes = m.end - walk.at;
    m.note(ANOMALY['dns-trailing-bytes']);
  }
  return {
    id: m.id,
    opcode: m.opcode,
    isResponse: m.isResponse,
    question: m.hasQuestion ? readQuestionText(data, m) : undefined,
    rcode: m.isResponse ? dnsRcodeName((walk.extendedRcode << 4) | m.rcode) : undefined,
    answers: walk.answers,
    flags: flagNames(m.flags),
    edns: walk.edns,
    trailingBytes,
    anomalies: m.anomalyBits === 0 ? NONE : m.anomalies().map((code) => ANOMALY_CODES[code]!),
  };
}

/** Of the question in the view. */
export function readQuestionText(data: DataView, m: DnsView): DnsQuestionText {
  return {
    query: formatDnsName(data, m.name),
    qtype: dnsTypeName(m.qtype),
    qclass: dnsClassName(m.qclass),
  };
}

function walkMessage(data: DataView, m: DnsView, walk: Walk): void {
  let at = m.questionEnd;
  // Further questions of a message that should have one.
  for (let i = 1; i < Math.min(m.questions, MAX_RECORDS); i++) {
    const next = readName(data, at, m, undefined);
    if (next < 0) return;
    if (next + 4 > m.end) {
      m.cut(ANOMALY['dns-message-truncated']);
      return;
    }
    at = next + 4;
  }
  const records = m.answers + m.authorities + m.additionals;
  for (let i = 0; i < records; i++) {
    if (i === MAX_RECORDS) return;
    const section = i < m.answers ? 'answer' : i < m.answers + m.authorities ? 'authority' : 'additional';
    at = readRecord(data, at, section, m, walk);
    if (at < 0) return;
  }
  if (m.questions <= MAX_RECORDS) walk.at = at;
}

const owner = new DnsName();

/** name | type 2 | class 2 | ttl 4 | length 2 | data. Returns where the next record starts, or -1. */
function readRecord(
  data: DataView,
  at: number,
  section: 'answer' | 'authority' | 'additional',
  m: DnsView,
  walk: Walk,
): number {
  const fixed = readName(data, at, m, owner);
  if (fixed < 0) return -1;
  const dataAt = fixed + 10;
  const dataEnd = dataAt <= m.end ? dataAt + data.getUint16(fixed + 8) : dataAt;
  if (dataEnd > m.end) {
    m.cut(ANOMALY['dns-message-truncated']);
    return -1;
  }
  const type = data.getUint16(fixed);
  if (type === TYPE_OPT) {
    if (section === 'additional' && walk.edns === undefined) readOpt(data, fixed, dataAt, dataEnd, m, walk);
    else m.note(ANOMALY['dns-opt-misplaced']);
  } else if (section === 'answer' && walk.answers.length < MAX_ANSWERS) {
    walk.answers.push(readAnswer(data, type, fixed, dataAt, dataEnd, m));
  }
  return dataEnd;
}

function readAnswer(
  data: DataView,
  type: number,
  fixed: number,
  dataAt: number,
  dataEnd: number,
  m: DnsView,
): DnsAnswer {
  const name = formatDnsName(data, owner);
  let text = formatRdata(data, type, dataAt, dataEnd, m);
  if (text === undefined) {
    // RFC 2136: an update may name a type without data.
    if (dataEnd > dataAt || m.opcode === 0) m.note(ANOMALY['dns-rdata-length']);
    text = formatUnknown(data, dataAt, dataEnd);
  }
  const ttl = data.getUint32(fixed + 4);
  return { name, type: dnsTypeName(type), ttl, bytes: dataEnd - dataAt, data: text };
}

/** RFC 6891 6.1.3: class is the UDP size, ttl holds extended rcode 8, version 8, DO 1 bit, zero 15. */
function readOpt(
  data: DataView,
  fixed: number,
  dataAt: number,
  dataEnd: number,
  m: DnsView,
  walk: Walk,
): void {
  const options: { code: number; bytes: number }[] = [];
  let at = dataAt;
  while (at < dataEnd) {
    const end = at + 4 <= dataEnd ? at + 4 + data.getUint16(at + 2) : dataEnd + 1;
    if (end > dataEnd) {
      m.note(ANOMALY['dns-rdata-length']);
      break;
    }
    if (options.length < MAX_OPTIONS) options.push({ code: data.getUint16(at), bytes: end - at - 4 });
    at = end;
  }
  m.optAt = dataAt;
  m.optEnd = dataEnd;
  walk.extendedRcode = data.getUint8(fixed + 4);
  walk.edns = {
    udpSizeBytes: data.getUint16(fixed + 2),
    version: data.getUint8(fixed + 5),
    dnssecOk: (data.getUint8(fixed + 6) & 0x80) !== 0,
    options,
  };
}
