/** What a connection failed with, in words that say whether waiting helps. */
import { SinkError } from '../sink.ts';

/** By Node's and OpenSSL's codes: who is there is not who should be, or does not want us. */
const UNTRUSTED: readonly (readonly [code: RegExp, advice: string])[] = [
  [/ALTNAME_INVALID/, 'the certificate is for another name; set server_name to the one it is for'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'check the certificate of the server, and the clocks of both'],
  [/SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|INVALID_CA/, 'check that ca_file holds who signed its certificate'],
  [
    /ALERT|CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA/,
    'the server refuses us; check cert_file and key_file',
  ],
  [/WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST/, 'it does not speak TLS; check port and transport'],
];

export function connectionFailure(error: unknown, name: string): SinkError {
  if (error instanceof SinkError) return error;
  const code = codeOf(error);
  const refusal = UNTRUSTED.find(([pattern]) => pattern.test(code));
  if (refusal !== undefined)
    return new SinkError('SINK_UNAUTHORIZED', 'act', `${name}: ${code}; ${refusal[1]}`);
  if (code === 'EMSGSIZE')
    return new SinkError(
      'SINK_TOO_LARGE',
      'split',
      `${name}: a message is too large; lower max_message_bytes`,
    );
  const message = `cannot reach syslog at ${name}: ${code}; is it listening, and are host and port right?`;
  return new SinkError('SINK_UNREACHABLE', 'wait', message);
}

function codeOf(error: unknown): string {
  // A name with several addresses fails with one error for each of them.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = (error as NodeJS.ErrnoException).code;
  return code ?? (error instanceof Error ? error.message : String(error));
}
