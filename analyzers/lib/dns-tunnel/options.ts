/** What an operator can set of dns-tunnel. */
import { z } from 'zod';
import type { PerSpan } from './spans.ts';

export const options = z.strictObject({
  window_10min_bytes: threshold(
    500,
    'said to one zone within 10 minutes that are suspicious; the default is 0.83 B/s.',
  ),
  window_1h_bytes: threshold(
    1000,
    'said to one zone within an hour that are suspicious; the default is 0.28 B/s.',
  ),
  window_24h_bytes: threshold(
    2500,
    'said to one zone within a day that are suspicious; the default is 0.029 B/s.',
  ),
  answers_10min_bytes: threshold(
    2000,
    'of distinct answer data from one zone within 10 minutes that are suspicious; twice as many in an hour, five times in a day.',
  ),
  not_dns_10min_bytes: threshold(
    500,
    'that are no DNS between a client and a DNS server within 10 minutes that are suspicious; twice as many in an hour, five times in a day.',
  ),
  spread_10min_bytes: threshold(
    2000,
    'of names to zones that are new to a client and never contacted, together, within 10 minutes that are suspicious; twice as many in a day.',
  ),
  resolvers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Addresses of the resolvers that containers are meant to use, beside those that the engine gave them. Empty, and the engine not asked: not known, nobody is suspected for it.',
    ),
  known_zones: z
    .array(z.string().regex(/^[a-z0-9._-]+$/, 'expected a zone in lower case'))
    .default([])
    .describe(
      'Zones of your own with many names, such as a service registry; their thresholds are 1024 times higher.',
    ),
  max_zones: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(4000)
    .describe('Pairs of client and zone remembered at once: 1.2 KB each.'),
  max_clients: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(500)
    .describe('Clients, and servers, remembered at once: 3 KB each.'),
});

export type Options = z.infer<typeof options>;

/** Of what comes in, and what is no DNS, by what is suspicious within ten minutes. */
export function overSpans(bytes: number): PerSpan {
  return [bytes, bytes * 2, bytes * 5];
}

function threshold(bytes: number, what: string) {
  return z.number().int().min(50).max(10_000_000).default(bytes).describe(`Bytes ${what}`);
}
