/**
 * PostgreSQL, protocol 3 (its manual, chapter "Message Formats").
 *
 *   startup: length 4, itself included | version 3.x or request code 4 | "name\0value\0" pairs | 0
 *   SSLRequest and GSSENCRequest: length 8 | 80877103, 80877104; answered by one byte, then TLS
 *
 * Requests are 64 fixed bits. The server's first message: `R` length code, or `E` length `S` severity.
 */
import { ascii, startsWith } from './bytes.ts';
import { type FirstBytes, type Recognizer, VERDICT, type Verdict } from './recognizer.ts';

const VERSION_3 = 3;
const MAX_MINOR = 2;
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSSENC_REQUEST = 80_877_104;
const REQUEST_BYTES = 8;
const MAX_CANCEL_BYTES = 12 + 256;
/** As the server bounds it (MAX_STARTUP_PACKET_LENGTH). */
const MAX_STARTUP_BYTES = 10_000;
/** Always sent, and by libpq first; others begin with another parameter, of the same form. */
const PARAMETERS = ['user', 'database', 'client_encoding', 'application_name', 'options', 'replication'].map(
  (name) => ascii(`${name}\0`),
);
const AUTHENTICATION = 0x52;
const ERROR = 0x45;
/** AuthenticationSASLFinal. */
const MAX_AUTHENTICATION = 12;
const MAX_FIRST_MESSAGE_BYTES = 2000;

export const postgresql: Recognizer = {
  service: 'postgresql',
  opens: 'client',
  client: startup,
  server: answer,
};

/** After it the server says in one byte whether TLS follows. */
export function isPostgresqlTlsRequest({ data, at, end, length }: FirstBytes): boolean {
  return (
    length === REQUEST_BYTES &&
    end - at === REQUEST_BYTES &&
    data.getUint32(at) === REQUEST_BYTES &&
    data.getUint32(at + 4) === SSL_REQUEST
  );
}

function startup(bytes: FirstBytes): Verdict {
  const { data, at, end, length } = bytes;
  if (end - at < REQUEST_BYTES) return VERDICT.NO;
  const messageBytes = data.getUint32(at);
  const code = data.getUint32(at + 4);
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    return messageBytes === REQUEST_BYTES ? VERDICT.SURE : VERDICT.NO;
  }
  if (code === CANCEL_REQUEST) {
    return messageBytes === length && length <= MAX_CANCEL_BYTES ? VERDICT.SURE : VERDICT.NO;
  }
  if (code >>> 16 !== VERSION_3 || (code & 0xffff) > MAX_MINOR) return VERDICT.NO;
  if (messageBytes !== length || messageBytes > MAX_STARTUP_BYTES) return VERDICT.NO;
  for (const name of PARAMETERS) if (startsWith(data, at + REQUEST_BYTES, end, name)) return VERDICT.SURE;
  return VERDICT.MAYBE;
}

function answer({ data, at, end, length }: FirstBytes): Verdict {
  const type = data.getUint8(at);
  if (length === 1) {
    // S: TLS follows; G: GSSAPI follows; N: neither.
    return type === 0x53 || type === 0x4e || type === 0x47 ? VERDICT.MAYBE : VERDICT.NO;
  }
  if (end - at < 9) return VERDICT.NO;
  const messageBytes = data.getUint32(at + 1);
  if (messageBytes < 8 || messageBytes > MAX_FIRST_MESSAGE_BYTES || messageBytes > length - 1)
    return VERDICT.NO;
  // Type, three bytes of the length and three of the code: 58 bits.
  if (type === AUTHENTICATION) {
    return data.getUint32(at + 5) <= MAX_AUTHENTICATION ? VERDICT.SURE : VERDICT.NO;
  }
  return type === ERROR && data.getUint8(at + 5) === 0x53 ? VERDICT.MAYBE : VERDICT.NO;
}
