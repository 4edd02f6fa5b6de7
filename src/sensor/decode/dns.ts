/**
 * DNS messages (RFC 1035), first step: header and question as numbers and offsets, no strings. What a record needs
 * beyond that is read by dns-record.ts, only when a record is made. Names are hostile: attackers choose their bytes,
 * lengths and pointers.
 *
 *   id 2 | QR 1 bit, opcode 4, AA TC RD RA Z AD CD 7, rcode 4 | counts: questions, answers, authority, additional 2+2+2+2
 */
import { ANOMALY } from './anomaly.ts';
import { STATUS, type Status } from './packet-view.ts';

export const DNS_HEADER_BYTES = 12;
/** RFC 1035 3.1: length bytes and root included. */
export const MAX_NAME_BYTES = 255;
const MAX_LABELS = 128;
/** Each pointer goes backwards, which ends every walk; this ends it soon. */
const MAX_POINTERS = 64;
export const MIN_QUESTION_BYTES = 5;
export const MIN_RECORD_BYTES = 11;

export const DNS_FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  Z: 0x0040,
  AD: 0x0020,
  CD: 0x0010,
} as const;

const FIRST_DNS_ANOMALY = ANOMALY['dns-header-truncated'];

/** One message; reused. Offsets are into the slab and valid until the next `decodeDns`. */
export class DnsView {
  /** The message is bytes [at, end). */
  at = 0;
  end = 0;
  /** Captured whole; otherwise running off the end is no one's fault. */
  complete = true;
  /** Multicast DNS (RFC 6762): several questions a message are usual. Set before `decodeDns`. */
  isMulticast = false;
  id = 0;
  /** DNS_FLAG bits; opcode and rcode in between. */
  flags = 0;
  questions = 0;
  answers = 0;
  authorities = 0;
  additionals = 0;
  /** The name of the first question was read; its type and class too unless the message ends there. */
  hasQuestion = false;
  qtype = 0;
  qclass = 0;
  /** Where the first question ends; after `nextQuestion`, the one that was read last. */
  questionEnd = 0;
  /** Data of the OPT record, [optAt, optEnd); empty until `readDnsContent` has found one. */
  optAt = 0;
  optEnd = 0;
  readonly name = new DnsName();
  /** Anomalies of this message, bit 0 being the first of the list's dns- codes. */
  anomalyBits = 0;
  anomalyCounts: Float64Array;

  constructor(anomalyCounts: Float64Array = new Float64Array(64)) {
    this.anomalyCounts = anomalyCounts;
  }

  get isResponse(): boolean {
    return (this.flags & DNS_FLAG.QR) !== 0;
  }

  get opcode(): number {
    return (this.flags >>> 11) & 0xf;
  }

  /** The header's four bits; EDNS may extend them. */
  get rcode(): number {
    return this.flags & 0xf;
  }

  /** Once a message, however often it is wrong. */
  note(code: number): void {
    const bit = 1 << (code - FIRST_DNS_ANOMALY);
    if ((this.anomalyBits & bit) !== 0) return;
    this.anomalyBits |= bit;
    this.anomalyCounts[code]!++;
  }

  /** The numbers of the anomalies noted, for records. */
  anomalies(): number[] {
    const codes: number[] = [];
    for (let bit = 0; bit < 31; bit++) {
      if ((this.anomalyBits & (1 << bit)) !== 0) codes.push(FIRST_DNS_ANOMALY + bit);
    }
    return codes;
  }

  /** Something does not fit before `end`. */
  cut(code: number): Status {
    if (!this.complete) return STATUS.TRUNCATED;
    this.note(code);
    return STATUS.MALFORMED;
  }
}

/** Where a name's labels stand, leftmost first. */
export class DnsName {
  labels = 0;
  /** Length on the wire if it were not compressed, root included. */
  bytes = 0;
  readonly labelAt = new Uint32Array(MAX_LABELS);
  readonly labelLength = new Uint8Array(MAX_LABELS);
}

/**
 * Message [at, end). `complete` is false when the capture, a fragment or a lost segment cut it. The view's question is
 * to be trusted when `hasQuestion` is set, whatever the answer.
 */
export function decodeDns(data: DataView, at: number, end: number, complete: boolean, m: DnsView): Status {
  m.at = at;
  m.end = end;
  m.complete = complete;
  m.hasQuestion = false;
  m.anomalyBits = 0;
  m.id = 0;
  m.flags = 0;
  m.questions = 0;
  m.answers = 0;
  m.authorities = 0;
  m.additionals = 0;
  m.questionEnd = end;
  m.optAt = end;
  m.optEnd = end;
  if (end - at < DNS_HEADER_BYTES) return m.cut(ANOMALY['dns-header-truncated']);
  m.id = data.getUint16(at);
  m.flags = data.getUint16(at + 2);
  m.questions = data.getUint16(at + 4);
  m.answers = data.getUint16(at + 6);
  m.authorities = data.getUint16(at + 8);
  m.additionals = data.getUint16(at + 10);
  judgeHeader(m);

  if (m.questions === 0) {
    m.questionEnd = at + DNS_HEADER_BYTES;
    return STATUS.DONE;
  }
  return readQuestion(data, at + DNS_HEADER_BYTES, m);
}

