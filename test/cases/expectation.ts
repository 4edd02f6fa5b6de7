/** The language of case.yaml. Unknown words are refused, so that a misspelt expectation is not an empty one. */
import { z } from 'zod';
import type { PublicRecord } from '../../src/model/serialize.ts';

const count = z.number().int().min(0);
/** Dotted paths into the record, `orig.workload.composeService: db`; `{ re: ... }` matches the text of the value. */
const pattern = z.record(z.string(), z.unknown());

const checkSchema = z.strictObject({
  match: pattern,
  count: z.union([count, z.strictObject({ min: count, max: count })]),
  not: z.array(pattern).optional(),
});

const counters = z.record(z.string(), count);

export const caseSchema = z
  .strictObject({
    /** As `--network`; without it the inventory is shop.ndjson. */
    networks: z.array(z.string()).optional(),
    /** As in the configuration file. */
    config: z.record(z.string(), z.unknown()).default({}),
    checks: z.array(checkSchema).min(1),
    stats: z.strictObject({
      packets: count,
      flows: count,
      dnsQuestions: count.default(0),
      findings: count.default(0),
      bytes: count.optional(),
      anomalies: counters.default({}),
      notUnderstood: counters.default({}),
      losses: counters.default({}),
    }),
  })
  .transform((parsed) => {
    const kinds = parsed.checks.map(({ match }) => match['kind']);
    return { ...parsed, allFlows: kinds.includes('flow'), allDns: kinds.includes('dns') };
  });

export type Check = z.infer<typeof checkSchema>;
export type Case = z.infer<typeof caseSchema>;

export function matches(record: PublicRecord, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([path, value]) => isAs(valueAt(record, path), value));
}

/** Findings and losses that no check speaks of; anomalies are in the summary, which is compared as a whole. */
export function unexplained(records: readonly PublicRecord[], checks: readonly Check[]): PublicRecord[] {
  return records
    .filter(({ kind }) => kind === 'finding' || kind === 'loss')
    .filter((record) => !checks.some(({ match }) => matches(record, match)));
}

function isAs(found: unknown, wanted: unknown): boolean {
  if (wanted === null) return found === undefined;
  if (isPattern(wanted)) return found !== undefined && new RegExp(wanted.re).test(String(found));
  return JSON.stringify(found) === JSON.stringify(wanted);
}

function isPattern(value: unknown): value is { readonly re: string } {
  return typeof value === 'object' && value !== null && 're' in value && typeof value.re === 'string';
}

function valueAt(record: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      record,
    );
}
