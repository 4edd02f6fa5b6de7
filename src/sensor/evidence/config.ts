/** The packets of the last moments, and what is put aside of them. */
import { z } from 'zod';
import { SEVERITIES } from '../../model/finding.ts';

const MEBIBYTE = 1_048_576;

export const evidenceConfig = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Remember the packets of the last moments, and put aside those that concern a finding; without it `capture --last` has nothing to take either.',
    ),
  ring_bytes: z
    .number()
    .int()
    .min(4 * MEBIBYTE)
    .max(4096 * MEBIBYTE)
    .default(64 * MEBIBYTE)
    .describe(
      'Memory for them, of all networks together. At 10 MB/s 64 MiB reach five seconds back; what a finding needed and was gone is said.',
    ),
  ring_secs: z
    .number()
    .int()
    .min(5)
    .max(86_400)
    .default(120)
    .describe('And no longer than this: older packets are not put aside.'),
  snaplen_bytes: z
    .number()
    .int()
    .min(64)
    .max(262_144)
    .optional()
    .describe(
      'Bytes remembered of each packet; by default all that were captured. 128 keep the headers of nearly everything, next to nothing of what was said, and reach much further back.',
    ),
  min_severity: z
    .enum(SEVERITIES)
    .default('medium')
    .describe(
      'Findings of this severity and above get their packets put aside. Below are hints, of which a day may have many, and the packets are of people who did nothing.',
    ),
  after_secs: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .describe('Collecting goes on for so long after the finding, and after each time that it is told anew.'),
  max_bytes_per_finding: z
    .number()
    .int()
    .min(65_536)
    .max(1024 * MEBIBYTE)
    .default(16 * MEBIBYTE)
    .describe('Then it ends, and says so. The oldest packets are taken first.'),
  max_at_once: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(8)
    .describe(
      'Findings for which packets are collected at the same time; beyond it a more severe one takes the place of the least severe, any other is counted as lost.',
    ),
  max_per_hour: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(60)
    .describe('Of them in one hour; a quarter is kept for findings of severity high and critical.'),
});

export type EvidenceConfig = z.infer<typeof evidenceConfig>;