/** Reads the question after the one in the view, where a message has several; false when it cannot be read. */
export function nextQuestion(data: DataView, m: DnsView): boolean {
  m.hasQuestion = false;
  return readQuestion(data, m.questionEnd, m) === STATUS.DONE;
}

function readQuestion(data: DataView, at: number, m: DnsView): Status {
  const next = readName(data, at, m, m.name);
  if (next < 0) return m.complete ? STATUS.MALFORMED : STATUS.TRUNCATED;
  m.hasQuestion = true;
  m.qtype = 0;
  m.qclass = 0;
  if (m.end - next < 4) return m.cut(ANOMALY['dns-message-truncated']);
  m.qtype = data.getUint16(next);
  m.qclass = data.getUint16(next + 2);
  m.questionEnd = next + 4;
  return STATUS.DONE;
}

/** RFC 6895 2.2: query, inverse query, status, notify, update, stateful operations. */
const OPCODES = 0b0111_0111;

export function isKnownOpcode(opcode: number): boolean {
  return ((OPCODES >>> opcode) & 1) !== 0;
}

/** Bytes after the header that the counts announce, were every name the root. */
export function leastBytes(m: DnsView): number {
  return m.questions * MIN_QUESTION_BYTES + (m.answers + m.authorities + m.additionals) * MIN_RECORD_BYTES;
}

function judgeHeader(m: DnsView): void {
  if (!isKnownOpcode(m.opcode)) m.note(ANOMALY['dns-opcode']);
  if ((m.flags & DNS_FLAG.Z) !== 0) m.note(ANOMALY['dns-z-bit']);
  // RFC 9619: a query asks one question.
  if (m.questions > 1 && m.opcode === 0 && !m.isMulticast) m.note(ANOMALY['dns-question-count']);
  if (m.complete && leastBytes(m) > m.end - m.at - DNS_HEADER_BYTES && (m.flags & DNS_FLAG.TC) === 0) {
    m.note(ANOMALY['dns-counts-exceed-message']);
  }
}

/**
 * Reads a name that starts at `at`, following compression (RFC 1035 4.1.4). Returns where the next field starts, or
 * -1. `name` may be undefined to skip one. A pointer must go back before the run of labels that holds it, which is
 * how compression works and why no walk can loop.
 */
export function readName(data: DataView, at: number, m: DnsView, name: DnsName | undefined): number {
  let cursor = at;
  let runStart = at;
  let next = -1;
  let bytes = 1;
  let labels = 0;
  let pointers = 0;
  for (;;) {
    if (cursor >= m.end) return failCut(m);
    const length = data.getUint8(cursor);
    if (length === 0) break;
    if (length < 0x40) {
      if (cursor + 1 + length > m.end) return failCut(m);
      bytes += length + 1;
      if (bytes > MAX_NAME_BYTES) return fail(m, ANOMALY['dns-name-too-long']);
      if (name !== undefined) {
        name.labelAt[labels] = cursor + 1;
        name.labelLength[labels] = length;
      }
      labels++;
      cursor += length + 1;
      continue;
    }
    if (length < 0xc0) return fail(m, ANOMALY['dns-label-type']);
    if (cursor + 2 > m.end) return failCut(m);
    const target = m.at + (((length & 0x3f) << 8) | data.getUint8(cursor + 1));
    if (next < 0) next = cursor + 2;
    if (target >= runStart || target < m.at + DNS_HEADER_BYTES) {
      return fail(m, ANOMALY['dns-pointer-not-backwards']);
    }
    pointers++;
    if (pointers > MAX_POINTERS) return fail(m, ANOMALY['dns-pointer-chain']);
    runStart = target;
    cursor = target;
  }
  if (name !== undefined) {
    name.labels = labels;
    name.bytes = bytes;
  }
  return next < 0 ? cursor + 1 : next;
}

function fail(m: DnsView, code: number): number {
  m.note(code);
  return -1;
}

function failCut(m: DnsView): number {
  m.cut(ANOMALY['dns-message-truncated']);
  return -1;
}

/** The question's labels as bytes, borrowed from the slab: valid until the next batch. */
export function dnsLabels(data: DataView, m: DnsView): Uint8Array[] {
  const labels: Uint8Array[] = [];
  if (!m.hasQuestion) return labels;
  const { labelAt, labelLength } = m.name;
  for (let i = 0; i < m.name.labels; i++) {
    labels.push(new Uint8Array(data.buffer, data.byteOffset + labelAt[i]!, labelLength[i]!));
  }
  return labels;
}

/** EDNS options with their data, borrowed like labels. */
export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

const NO_OPTIONS: readonly EdnsOption[] = [];

/** The options of the OPT record that `readDnsContent` has found, at most `max`. */
export function dnsOptions(data: DataView, m: DnsView, max: number): readonly EdnsOption[] {
  if (m.optEnd - m.optAt < 4) return NO_OPTIONS;
  const options: EdnsOption[] = [];
  let at = m.optAt;
  while (options.length < max && at + 4 <= m.optEnd) {
    const end = at + 4 + data.getUint16(at + 2);
    if (end > m.optEnd) break;
    options.push({
      code: data.getUint16(at),
      data: new Uint8Array(data.buffer, data.byteOffset + at + 4, end - at - 4),
    });
    at = end;
  }
  return options;
}
