/** The options of the sink `nats`, and which of them go together. */
import { z } from 'zod';
import { commonOptions, formatOption } from '../definition.ts';
import { secretText } from '../http-target.ts';

const SERVER = /^(nats|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;
const TOKENS = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

const file = (what: string) => z.string().min(1).optional().describe(what);

export const natsConfig = z
  .strictObject({
    type: z.literal('nats'),
    ...commonOptions({ kinds: ['finding', 'loss', 'coverage'] }),
    format: formatOption(['native', 'eve', 'ecs', 'ocsf', 'cef']),
    servers: z
      .array(
        z
          .string()
          .max(300)
          .regex(
            SERVER,
            'give nats://HOST:PORT, or tls://HOST:PORT; who one is goes into options of its own',
          ),
      )
      .min(1)
      .max(16)
      .describe('Servers of one cluster, as nats://127.0.0.1:4222; with tls:// nothing goes unencrypted.'),
    subject_prefix: z
      .string()
      .max(100)
      .regex(TOKENS, 'expected letters, digits, "_" and "-", in parts with dots between')
      .default('bridgewatch')
      .describe('Subjects are PREFIX.HOST.KIND, of findings PREFIX.HOST.finding.SEVERITY.'),
    stream: z
      .string()
      .max(100)
      .regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, "_" and "-"')
      .default('BRIDGEWATCH')
      .describe('Stream of JetStream that keeps them; several hosts can share one.'),
    create_stream: z
      .boolean()
      .default(true)
      .describe('Make the stream, for PREFIX.>, when it is missing; one that exists is never changed.'),
    replicas: z.number().int().min(1).max(5).default(1).describe('Of a stream that is made here.'),
    max_age_days: z
      .number()
      .min(0)
      .max(36_500)
      .default(30)
      .describe('How long a stream that is made here keeps a record; 0: for ever.'),
    max_bytes: z
      .number()
      .int()
      .min(65_536)
      .max(2 ** 50)
      .default(2 ** 30)
      .describe('Size of a stream that is made here; beyond it its oldest records go.'),
    duplicate_window_secs: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(600)
      .describe('How long a stream that is made here knows a record again that is sent twice.'),
    token: secretText().optional().describe('Token that lets one in; better in a file.'),
    token_file: file('File that holds the token; files are read again whenever the sink (re)connects.'),
    username: z.string().min(1).max(200).optional().describe('User, with a password.'),
    password: secretText().optional().describe('Password of that user; better in a file.'),
    password_file: file('File that holds the password.'),
    creds_file: file('Credentials of a user as `nsc` writes them: a JWT and a seed.'),
    nkey_seed_file: file('File that holds the seed of an nkey.'),
    ca_file: file(
      "With TLS: certificates of who may have signed the server's, in PEM. Default: those Node.js trusts.",
    ),
    server_name: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('With TLS: the name in its certificate. Default: the host of the server.'),
    cert_file: file('With TLS: our certificate, in PEM, when the server asks for one.'),
    key_file: file("With TLS: that certificate's key."),
    timeout_ms: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('How long connecting, and the acknowledgement of a record, may take.'),
  })
  .superRefine((options, context) => {
    const issue = (option: string, message: string) =>
      context.addIssue({ code: 'custom', path: [option], message });
    const has = (option: keyof typeof options) => options[option] !== undefined;
    for (const [one, other] of [
      ['token', 'token_file'],
      ['password', 'password_file'],
    ] as const)
      if (has(one) && has(other)) issue(one, `${one} and ${other} exclude each other`);
    const hasPassword = has('password') || has('password_file');
    if (hasPassword !== has('username')) issue('username', 'a user and a password go together');
    const ways = [
      has('token') || has('token_file'),
      has('username'),
      has('creds_file'),
      has('nkey_seed_file'),
    ];
    if (ways.filter((given) => given).length > 1)
      issue('servers', 'give one way to be let in: a token, a user, creds_file or nkey_seed_file');
    if (has('cert_file') !== has('key_file')) issue('cert_file', 'cert_file and key_file go together');
    if (options.max_age_days > 0 && options.max_age_days * 86_400 < options.duplicate_window_secs)
      issue('max_age_days', 'expected no less than duplicate_window_secs');
  });

export type NatsConfig = z.infer<typeof natsConfig>;
