/**
 * A syslog message as RFC 5424 has it, in bytes, without the framing that a transport adds (RFC 6587, RFC 5425). Never
 * longer than its bound: the text is cut at a whole character, and structured data says how long it was.
 */
import { cut, visible } from './bounded-text.ts';

/** Receivers must take 2 KiB and should take 8 (RFC 5425, 4.3.1). */
export const SYSLOG_MAX_BYTES = 8 * 1024;

/** Emergency is 0, debug 7 (RFC 5424, table 2). */
export type SyslogSeverity = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface StructuredData {
  /** `name@enterprise`, where IANA did not register the name. */
  readonly id: string;
  readonly params: readonly (readonly [name: string, value: string])[];
}

export interface SyslogMessage {
  /** 0 to 23; 16 is local0 (RFC 5424, table 1). */
  readonly facility: number;
  readonly severity: SyslogSeverity;
  /** RFC 3339 with at most six digits of a second; absent when unknown. */
  readonly time: string | undefined;
  readonly host: string;
  readonly app: string;
  readonly processId?: string | undefined;
  /** What kind of message it is. */
  readonly messageId?: string | undefined;
  readonly data?: StructuredData | undefined;
  readonly text: string;
}

export interface SyslogEncoding {
  readonly maxBytes?: number;
  /**
   * Whether a text that is not ASCII begins with the byte order mark that the RFC asks for. Some receivers take it for
   * part of the text, and then find no `CEF:` at its begin.
   */
  readonly byteOrderMark?: boolean;
}

const MAX_VALUE_LENGTH = 1024;
/** For `cutFromBytes`, `leftOut` and the brackets. */
const REMARK_BYTES = 64;
const BYTE_ORDER_MARK = '\ufeff';
// biome-ignore lint/suspicious/noControlCharactersInRegex: whatever is not ASCII.
const NOT_ASCII = /[^\u0000-\u007f]/;

export function encodeSyslog(message: SyslogMessage, encoding: SyslogEncoding = {}): Buffer {
  const { maxBytes = SYSLOG_MAX_BYTES, byteOrderMark = true } = encoding;
  const head = header(message);
  const text = visible(message.text);
  const mark = byteOrderMark && NOT_ASCII.test(text) ? BYTE_ORDER_MARK : '';
  const body = Buffer.from(mark + text, 'utf8');
  // Structured data may take half, so that there is always something to read.
  const dataBytes = Math.floor((maxBytes - Buffer.byteLength(head) - REMARK_BYTES) / 2);
  const { params, leftOut } = fittingParams(message.data, dataBytes);
  const whole = Buffer.from(`${head} ${element(message.data, params, leftOut, undefined)} `, 'utf8');
  if (whole.length + body.length <= maxBytes) return Buffer.concat([whole, body]);
  const said = Buffer.from(`${head} ${element(message.data, params, leftOut, body.length)} `, 'utf8');
  return Buffer.concat([said, body.subarray(0, wholeCharacters(body, maxBytes - said.length))]);
}

function header({ facility, severity, time, host, app, processId, messageId }: SyslogMessage): string {
  const fields = [
    time ?? '-',
    headerText(host, 255),
    headerText(app, 48),
    headerText(processId ?? '', 128),
    headerText(messageId ?? '', 32),
  ];
  return `<${facility * 8 + severity}>1 ${fields.join(' ')}`;
}

/** Printable ASCII without space; `-` where nothing is known. */
function headerText(text: string, maxLength: number): string {
  return text === '' ? '-' : text.slice(0, maxLength).replace(/[^!-~]/g, '?');
}

interface Fitting {
  readonly params: readonly string[];
  /** How many found no room. */
  readonly leftOut: number;
}

function fittingParams(data: StructuredData | undefined, maxBytes: number): Fitting {
  const params: string[] = [];
  let leftOut = 0;
  let bytes = data === undefined ? 0 : data.id.length;
  for (const [name, value] of data?.params ?? []) {
    const param = `${nameText(name)}="${valueText(value)}"`;
    const length = Buffer.byteLength(param) + 1;
    if (bytes + length > maxBytes) {
      leftOut += 1;
      continue;
    }
    bytes += length;
    params.push(param);
  }
  return { params, leftOut };
}

function element(
  data: StructuredData | undefined,
  params: readonly string[],
  leftOut: number,
  cutFromBytes: number | undefined,
): string {
  if (data === undefined) return '-';
  const remarks = [
    ...(leftOut === 0 ? [] : [`leftOut="${leftOut}"`]),
    ...(cutFromBytes === undefined ? [] : [`cutFromBytes="${cutFromBytes}"`]),
  ];
  return `[${[nameText(data.id), ...params, ...remarks].join(' ')}]`;
}

/** SD-NAME: printable ASCII without `=`, space, `]` and `"`. */
function nameText(name: string): string {
  return name.slice(0, 32).replace(/[^!-~]|[=\]"]/g, '_');
}

function valueText(value: string): string {
  return cut(visible(value), MAX_VALUE_LENGTH).replace(/[\\"\]]/g, '\\$&');
}

/** The most bytes that end with a whole UTF-8 character. */
function wholeCharacters(bytes: Buffer, max: number): number {
  let end = Math.max(0, Math.min(max, bytes.length));
  while (end > 0 && end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return end;
}
