/** Options of the HTTP API. */
import { z } from 'zod';

const ADDRESS = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):\d{1,5}$/;

export const apiConfig = z.strictObject({
  listen: z
    .string()
    .regex(ADDRESS, 'expected an address and a port, as 127.0.0.1:9477 or [::1]:9477')
    .or(z.literal('off'))
    .default('127.0.0.1:9477')
    .describe(
      'Where it listens for HTTP; `off`: only on the Unix socket beside the database, which is always there.',
    ),
  token_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the token that requests carry (`Authorization: Bearer`). Without it, one is made at the first start: `api-token` beside the database.',
    ),
  require_token: z
    .enum(['remote', 'always'])
    .default('remote')
    .describe(
      'Who needs the token over TCP to read: `remote`: whoever does not come from this machine; `always`: everybody. To change anything, everybody does.',
    ),
  allowed_hosts: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Names in the `Host` header that are answered, beside loopback and the address it listens on; others are refused (DNS rebinding).',
    ),
  max_streams: z
    .number()
    .int()
    .min(1)
    .max(500)
    .default(256)
    .describe(
      'Clients of the live feed at once; who comes then is answered 503. Each costs 0.5 MiB of memory at most.',
    ),
});

export type ApiConfig = z.infer<typeof apiConfig>;
