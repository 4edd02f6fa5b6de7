/** Options of the findings manager. All times are packet time. */
import { z } from 'zod';
import { exceptionConfig } from './exceptions.ts';

export const findingsConfig = z.strictObject({
  update_interval_secs: z
    .number()
    .min(1)
    .max(86_400)
    .default(60)
    .describe(
      'Least time between two updates of one finding. A rise in severity or a new message is told at once.',
    ),
  close_after_secs: z
    .number()
    .min(10)
    .max(604_800)
    .default(900)
    .describe('A finding that was not reported again for this long is closed.'),
  reopen_within_secs: z
    .number()
    .min(0)
    .max(2_592_000)
    .default(86_400)
    .describe(
      'One that returns within this after its last sign is the same finding, reopened; later it is a new one. Those that were closed are remembered for it, as many as max_open, about 0.3 KiB each.',
    ),
  max_open: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Findings open at once, about 4 KiB each; beyond it the one quiet for longest is closed early, and counted.',
    ),
  max_flows_per_finding: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(32)
    .describe('Flow uids and Community IDs a finding keeps: the first this many.'),
  storm_per_minute: z
    .number()
    .int()
    .min(2)
    .max(100_000)
    .default(30)
    .describe(
      'Findings of one analyzer that may open within a minute; what opens beyond is recorded, and told as one `finding-storm`. 16 bytes each, for each analyzer; 60 KiB for each storm.',
    ),
  storm_total_per_minute: z
    .number()
    .int()
    .min(2)
    .max(100_000)
    .default(60)
    .describe('The same for all analyzers together, without what is folded already.'),
  storm_critical_per_minute: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(30)
    .describe('Critical findings that go through a storm within a minute; beyond they too are told as one.'),
  exceptions: z
    .array(exceptionConfig)
    .max(500)
    .default([])
    .describe(
      'Findings that are as they should be: recorded as informational, with the reason, and never left out.',
    ),
});

export type FindingsConfig = z.infer<typeof findingsConfig>;
