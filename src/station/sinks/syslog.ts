/** The sink `syslog`: RFC 5424 over UDP, TCP or TLS. What holds for each of them is in docs/sinks.md. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { laneOf } from '../../model/lane.ts';
import { parseRecord } from '../../model/serialize.ts';
import { formatDelivery } from '../formats/formats.ts';
import { encodeSyslog } from '../formats/rfc5424.ts';
import { DEFAULT_ENTERPRISE, syslogMessage } from '../formats/syslog.ts';
import { abortable } from './abortable.ts';
import { commonOptions, defineSink, formatOption, type SinkDeps, sinkName } from './definition.ts';
import type { Sink } from './sink.ts';
import { fileFailed, StreamTransport } from './syslog/stream.ts';
import type { SyslogTransport } from './syslog/transport.ts';
import { UdpTransport } from './syslog/udp.ts';

/** RFC 5424, table 1; 12 to 15 have no common name. */
const FACILITIES = {
  user: 1,
  daemon: 3,
  auth: 4,
  syslog: 5,
  authpriv: 10,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;

type Facility = keyof typeof FACILITIES;

/** IANA: syslog for UDP, and what is usual for TCP; syslog-tls. */
const DEFAULT_PORTS = { udp: 514, tcp: 514, tls: 6514 } as const;

const TLS_OPTIONS = ['ca_file', 'server_name', 'cert_file', 'key_file'] as const;

const config = z
  .strictObject({
    type: z.literal('syslog'),
    ...commonOptions({ kinds: ['finding', 'loss', 'coverage'], batchMaxRecords: 100 }),
    format: formatOption(['native', 'cef', 'eve', 'ecs', 'ocsf']).describe(
      'The text of a message; what one filters by is in its structured data too. docs/formats.md shows each.',
    ),
    transport: z
      .enum(['udp', 'tcp', 'tls'])
      .default('tcp')
      .describe('RFC 5426, RFC 6587 with octet counting, RFC 5425.'),
    host: z.string().min(1).max(253).describe('Name or address of the receiver.'),
    port: z.number().int().min(1).max(65_535).optional().describe('Default: 514, with TLS 6514.'),
    facility: z
      .enum(Object.keys(FACILITIES) as [Facility, ...Facility[]])
      .default('local0')
      .describe('RFC 5424, table 1. The severity is that of the finding.'),
    enterprise_id: z
      .number()
      .int()
      .min(1)
      .max(2 ** 32 - 1)
      .default(DEFAULT_ENTERPRISE)
      .describe(
        'Private enterprise number in the name of the structured data; the default is that for documentation.',
      ),
    max_message_bytes: z
      .number()
      .int()
      .min(480)
      .max(65_000)
      .default(8192)
      .describe(
        'A longer text is cut, and its structured data says so. Receivers must take 2048, and often take 8192.',
      ),
    timeout_ms: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('How long connecting, and a write until the kernel has it, may take.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "With TLS: certificates of who may have signed the server's, in PEM. Default: those Node.js trusts.",
      ),
    server_name: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('With TLS: the name in its certificate. Default: host.'),
    cert_file: z
      .string()
      .min(1)
      .optional()
      .describe('With TLS: our certificate, in PEM, when the server asks for one.'),
    key_file: z
      .string()
      .min(1)
      .optional()
      .describe("With TLS: that certificate's key; read at each connection."),
  })
  .superRefine((options, context) => {
    const issue = (option: string, message: string) =>
      context.addIssue({ code: 'custom', path: [option], message });
    for (const option of TLS_OPTIONS)
      if (options.transport !== 'tls' && options[option] !== undefined)
        issue(option, `means nothing with transport ${options.transport}; set transport: tls`);
    if ((options.cert_file === undefined) !== (options.key_file === undefined))
      issue('cert_file', 'cert_file and key_file go together');
  });

export type SyslogSinkConfig = z.infer<typeof config>;

export const syslogSink = defineSink({
  type: 'syslog',
  about: 'RFC 5424 messages over UDP, TCP or TLS.',
  config,
  create: (options, deps) => newSyslogSink(options, deps, transportOf(options)),
});

function transportOf(options: SyslogSinkConfig): SyslogTransport {
  const { transport, host, port = DEFAULT_PORTS[transport], timeout_ms: timeoutMs } = options;
  const peer = { host, port, timeoutMs };
  switch (transport) {
    case 'udp':
      return new UdpTransport(peer);
    case 'tcp':
      return new StreamTransport(peer);
    case 'tls':
      return new StreamTransport(peer, () => ({
        // An address is no name that could be asked for (RFC 6066, 3).
        ...(options.server_name !== undefined && { servername: options.server_name }),
        ...pem('ca', 'ca_file', options.ca_file),
        ...pem('cert', 'cert_file', options.cert_file),
        ...pem('key', 'key_file', options.key_file),
      }));
  }
}

function pem(name: 'ca' | 'cert' | 'key', option: string, path: string | undefined): Record<string, Buffer> {
  if (path === undefined) return {};
  try {
    return { [name]: readFileSync(path) };
  } catch (error) {
    throw fileFailed(option, path, error);
  }
}

export function newSyslogSink(
  options: Omit<SyslogSinkConfig, 'transport' | 'host'>,
  { host, version }: SinkDeps,
  transport: SyslogTransport,
): Sink {
  const { format, enterprise_id: enterprise, max_message_bytes: maxBytes } = options;
  const facility = FACILITIES[options.facility];
  return {
    name: sinkName(options),
    accepts: new Set(options.kinds),
    check: (signal) => abortable(transport.check(signal), signal, transport.name),
    prepare: (signal) => abortable(transport.prepare(signal), signal, transport.name),
    async write(batch, signal) {
      const messages = batch.flatMap((delivery) => {
        const text = formatDelivery(format, delivery, { host, version });
        if (text === undefined) return [];
        const message = syslogMessage(
          parseRecord(delivery.text),
          text,
          { host, version },
          { facility, enterprise },
        );
        // A mark would be no JSON (RFC 8259, 8.1), and hide the begin of CEF.
        return [encodeSyslog(message, { maxBytes, byteOrderMark: false })];
      });
      if (messages.length === 0) return;
      const lane = laneOf(batch[0]!.kind);
      const sending = transport.send(messages, lane !== 'bulk', signal);
      await abortable(sending, signal, transport.name);
    },
    close: () => transport.close(),
  };
}
