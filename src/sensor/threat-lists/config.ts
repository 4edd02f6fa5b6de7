/** Options of the operator's lists: which files, how far each is believed, and what they may cost. */
import { z } from 'zod';
import { SEVERITIES } from '../../model/finding.ts';

export const LIST_FORMATS = ['auto', 'plain', 'csv', 'json'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

const listConfig = z.strictObject({
  path: z.string().min(1).describe('The file, packed with gzip or not.'),
  name: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'expected letters, digits, dots, hyphens and underscores, at most 64')
    .describe('What findings call it.'),
  format: z
    .enum(LIST_FORMATS)
    .default('auto')
    .describe(
      'plain: one a line, hosts files too. csv: with a header. json: MISP, STIX 2.1, abuse.ch. auto: by what stands in it.',
    ),
  severity: z
    .enum(SEVERITIES)
    .default('high')
    .describe('Of a container that talked with what the list names; what only tried or asked is milder.'),
  confidence: z.enum(['low', 'medium', 'high']).default('medium').describe('How far the list is believed.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Whether addresses of private and loopback ranges are taken from it; else they are refused.'),
  max_age_days: z
    .number()
    .int()
    .min(1)
    .max(3650)
    .optional()
    .describe(
      'A file last changed longer ago is still used, and is told as a problem: what fetches it may have failed.',
    ),
});

export const threatListsConfig = z.strictObject({
  lists: z
    .array(listConfig)
    .max(64)
    .refine(
      (lists) => new Set(lists.map(({ name }) => name)).size === lists.length,
      'each list needs a name of its own',
    )
    .default([])
    .describe(
      'Files of addresses, networks and domains; Bridgewatch fetches none itself. Each is read again when it changes, or at SIGHUP.',
    ),
  max_file_bytes: z
    .number()
    .int()
    .min(1024)
    .max(1_073_741_824)
    .default(67_108_864)
    .describe('A file with more, unpacked, is not taken; the list goes on as it was.'),
  max_indicators: z
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .default(1_000_000)
    .describe(
      'The same for entries of one file; 30 bytes each for an address, 60 for a name, twice that while it is read again.',
    ),
});

export type ThreatListConfig = z.infer<typeof listConfig>;
export type ThreatListsConfig = z.infer<typeof threatListsConfig>;
