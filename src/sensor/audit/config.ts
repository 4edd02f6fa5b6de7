/** Options of the audits that the running agent makes. */
import { z } from 'zod';
import { SEVERITIES } from '../../model/finding.ts';

const DEFAULT_LEAST = 'medium';

export const auditConfig = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Audit the host while the agent runs: at its start, after changes, and now and then.'),
  every_hours: z
    .number()
    .min(1)
    .max(168)
    .default(24)
    .describe(
      'A host on which nothing changes is audited this often; findings that still hold are told again.',
    ),
  min_severity: z
    .enum(SEVERITIES)
    .default(DEFAULT_LEAST)
    .describe(
      'Failures below it are counted in the `audit-run` record and in the scores, and are no findings. What is low is advice about what most hosts have by default.',
    ),
  settle_secs: z
    .number()
    .min(1)
    .max(600)
    .default(5)
    .describe(
      'After a container, network or connection came or went, nothing more must change for so long before it is audited; at most six times as long is waited.',
    ),
  pause_secs: z
    .number()
    .min(1)
    .max(86_400)
    .default(30)
    .describe(
      'Least time between an audit and one for changes; five times what the last one took where that is longer, so that a restless host is not audited all the time.',
    ),
  leave_out: z
    .array(z.string().regex(/^[a-z0-9-]+$/, 'expected the id of a check, as published-any-address'))
    .max(200)
    .default([])
    .describe('Ids of checks (docs/audit) that the running agent does not make.'),
  baseline: z
    .string()
    .min(1)
    .optional()
    .describe('A state that `bridgewatch audit --save` kept: what differs from it is told (baseline-drift).'),
});

export type AuditConfig = z.infer<typeof auditConfig>;
