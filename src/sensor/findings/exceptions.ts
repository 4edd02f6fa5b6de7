/**
 * What the operator knows of and does not want to be woken for: findings that a filter describes, with a reason and, if
 * wanted, an end. An exception never removes a finding: it is recorded as informational, with the reason and the
 * severity that it would have.
 */
import { z } from 'zod';
import type { Finding } from '../../model/finding.ts';
import { type PublicFinding, parseRecord, serializeRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Filter } from '../../query/filter.ts';
import { compileFindingFilter, findingFilterProblem } from '../../query/finding-filter.ts';

/** A day, begun in UTC, or a moment of RFC 3339. */
const UNTIL = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/;

export const exceptionConfig = z.strictObject({
  where: z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const problem = findingFilterProblem(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(
      'Which findings, in the language of docs/filters.md: `analyzer:internal-egress container:shop/db peer.ip:198.51.100.7`.',
    ),
  reason: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .describe('Why that is as it should be; it stands in each such finding.'),
  until: z
    .string()
    .refine((text) => UNTIL.test(text) && !Number.isNaN(Date.parse(text)), 'expected a day, as 2027-03-31')
    .optional()
    .describe('From this day on (00:00 UTC), or this moment, it holds no longer. Absent: it holds for ever.'),
});

export type ExceptionConfig = z.infer<typeof exceptionConfig>;

interface Exception {
  readonly filter: Filter;
  readonly reason: string;
  readonly until: Micros;
}

export interface Excepted {
  readonly record: Finding;
  /** Packet time from which on it is to be told again as what it is; absent: never, or it is no exception. */
  readonly until?: Micros;
}

export class Exceptions {
  readonly #exceptions: readonly Exception[];

  constructor(configs: readonly ExceptionConfig[]) {
    this.#exceptions = configs.map(({ where, reason, until }) => ({
      filter: compileFindingFilter(where),
      reason,
      until: until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until) * 1000,
    }));
  }

  /** As it is to be told now; the first exception that fits counts. */
  apply(record: Finding, now: Micros): Excepted {
    if (this.#exceptions.length === 0) return { record };
    const subject = parseRecord(serializeRecord(record)) as PublicFinding;
    const found = this.#exceptions.find(({ filter, until }) => now < until && filter.matches(subject));
    if (found === undefined) return { record };
    const { reason, until } = found;
    const exception = { reason, severity: record.severity };
    return { record: { ...record, severity: 'informational', exception }, until };
  }
}
