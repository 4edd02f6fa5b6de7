/** What went wrong with NATS, in words that say whether waiting helps. By names and codes: the classes are loaded late. */
import { serverWords } from '../server-words.ts';
import { SinkError } from '../sink.ts';

/** JetStream's error codes (nats-server, server/errors.json). */
export const JETSTREAM = {
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongStream: 10060,
  subjectsOverlap: 10065,
  notEnabledForAccount: 10039,
  notEnabled: 10076,
  messageTooLarge: 10054,
  storeFailed: 10077,
} as const;

export interface Place {
  /** The servers, for messages. */
  readonly server: string;
  readonly stream: string;
}

const TLS_ADVICE: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/ALTNAME_INVALID/, 'its certificate is for another name; set server_name to the one it is for'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'check the certificate of the server, and the clocks of both'],
  [/SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|INVALID_CA/, 'check that ca_file holds who signed its certificate'],
  [
    /CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|SSL_|TLS_/,
    'check cert_file and key_file, and what the server asks for',
  ],
  [
    /does not support 'tls'|tls.*not available/,
    'it does not speak TLS; give nats:// and no ca_file, or switch TLS on there',
  ],
];

/** Of connecting. */
export function connectionFailure(error: unknown, server: string): SinkError {
  if (error instanceof SinkError) return error;
  const words = wordsOf(error);
  if (nameOf(error) === 'AuthorizationError' || /auth/i.test(words)) {
    const advice =
      'check username and password_file, token_file, creds_file or nkey_seed_file, and who may connect there';
    return new SinkError('SINK_UNAUTHORIZED', 'act', `NATS at ${server} lets us not in: ${words}; ${advice}`);
  }
  const tls = TLS_ADVICE.find(([pattern]) => pattern.test(words));
  if (tls !== undefined)
    return new SinkError('SINK_UNAUTHORIZED', 'act', `NATS at ${server}: ${words}; ${tls[1]}`);
  return new SinkError(
    'SINK_UNREACHABLE',
    'wait',
    `cannot reach NATS at ${server}: ${words}; is it running, and servers right?`,
  );
}

/** Of what was asked of JetStream over a connection. */
export function jetStreamFailure(error: unknown, { server, stream }: Place): SinkError {
  if (error instanceof SinkError) return error;
  const words = wordsOf(error);
  const said = `NATS at ${server}: stream "${stream}": ${words}`;
  const act = (code: 'SINK_NO_TARGET' | 'SINK_UNAUTHORIZED', advice: string) =>
    new SinkError(code, 'act', `${said}; ${advice}`);
  const large = (advice: string) => new SinkError('SINK_TOO_LARGE', 'split', `${said}; ${advice}`);
  if (isRefused(error))
    return act('SINK_UNAUTHORIZED', 'check what this user may publish and subscribe to there');
  if (/max_payload/.test(words)) return large('the record is larger than max_payload of the server');
  // Nobody listens: JetStream is off, or no stream takes the subject any more.
  if (nameOf(error) === 'JetStreamNotEnabled' || /no responders/i.test(words))
    return act(
      'SINK_NO_TARGET',
      'check that JetStream is on (nats-server -js), and that the stream is there',
    );
  switch (codeOf(error)) {
    case JETSTREAM.notEnabled:
    case JETSTREAM.notEnabledForAccount:
      return act('SINK_NO_TARGET', 'check that JetStream is on (nats-server -js), for this account too');
    case JETSTREAM.streamNotFound:
      return act('SINK_NO_TARGET', 'create it, or switch create_stream on');
    case JETSTREAM.wrongStream:
      return act(
        'SINK_NO_TARGET',
        'another stream takes these subjects; set stream to its name, or another subject_prefix',
      );
    case JETSTREAM.subjectsOverlap:
      return act(
        'SINK_NO_TARGET',
        'another stream takes some of these subjects; set stream to its name, or another subject_prefix',
      );
    case JETSTREAM.messageTooLarge:
      return large('the record is larger than max_msg_size of the stream');
    case JETSTREAM.storeFailed:
      return new SinkError(
        'SINK_UNAVAILABLE',
        'wait',
        `${said}; is it full? give it more room, or let its oldest go: nats stream edit ${stream} --discard old`,
      );
    default:
      return new SinkError('SINK_UNAVAILABLE', 'wait', said);
  }
}

/** This user may not ask that, or the answer may not reach it. */
export function isRefused(error: unknown): boolean {
  return nameOf(error) === 'PermissionViolationError' || /permissions violation/i.test(wordsOf(error));
}

export function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** With what lies behind it: `connection refused`, and OpenSSL's code. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return serverWords(String(error));
  const { code } = error as NodeJS.ErrnoException;
  const cause = error.cause instanceof Error ? wordsOf(error.cause) : undefined;
  const parts = [typeof code === 'string' ? code : undefined, error.message, cause];
  return serverWords([...new Set(parts.filter((part) => part !== undefined && part !== ''))].join(': '));
}
